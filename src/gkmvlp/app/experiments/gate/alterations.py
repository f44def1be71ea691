"""From a frontal radiograph to one that a gate has to stop, and the variety that it has to let pass.

S side of what comes in, T side of what the network reads.
"""

from typing import NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from gkmvlp.data_modules.pipeline.transforms import Pixels
from gkmvlp.models.gate import FRONTAL, SIDE
from gkmvlp.phantom.drawing.lateral import draw_lateral
from gkmvlp.phantom.drawing.other_pictures import draw_blank, draw_other

ALTERED = ("inverted", "mirrored", "rotated", "cropped")  # a frontal radiograph, changed
DRAWN = ("no radiograph", "blank")  # without any radiograph
_MOST_TURN = 8.0  # degrees that a frontal radiograph may lie askew


PLAIN, TRAINING = 0.0, 1.0  # variety of position and exposure: none, or as wide as in training


class Drawn(NamedTuple):
    """Pictures that take long to draw, each used many times: (N, S, S) uint8."""

    lateral_NSS: Pixels
    other_NSS: Pixels

    @classmethod
    def draw(cls, seed: int, count: int, side: int) -> "Drawn":
        """As many of both, of a side in pixels; another seed gives others."""
        rng = np.random.default_rng([seed, 5])
        drawers = (draw_lateral, draw_other)
        return cls(*(np.stack([drawer(rng, side) for _ in range(count)]) for drawer in drawers))


def altered(
    image_SS: Pixels, kind: str, rng: np.random.Generator, variety: float, drawn: Drawn, size: int = SIDE
) -> Pixels:
    """A picture of a kind, (T, T) uint8.

    Args:
        image_SS: A frontal radiograph; for ``no chest`` what it shows instead.
        kind: Of ``gkmvlp.models.gate.KINDS``.
        rng: All chance.
        variety: Of position and exposure, beside what makes the kind, in [0, 1].
        drawn: Lateral radiographs and other pictures.
        size: T in pixels.
    """
    if kind == "lateral":
        image_SS = _lateral(image_SS, rng, drawn.lateral_NSS)
    elif kind == "no radiograph":
        image_SS = drawn.other_NSS[int(rng.integers(len(drawn.other_NSS)))]
    elif kind == "blank":
        image_SS = draw_blank(rng, len(image_SS))
    elif kind == "no chest" and variety:
        image_SS = np.rot90(image_SS, int(rng.integers(4)))[:, :: rng.choice([-1, 1])]
    is_early = rng.random() < 0.3  # shutters and frames lie over a negative, or are part of it
    if kind == "inverted" and is_early:
        image_SS = 255 - image_SS
    shown = _placed(np.ascontiguousarray(image_SS), kind, rng, variety, size)
    if kind == "inverted" and not is_early:
        shown = 255 - shown
    if kind == "blank":  # what stretches tones would make something of nothing
        return shown
    return _exposed(shown, rng) if rng.random() < variety else shown


def _placed(image_SS: Pixels, kind: str, rng: np.random.Generator, variety: float, size: int) -> Pixels:
    """Cut, turned, mirrored and moved, (T, T)."""
    side = len(image_SS)
    width, height = _window(rng) if kind == "cropped" else (1.0, 1.0)
    centre = np.array([_cut_centre(rng, width), _cut_centre(rng, height)]) if kind == "cropped" else np.full(2, 0.5)
    angle, is_flipped = _turn(rng) if kind == "rotated" else (0.0, kind == "mirrored")
    angle += variety * float(np.clip(rng.normal(0, 3.5), -_MOST_TURN, _MOST_TURN))
    zoom = np.array([1 / width, 1 / height]) * np.exp(
        variety * (rng.uniform(-0.10, 0.10) + rng.uniform(-0.09, 0.09, 2))
    )
    radians = np.deg2rad(angle)
    turn_22 = np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])
    map_22 = turn_22 @ np.diag(zoom * [-1 if is_flipped else 1, 1]) * (size / side)
    target = size * (0.5 + variety * rng.uniform(-0.05, 0.05, 2))
    matrix_23 = np.concatenate([map_22, (target - map_22 @ (centre * side))[:, None]], 1)
    border = cv2.BORDER_REPLICATE if rng.random() < 0.3 else cv2.BORDER_CONSTANT
    fill = 0.0 if rng.random() < 0.8 else float(rng.uniform(0, 255))
    smoothed = cv2.GaussianBlur(image_SS, (0, 0), max(0.35 * side / size / max(width, height, 0.5), 0.1))
    return np.asarray(cv2.warpAffine(smoothed, matrix_23, (size, size), flags=cv2.INTER_LINEAR, borderMode=border,
                                     borderValue=fill), np.uint8)  # fmt: skip


def _window(rng: np.random.Generator) -> tuple[float, float]:
    """Width and height of what is left, as shares: at least one side is too short for both lungs."""
    short, other = rng.uniform(0.38, 0.66), rng.uniform(0.42, 1.0)
    return (short, other) if rng.random() < 0.5 else (other, short)


def _cut_centre(rng: np.random.Generator, length: float) -> float:
    """Middle of a window of a length: anywhere, more often at an end."""
    place = rng.choice([0.0, 1.0, rng.random(), rng.random()])
    return float(length / 2 + place * (1 - length))


def _turn(rng: np.random.Generator) -> tuple[float, bool]:
    """Degrees, and whether the picture is mirrored too, as a file that is upside down is."""
    if rng.random() < 0.6:
        return float(rng.choice([90, 180, 270])), bool(rng.random() < 0.25)
    return float(rng.choice([-1, 1]) * rng.uniform(25, 160)), False


def _lateral(image_SS: Pixels, rng: np.random.Generator, lateral_NSS: Pixels) -> Pixels:
    """A drawn lateral radiograph, both halves of a frontal one laid on each other, or one over the other."""
    side = len(image_SS)
    drawn = lateral_NSS[int(rng.integers(len(lateral_NSS)))]
    if (chance := rng.random()) < 0.35:
        return drawn
    middle = int(side * rng.uniform(0.46, 0.54))
    halves = [cv2.resize(half, (side, side)).astype(np.float32) for half in
              (image_SS[:, middle:], np.ascontiguousarray(image_SS[:, :middle][:, ::-1]))]  # fmt: skip
    share = rng.uniform(0.3, 0.7)
    both = share * halves[0] + (1 - share) * halves[1]
    bend = rng.uniform(0.03, 0.16) * side * np.sin(np.linspace(0, np.pi, side)) * rng.choice([-1, 1])
    x, y = np.meshgrid(np.arange(side, dtype=np.float32), np.arange(side, dtype=np.float32))
    both = cv2.remap(both, x + bend[:, None].astype(np.float32), y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    both = both[:, ::-1] if rng.random() < 0.5 else both
    if chance > 0.6:
        weight = rng.uniform(0.25, 0.7)
        both = weight * both + (1 - weight) * drawn
    return np.asarray(np.clip(both, 0, 255), np.uint8)


def _exposed(image_TT: Pixels, rng: np.random.Generator) -> Pixels:
    """Another exposure, processing, frame and marker."""
    image_TT = _toned(image_TT, rng)
    if rng.random() < 0.25:
        image_TT = _framed(image_TT, rng)
    if rng.random() < 0.4:
        word, place = (
            str(rng.choice(["L", "R", "AP", "PORTABLE", "SUPINE"])),
            rng.uniform(0.03, 0.85, 2) * len(image_TT),
        )
        size, grey = rng.uniform(0.2, 0.4), int(rng.uniform(120, 255))
        cv2.putText(image_TT, word, (int(place[0]), int(place[1]) + 8), 0, size, grey, 1, cv2.LINE_AA)
    return image_TT


def _toned(image_TT: Pixels, rng: np.random.Generator) -> Pixels:
    """Histogram, window, gamma, sharpness and noise."""
    chance = rng.random()
    if chance < 0.2:
        image_TT = np.asarray(cv2.equalizeHist(image_TT), np.uint8)
    elif chance < 0.35:
        image_TT = np.asarray(cv2.createCLAHE(float(rng.uniform(1, 4)), (4, 4)).apply(image_TT), np.uint8)
    low, high = np.percentile(image_TT, [rng.uniform(0, 12), rng.uniform(92, 100)])
    tone: NDArray[np.floating] = np.clip((image_TT.astype(np.float32) - low) / max(high - low, 8.0), 0, 1)
    tone = tone ** np.float32(np.exp(rng.normal(0, 0.35)))
    if (sigma := rng.uniform(-0.8, 0.8)) > 0.2:
        tone = cast("NDArray[np.floating]", cv2.GaussianBlur(tone, (0, 0), sigma))
    elif sigma < -0.3:
        tone = tone + np.float32(1.2) * (tone - cv2.GaussianBlur(tone, (0, 0), 1.0))
    tone = tone + np.float32(rng.uniform(0, 0.035)) * rng.standard_normal(tone.shape, np.float32)
    bottom, top = rng.uniform(0, 0.12, 2)
    return np.asarray(np.rint(np.clip(bottom + tone * (1 - top - bottom), 0, 1) * 255), np.uint8)


def _framed(image_TT: Pixels, rng: np.random.Generator) -> Pixels:
    """Made narrower or lower between bars, as files of another aspect are, or cut by shutters."""
    side = len(image_TT)
    edge = (rng.uniform(0, 0.12, 2) * side).astype(int)
    framed = np.full_like(image_TT, int(rng.choice([0, 0, 0, 255])))
    if rng.random() < 0.5:
        framed[edge[0] : side - edge[0], edge[1] : side - edge[1]] = cv2.resize(
            image_TT, (side - 2 * int(edge[1]), side - 2 * int(edge[0])), interpolation=cv2.INTER_AREA
        )
        return framed
    edge //= 3
    inside = np.s_[edge[0] : side - edge[0], edge[1] : side - edge[1]]
    framed[inside] = image_TT[inside]
    return framed


def kinds_for(is_frontal: bool) -> tuple[str, ...]:
    """The kinds that can be made of a source of frontal radiographs, or of one of other pictures."""
    return (FRONTAL, "lateral", *ALTERED, *DRAWN) if is_frontal else ("no chest",)

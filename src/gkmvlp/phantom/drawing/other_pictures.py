"""Pictures that are no radiograph: text, drawings, patterns, scenes, noise; and pictures that show nothing."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from gkmvlp.phantom.drawing.curves import blur
from gkmvlp.phantom.drawing.textures import cloud_tile, net_tile, window

Picture = NDArray[np.uint8]
_Drawer = Callable[[np.random.Generator, int], Picture]
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;%-"


def draw_other(rng: np.random.Generator, size: int = 256) -> Picture:
    """A picture (size, size) uint8 of anything but a radiograph.

    Args:
        rng: Decides what it shows.
        size: Side in pixels.
    """
    drawn = _DRAWERS[int(rng.integers(len(_DRAWERS)))](rng, size)
    if rng.random() < 0.3:
        drawn = np.maximum(drawn, _DRAWERS[int(rng.integers(len(_DRAWERS)))](rng, size))
    return 255 - drawn if rng.random() < 0.4 else drawn


def draw_blank(rng: np.random.Generator, size: int = 256) -> Picture:
    """A picture (size, size) uint8 that shows nothing: one grey, a slow gradient, faint noise, a marker at most."""
    level = rng.choice([0.0, 1.0, rng.uniform(0, 1)])
    ways = np.linspace(-1, 1, size, dtype=np.float32)
    slope = rng.uniform(-0.35, 0.35, 2) * (rng.random() < 0.6)
    tone = level + slope[0] * ways[:, None] + slope[1] * ways + rng.choice([0.0, 0.004, 0.03]) * (
        rng.standard_normal((size, size), np.float32)
    )  # fmt: skip
    picture = np.rint(np.clip(tone, 0, 1) * 255).astype(np.uint8)
    if rng.random() < 0.5:
        word, place = str(rng.choice(["L", "R", "PORTABLE", "AP"])), rng.uniform(0.05, 0.8, 2) * size
        cv2.putText(
            picture, word, (int(place[0]), int(place[1])), 0, size / 300, int(rng.uniform(0, 255)), 1, cv2.LINE_AA
        )
    if rng.random() < 0.4:  # shutters around an empty field
        edge = rng.integers(0, size // 5, 4)
        field = np.full_like(picture, int(rng.choice([0, 255])))
        field[edge[0] : size - edge[1], edge[2] : size - edge[3]] = picture[
            edge[0] : size - edge[1], edge[2] : size - edge[3]
        ]
        picture = field
    return picture


def _text(rng: np.random.Generator, size: int) -> Picture:
    page = np.full((size, size), 255, np.uint8)
    scale, font = rng.uniform(0.3, 1.0) * size / 256, int(rng.integers(0, 5))
    margin, gap = int(rng.uniform(0.02, 0.15) * size), int(rng.uniform(24, 40) * scale)
    for y in range(margin + gap, size - margin, max(gap, 6)):
        if rng.random() < 0.15:
            continue
        words = "".join(rng.choice(list(_LETTERS + " " * 12), int(rng.uniform(10, 60))))
        cv2.putText(page, words, (margin, y), font, scale, int(rng.uniform(0, 120)), 1, cv2.LINE_AA)
    return page


def _shapes(rng: np.random.Generator, size: int) -> Picture:
    picture = np.full((size, size), int(rng.uniform(0, 255)), np.uint8)
    for _ in range(int(rng.integers(2, 25))):
        x, y = (int(value) for value in rng.uniform(0, size, 2))
        width, height = (int(value) for value in rng.uniform(0.03, 0.5, 2) * size)
        grey, thick = int(rng.uniform(0, 255)), int(rng.choice([-1, 1, 2, 5]))
        kind = rng.integers(4)
        if kind == 0:
            cv2.rectangle(picture, (x, y), (x + width, y + height), grey, thick)
        elif kind == 1:
            cv2.ellipse(picture, (x, y), (width // 2 + 1, height // 2 + 1), rng.uniform(0, 180), 0, 360, grey, thick)
        elif kind == 2:
            corners = (rng.uniform(0, 1, (int(rng.integers(3, 7)), 2)) * [width, height] + [x, y]).astype(np.int32)
            cv2.fillPoly(picture, [corners], (grey,))
        else:
            cv2.line(picture, (x, y), (x + width, y - height), grey, max(thick, 1), cv2.LINE_AA)
    return picture


def _scene(rng: np.random.Generator, size: int) -> Picture:
    """What photographs have: a sky, a ground, textured things with shades and sharp edges."""
    ways = np.linspace(0, 1, size, dtype=np.float32)[:, None]
    horizon = rng.uniform(0.2, 0.8)
    picture = np.where(ways < horizon, rng.uniform(0.3, 1) - rng.uniform(0, 0.4) * ways, rng.uniform(0, 0.7)) * np.ones(
        (size, size), np.float32
    )  # fmt: skip
    picture += np.float32(rng.uniform(0, 0.25)) * _grain(rng, size) * (ways > horizon)
    for _ in range(int(rng.integers(1, 9))):
        mask = np.zeros((size, size), np.uint8)
        points = rng.uniform(-0.2, 0.2, (int(rng.integers(4, 9)), 2)) + rng.uniform(0.1, 0.9, 2)
        if rng.random() < 0.5:
            angle = np.sort(rng.uniform(0, 2 * np.pi, len(points)))
            radius = rng.uniform(0.06, 0.3, len(points))
            points = rng.uniform(0.2, 0.8, 2) + np.stack([np.cos(angle), np.sin(angle)], 1) * radius[:, None]
        cv2.fillPoly(mask, [(points * size).astype(np.int32)], (255,), cv2.LINE_AA)
        shade = rng.uniform(0, 1) + rng.uniform(-0.4, 0.4) * ways + np.float32(rng.uniform(0, 0.3)) * _grain(rng, size)
        cover = mask.astype(np.float32) / 255
        picture = picture * (1 - cover) + shade * cover
    picture = blur(np.asarray(picture, np.float32), rng.uniform(0, 1.5))
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def _grain(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    tile = cloud_tile(float(rng.choice([4.0, 12.0, 40.0]))) if rng.random() < 0.7 else net_tile(9.0) * 2 - 1
    return window(tile, (size, size), rng, float(rng.choice([0.5, 1.0, 2.0])) * size / 256)


def _texture(rng: np.random.Generator, size: int) -> Picture:
    tone = 0.5 + rng.uniform(0.08, 0.4) * _grain(rng, size) + rng.uniform(-0.3, 0.3) * _grain(rng, size)
    return np.rint(np.clip(tone, 0, 1) * 255).astype(np.uint8)


def _noise(rng: np.random.Generator, size: int) -> Picture:
    tone = 0.5 + rng.uniform(0.1, 0.5) * blur(
        rng.standard_normal((size, size), np.float32), rng.choice([0.0, 0.7, 2.0])
    )
    return np.rint(np.clip(tone, 0, 1) * 255).astype(np.uint8)


def _waves(rng: np.random.Generator, size: int) -> Picture:
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    tone = np.zeros((size, size), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        way, count = rng.uniform(0, 2 * np.pi), rng.uniform(1, 25)
        across = (
            np.hypot(x - rng.random(), y - rng.random()) if rng.random() < 0.4 else x * np.cos(way) + y * np.sin(way)
        )
        tone += np.sin(2 * np.pi * count * across)
    tone = np.sign(tone) if rng.random() < 0.4 else tone
    return np.rint(np.clip(0.5 + 0.3 * tone, 0, 1) * 255).astype(np.uint8)


def _plot(rng: np.random.Generator, size: int) -> Picture:
    """Axes with curves, bars or dots."""
    picture = np.full((size, size), 255, np.uint8)
    low, high = int(0.12 * size), int(0.9 * size)
    cv2.line(picture, (low, low), (low, high), 0, 1)
    cv2.line(picture, (low, high), (high, high), 0, 1)
    x = np.linspace(low, high, 40)
    for _ in range(int(rng.integers(1, 5))):
        y = high - (high - low) * np.clip(0.5 + 0.12 * np.cumsum(rng.normal(0, 0.6, 40)), 0, 1)
        points, grey = np.stack([x, y], 1).astype(np.int32), int(rng.uniform(0, 200))
        if rng.random() < 0.5:
            cv2.polylines(picture, [points], False, grey, int(rng.integers(1, 4)), cv2.LINE_AA)
        else:
            for column, row in points[:: int(rng.integers(2, 5))]:
                cv2.rectangle(picture, (int(column), int(row)), (int(column) + size // 40, high), grey, -1)
    return picture


_DRAWERS: tuple[_Drawer, ...] = (_text, _shapes, _scene, _scene, _scene, _texture, _texture, _noise, _waves, _plot)

"""A simple lateral radiograph of the chest: what a frontal reader must not be shown. Nothing is planted in it."""

import numpy as np
from numpy.typing import NDArray

from gkmvlp.phantom.drawing.curves import Map, Points, blur, fill, ribbon, spline, stroke, unit
from gkmvlp.phantom.drawing.textures import cloud_tile, window


def draw_lateral(rng: np.random.Generator, size: int = 256) -> NDArray[np.uint8]:
    """One lateral radiograph (size, size) uint8, air dark; the patient looks to either side.

    Args:
        rng: Decides on the patient and the exposure.
        size: Side of the image in pixels.
    """
    frame = _Frame(rng, size)
    back = frame.curve([(0.17, 0.02), (0.11, 0.25), (0.08, 0.5), (0.12, 0.75), (0.19, 1.05)], 0.015)
    front = frame.curve([(0.62, 0.02), (0.80, 0.22), (0.88, 0.5), (0.87, 0.75), (0.84, 1.05)], 0.02)
    wall = frame.cover(np.concatenate([back, front[::-1]]))
    level = rng.uniform(1.9, 2.6)
    total = wall * np.float32(level) * (np.float32(0.5) + np.float32(0.5) * blur(wall, 0.06 * size))
    lung, domes = _lung(frame)
    total -= lung * np.float32(rng.uniform(1.1, 1.6))
    total += _heart_and_vessels(frame, lung) + _bones(frame, lung)
    below = np.clip((frame.y - np.float32(domes)) * np.float32(1 / 0.16), 0, 1)
    total += wall * below * np.float32(rng.uniform(0.2, 0.7))
    total += np.float32(0.05) * window(cloud_tile(24.0), total.shape, rng, size / 256) * wall
    return frame.develop(np.maximum(total, 0))


class _Frame:
    """Body coordinates in [0, 1], the spine on the left, as pixels of one picture."""

    def __init__(self, rng: np.random.Generator, size: int) -> None:
        self.rng, self.size = rng, size
        self.looks_left = rng.random() < 0.5
        angle, scale = np.deg2rad(rng.uniform(-14, 14)), rng.uniform(0.9, 1.25)
        turn_22 = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        turn_22[0] *= rng.uniform(0.85, 1.15)
        self.turn_22, self.middle = turn_22, 0.5 + rng.uniform(-0.05, 0.05, 2)
        self.y = np.linspace(0, 1, size, dtype=np.float32)[:, None] * np.ones(size, np.float32)

    def curve(self, points: list[tuple[float, float]], spread: float = 0.012) -> Points:
        """A smooth curve through points that are moved a little."""
        return spline(np.array(points) + self.rng.normal(0, spread, (len(points), 2)), 8)

    def pixels(self, points: Points) -> Points:
        """Body coordinates (..., 2) as pixels."""
        moved = (points - 0.5) @ self.turn_22.T + self.middle
        if self.looks_left:
            moved = moved * np.array([-1, 1]) + np.array([1, 0])
        return np.asarray(moved * self.size)

    def cover(self, outline: Points) -> Map:
        """Coverage of a polygon, in [0, 1]."""
        return unit(fill(np.zeros((self.size, self.size), np.uint8), [self.pixels(outline)]))

    def lines(self, lines: list[Points], value: int, width: float) -> Map:
        """Lines of a width in body units, in [0, 1]."""
        layer = np.zeros((self.size, self.size), np.uint8)
        for line in lines:
            stroke(layer, [self.pixels(line)], value, max(width * self.size, 0.6))
        return unit(layer)

    def develop(self, attenuation: Map) -> NDArray[np.uint8]:
        """Scatter, noise, window and gamma."""
        rng = self.rng
        direct = np.exp(-attenuation)
        signal = blur(direct + np.float32(rng.uniform(0.1, 0.4)) * blur(np.minimum(direct, 0.5), self.size / 10), 0.6)
        signal += np.float32(rng.uniform(0.004, 0.02)) * rng.standard_normal(signal.shape, np.float32)
        density = -np.log(np.maximum(signal, 1e-3))
        low, high = np.percentile(density, [rng.uniform(3, 25), rng.uniform(93, 99.7)])
        tone = np.clip((density - low) / (high - low), 0, 1) ** np.exp(rng.uniform(-0.5, 0.5))
        return np.asarray(np.rint(tone * 255), np.uint8)


def _lung(frame: _Frame) -> tuple[Map, float]:
    """Coverage of both lungs on each other, and the height of the diaphragm."""
    rng = frame.rng
    base, apex = rng.uniform(0.66, 0.82), rng.uniform(0.08, 0.16)
    cover = np.zeros((frame.size, frame.size), np.float32)
    for _ in range(2):  # the two sides lie nearly, not quite, behind each other
        low = base + rng.normal(0, 0.025)
        outline = [(0.30, low + 0.12), (0.235, 0.60), (0.23, 0.38), (0.30, 0.19), (0.42, apex), (0.53, apex + 0.05),
                   (0.66, 0.27), (0.77, 0.44), (0.79, 0.60), (0.77, low - 0.02), (0.64, low - 0.06),
                   (0.48, low - 0.03), (0.37, low + 0.04)]  # fmt: skip
        cover += frame.cover(spline(np.array(outline) + rng.normal(0, 0.008, (13, 2)), 6, closed=True)) / 2
    return blur(cover, frame.size / 200), float(base)


def _heart_and_vessels(frame: _Frame, lung: Map) -> Map:
    """Heart against the front of the diaphragm, hila in the middle, aortic arch, trachea, vessels."""
    rng = frame.rng
    angle = np.linspace(0, 2 * np.pi, 30)
    middle, half = (
        (rng.uniform(0.58, 0.66), rng.uniform(0.55, 0.63)),
        (rng.uniform(0.10, 0.17), rng.uniform(0.11, 0.16)),
    )
    heart = frame.cover(np.stack([middle[0] + half[0] * np.cos(angle), middle[1] + half[1] * np.sin(angle)], 1))
    out = blur(heart, 0.012 * frame.size) * np.float32(rng.uniform(0.5, 1.1))
    hilum = np.array([rng.uniform(0.44, 0.50), rng.uniform(0.36, 0.43)])
    tree = []
    for _ in range(34):
        way = rng.uniform(0, 2 * np.pi)
        end = hilum + rng.uniform(0.10, 0.30) * np.array([0.8 * np.cos(way), 1.1 * np.sin(way)])
        tree.append(spline(np.stack([hilum, (hilum + end) / 2 + rng.normal(0, 0.012, 2), end]), 5))
    out += lung * (frame.lines(tree, 90, 0.007) + blur(frame.lines(tree, 160, 0.012), 2.0)) * np.float32(0.5)
    out += blur(frame.lines([hilum + np.array([[0, -0.04], [0, 0.05]])], 255, 0.05), 0.015 * frame.size) * np.float32(
        0.5
    )
    arch = frame.curve([(0.55, 0.40), (0.54, 0.30), (0.46, 0.25), (0.37, 0.29), (0.33, 0.42), (0.31, 0.62)], 0.01)
    out += blur(frame.lines([arch], 255, 0.07), 0.01 * frame.size) * np.float32(rng.uniform(0.1, 0.5))
    trachea = frame.curve([(0.47, 0.02), (0.46, 0.15), (0.45, 0.33)], 0.008)
    return out - blur(frame.lines([trachea], 255, 0.035), 0.006 * frame.size) * np.float32(0.45)


def _bones(frame: _Frame, lung: Map) -> Map:
    """Vertebrae behind the lungs, ribs that fall forward, sternum, raised arms."""
    rng, size = frame.rng, frame.size
    spine = frame.curve([(0.30, -0.02), (0.22, 0.2), (0.185, 0.45), (0.21, 0.7), (0.29, 1.02)], 0.008)
    bodies = np.zeros((size, size), np.uint8)
    place = np.linspace(0, len(spine) - 1.001, 30)
    for start in np.arange(0, 29, 2):
        part = spine[[int(place[start]), int(place[start + 1])]]
        fill(bodies, [frame.pixels(ribbon(part, rng.uniform(0.068, 0.082)))])
    out = blur(unit(bodies), size / 256) * np.float32(rng.uniform(0.3, 0.6))
    ribs = []
    for y in np.arange(rng.uniform(0.12, 0.18), 0.9, rng.uniform(0.055, 0.075)):
        for shift in (0.0, rng.uniform(0.01, 0.03)):
            fall = rng.uniform(0.20, 0.28)
            ribs.append(spline(np.array([(0.17, y + shift), (0.33, y + shift + 0.02), (0.52, y + fall * 0.6),
                                         (0.72, y + fall)]), 6))  # fmt: skip
    out += blur(frame.lines(ribs, 255, 0.014), size / 256) * np.float32(rng.uniform(0.08, 0.22)) * (1 - 0.4 * lung)
    sternum = frame.curve([(0.66, 0.20), (0.79, 0.36), (0.84, 0.58)], 0.01)
    out += blur(frame.lines([sternum], 255, 0.026), size / 200) * np.float32(rng.uniform(0.15, 0.4))
    arm = frame.curve([(0.22, 0.14), (0.45, 0.08), (0.80, rng.uniform(-0.15, 0.05))], 0.02)
    arms = blur(frame.lines([arm], 255, rng.uniform(0.14, 0.30)), rng.uniform(0.01, 0.05) * size)
    out += arms * np.float32(rng.uniform(0.2, 1.2))
    return np.asarray(out, np.float32)

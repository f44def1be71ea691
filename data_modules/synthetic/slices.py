"""Ellipses that stand for slices of CT and MRI, in look-alikes of data sets that show more than chests."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Slice(NamedTuple):
    """A body with one organ in it.

    Attributes:
        image_HW: Pixels (size, size) uint8.
        organ_HW: Pixels of the organ, (size, size) bool.
        box: The organ's left, top, width and height in pixels.
    """

    image_HW: NDArray[np.uint8]
    organ_HW: NDArray[np.bool_]
    box: tuple[float, float, float, float]


def draw_slice(rng: np.random.Generator, size: int) -> Slice:
    """Draws a slice.

    Args:
        rng: Source of chance.
        size: Side in pixels.
    """
    x, y = (int(rng.integers(size // 4, size // 2)) for _ in range(2))
    body, organ = _disc(size, size / 2, size / 2, size * 0.45), _disc(size, x, y, size / 8)
    pixels = 20 + 90 * body + 60 * organ + rng.integers(0, 40, (size, size))
    box = (float(x - size // 8), float(y - size // 8), float(size // 4), float(size // 4))
    return Slice(pixels.astype(np.uint8), organ, box)


def _disc(size: int, x: float, y: float, radius: float) -> NDArray[np.bool_]:
    """Pixels (size, size) inside a circle."""
    row, column = np.mgrid[:size, :size]
    return np.hypot(column - x, row - y) < radius

"""Noise tiles drawn once a process; patients cut their own windows from them."""

from functools import cache

import cv2
import numpy as np
from scipy.spatial import cKDTree

from gkmvlp.phantom.drawing.curves import Map

_SIDE = 512


@cache
def cloud_tile(scale: float) -> Map:
    """Fractal noise (512, 512) of mean 0 and deviation 1 whose coarsest grain is ``scale`` pixels."""
    rng = np.random.default_rng([1201, int(scale * 10)])
    tile = np.zeros((_SIDE, _SIDE), np.float32)
    for octave in range(3):
        cells = max(2, int(_SIDE / scale * 2**octave))
        grain = rng.standard_normal((cells, cells), np.float32)
        tile += cv2.resize(grain, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC) * np.float32(0.55**octave)
    return np.asarray((tile - tile.mean()) / tile.std(), np.float32)


@cache
def net_tile(cell: float) -> Map:
    """A net of walls (512, 512) in [0, 1] around random cells of about ``cell`` pixels: ridges of a Voronoi diagram."""
    rng = np.random.default_rng([1202, int(cell * 10)])
    count = int((_SIDE / cell) ** 2)
    seeds = rng.uniform(0, _SIDE, (count, 2))
    grid = np.stack(np.meshgrid(np.arange(_SIDE), np.arange(_SIDE)), -1).reshape(-1, 2)
    distance, _ = cKDTree(seeds).query(grid, k=2)
    ridge = np.exp(-(((distance[:, 1] - distance[:, 0]) / 1.7) ** 2)).reshape(_SIDE, _SIDE).astype(np.float32)
    patchy = np.clip(0.8 + 0.35 * cloud_tile(40.0), 0.25, 1.2)
    return np.asarray(ridge * patchy, np.float32)


def window(tile: Map, shape: tuple[int, int], rng: np.random.Generator, scale: float = 1.0) -> Map:
    """A random window of a tile, stretched by ``scale``, turned over at random.

    Args:
        tile: (512, 512).
        shape: Height and width wanted.
        rng: Decides where and how.
        scale: Pixels of the window a pixel of the tile.
    """
    height, width = shape
    rows, columns = min(_SIDE, int(height / scale) + 1), min(_SIDE, int(width / scale) + 1)
    top, left = int(rng.integers(0, _SIDE - rows + 1)), int(rng.integers(0, _SIDE - columns + 1))
    cut = tile[top : top + rows, left : left + columns]
    cut = cut[:: rng.choice([-1, 1]), :: rng.choice([-1, 1])]
    if (rows, columns) == (height, width):
        return np.ascontiguousarray(cut)
    if 0.99 < scale < 1.01 and rows >= height and columns >= width:
        return np.ascontiguousarray(cut[:height, :width])
    return np.asarray(cv2.resize(cut, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)

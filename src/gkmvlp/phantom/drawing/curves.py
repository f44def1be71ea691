"""Smooth curves, bands and their rasterization; points are (N, 2) float64, x first, several lines (M, N, 2)."""

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Layer = NDArray[np.uint8]
Map = NDArray[np.float32]

_SHIFT = 4  # OpenCV draws at 1/16 px


@cache
def _catmull_rom(count: int, steps: int, closed: bool) -> Points:
    """Weights (count * steps or (count - 1) * steps + 1, count) of a uniform Catmull-Rom spline, tension 1/2."""
    spans = count if closed else count - 1
    t_S = np.arange(steps) / steps
    basis_S4 = 0.5 * np.stack(
        [-(t_S**3) + 2 * t_S**2 - t_S, 3 * t_S**3 - 5 * t_S**2 + 2, -3 * t_S**3 + 4 * t_S**2 + t_S, t_S**3 - t_S**2], 1
    )
    rows = np.zeros((spans * steps + (0 if closed else 1), count))
    for span in range(spans):
        for k in range(4):
            index = span + k - 1
            index = index % count if closed else min(max(index, 0), count - 1)
            rows[span * steps : (span + 1) * steps, index] += basis_S4[:, k]
    if not closed:
        rows[-1, -1] = 1
    return rows


def spline(points: Sequence[Sequence[float]] | Points, steps: int = 8, closed: bool = False) -> Points:
    """A smooth curve through the points, ``steps`` samples a span."""
    points = np.asarray(points, np.float64)
    return _catmull_rom(len(points), steps, closed) @ points


def normals(line: Points) -> Points:
    """Unit normals (..., N, 2) of polylines."""
    step = np.diff(line, axis=-2)
    tangent = np.concatenate([step[..., :1, :], step[..., 1:, :] + step[..., :-1, :], step[..., -1:, :]], -2)
    tangent /= np.maximum(np.sqrt((tangent**2).sum(-1, keepdims=True)), 1e-9)
    return np.stack([-tangent[..., 1], tangent[..., 0]], -1)


def band(line: Points, width: float | NDArray[np.float64]) -> tuple[Points, Points]:
    """The two edges (..., N, 2) of bands of that width, a number or (..., N), around lines."""
    half = normals(line) * (np.asarray(width) / 2)[..., None]
    return line + half, line - half


def ribbon(line: Points, width: float | NDArray[np.float64]) -> Points:
    """The polygons (..., 2N, 2) of bands around lines."""
    left, right = band(line, width)
    return np.concatenate([left, right[..., ::-1, :]], -2)


def _fixed(points: Points) -> NDArray[np.int32]:
    """Pixels to OpenCV's fixed point; a pixel's centre is at integer + 1/2."""
    return np.rint((points - 0.5) * (1 << _SHIFT)).astype(np.int32)


def fill(layer: Layer, polygons: Sequence[Points] | Points, value: int = 255) -> Layer:
    """Fills polygons given in pixels, antialiased, each over the earlier ones."""
    for polygon in polygons:
        cv2.fillPoly(layer, [_fixed(polygon)], (value,), cv2.LINE_AA, _SHIFT)
    return layer


def stroke(layer: Layer, lines: Sequence[Points] | Points, value: int, thickness: float, closed: bool = False) -> Layer:
    """Draws polylines given in pixels; below one pixel a line is fainter instead of thinner."""
    strength = min(1.0, max(thickness, 0.0))
    width = max(1, round(thickness))
    fixed = list(_fixed(lines)) if isinstance(lines, np.ndarray) else [_fixed(line) for line in lines]
    cv2.polylines(layer, fixed, closed, (int(value * strength),), width, cv2.LINE_AA, _SHIFT)
    return layer


def unit(layer: Layer) -> Map:
    """A layer as float32 in [0, 1]."""
    return layer.astype(np.float32) * np.float32(1 / 255)


def blur(image: Map, sigma: float) -> Map:
    """Gaussian blur; a wide one runs on a reduced image."""
    if sigma < 0.2:
        return image
    factor = 1 if sigma < 4 else 2 if sigma < 8 else 4 if sigma < 16 else 8
    if factor == 1:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.float32)
    height, width = image.shape
    small = cv2.resize(image, (max(1, width // factor), max(1, height // factor)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / factor)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def box_of(mask: NDArray[np.bool_]) -> NDArray[np.float32] | None:
    """The tight box (4,) xyxy of a mask, or None where it is empty."""
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    if not len(columns):
        return None
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)

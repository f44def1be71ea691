"""What is read off a heat map: where it is highest, the box around that place, its contrast inside given boxes.

h x w grid of the map, S side of the frame, K boxes, T thresholds.
"""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from gkmvlp.geometry import Letterbox

Float = NDArray[np.float32]
Mask = NDArray[np.bool_]
SHARES = np.arange(1, 20) / 20  # thresholds to choose from: 0 is the lowest value of the map, 1 the highest


def enlarge(map_hw: Float, side: int) -> Float:
    """A map enlarged bicubically to the frame (S, S), pixel centres aligned."""
    large = F.interpolate(torch.from_numpy(map_hw)[None, None], (side, side), mode="bicubic", align_corners=False)
    return np.asarray(large[0, 0], np.float32)


def inside(box_K4: Float, side: int) -> Mask:
    """Pixels of the frame (S, S) whose centre lies in one of the boxes (K, 4) xyxy, in pixels of the frame."""
    centre_S = np.arange(side) + 0.5
    out_SS = np.zeros((side, side), bool)
    for x1, y1, x2, y2 in box_K4:
        out_SS |= ((y1 <= centre_S) & (centre_S <= y2))[:, None] & ((x1 <= centre_S) & (centre_S <= x2))
    return out_SS


def image_area(frame: Letterbox, side: int) -> Mask:
    """Pixels of the frame (S, S) that show the image; the others are padding. A narrow image is a pixel wide."""
    box_14 = frame.to_square(np.array([[0, 0, frame.width, frame.height]], np.float32))
    middle_12, half_12 = (box_14[:, :2] + box_14[:, 2:]) / 2, (box_14[:, 2:] - box_14[:, :2]) / 2
    half_12 = np.maximum(half_12, np.float32(0.5))
    return inside(np.concatenate([middle_12 - half_12, middle_12 + half_12], 1), side)


def peak(map_SS: Float, area_SS: Mask) -> tuple[int, int]:
    """Row and column of the highest value in the area."""
    row, column = np.unravel_index(np.where(area_SS, map_SS, -np.inf).argmax(), map_SS.shape)
    return int(row), int(column)


def box_around(reached_SS: Mask, place: tuple[int, int]) -> Float:
    """The box (4,) xyxy around the component that holds a place, in pixels of the frame, at the pixels' outer edges.

    Args:
        reached_SS: Pixels that count; a component is what hangs together among them by sides or corners.
        place: Row and column of one of them.
    """
    _, label_SS, stats, _ = cv2.connectedComponentsWithStats(reached_SS.astype(np.uint8), connectivity=8)
    left, top, width, height = stats[label_SS[place]][:4]
    return np.array([left, top, left + width, top + height], np.float32)


def top_boxes(map_SS: Float, area_SS: Mask) -> Float:
    """The box around the highest value and the pixels of the area that reach the threshold, at each of ``SHARES``.

    Args:
        map_SS: A map.
        area_SS: Where the image is.

    Returns:
        (T, 4) xyxy in pixels of the frame (see ``box_around``).
    """
    place = peak(map_SS, area_SS)
    low, high = map_SS[area_SS].min(), map_SS[place]
    return np.stack([box_around(area_SS & (map_SS >= low + share * (high - low)), place) for share in SHARES])


def contrast_to_noise(map_SS: Float, inside_SS: Mask, area_SS: Mask) -> float:
    """Signed contrast-to-noise ratio: (mean inside - mean outside) / sqrt(variance inside + variance outside).

    Source: Boecking et al., ECCV 2022, section 4.2, who take the absolute value of the numerator.

    Args:
        map_SS: A map.
        inside_SS: The boxes.
        area_SS: Where the image is; the rest of it is outside the boxes.

    Returns:
        The ratio; NaN where one of both sides is empty or the map is constant.
    """
    within, without = map_SS[area_SS & inside_SS].astype(float), map_SS[area_SS & ~inside_SS].astype(float)
    if not len(within) or not len(without):
        return float("nan")
    noise = np.sqrt(within.var() + without.var())
    return float((within.mean() - without.mean()) / noise) if noise > 0 else float("nan")

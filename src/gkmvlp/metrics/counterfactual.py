"""Hiding a part of a radiograph, the same part elsewhere, and the radiograph turned over.

S side of the square frame in pixels, K boxes xyxy in pixels of the frame, R regions.
"""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from gkmvlp.anatomy import REGION_INDEX, REGIONS

Float = NDArray[np.float32]
Mask = NDArray[np.bool_]
Fill = Literal["mean", "blur"]
BLUR = 1 / 8  # standard deviation of the blur, as a share of the side
CANDIDATES = 32  # random places of which the one that shares least with the boxes is taken
FILLS: dict[Fill, str] = {
    "mean": "mean of the rest of the image",
    "blur": f"the image under a Gaussian of {BLUR:g} of the side",
}
_SWAPPED = {"right": "left", "left": "right"}


def hidden(image_SS: Float, hide_SS: Mask, area_SS: Mask, fill: Fill) -> Float:
    """A radiograph with a part hidden, (S, S).

    Args:
        image_SS: The radiograph in its square frame.
        hide_SS: The pixels to hide.
        area_SS: Where the image is; the rest of the frame is padding, of which nothing is taken.
        fill: ``mean``: the mean of the pixels that stay; ``blur``: the image itself, blurred until no detail is left.
    """
    if fill == "mean":
        stays_SS = area_SS & ~hide_SS
        return np.where(hide_SS, image_SS[stays_SS if stays_SS.any() else area_SS].mean(), image_SS).astype(np.float32)
    sigma = BLUR * len(image_SS)
    weight_SS = cv2.GaussianBlur(area_SS.astype(np.float32), (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    total_SS = cv2.GaussianBlur(
        np.where(area_SS, image_SS, 0).astype(np.float32), (0, 0), sigma, borderType=cv2.BORDER_CONSTANT
    )
    blurred_SS = total_SS / np.maximum(weight_SS, 1e-6)
    return np.where(hide_SS, blurred_SS, image_SS).astype(np.float32)


def elsewhere(box_K4: Float, chest_4: Float, image_4: Float, rng: np.random.Generator) -> Float:
    """Boxes of the same size at random places, (K, 4).

    Each is moved by whole pixels, so that it covers as many of them, to a place in the chest; one that is larger than
    the chest, to one in the image. Of ``CANDIDATES`` places the one is taken that shares least with the boxes as they
    were and with those that were moved before.

    Args:
        box_K4: The boxes.
        chest_4: Where they may lie.
        image_4: Where the image lies.
        rng: Source of chance.
    """
    taken, moved = list(box_K4), []
    for box_4 in box_K4:
        shift_C2 = np.stack([_shifts(box_4[axis::2], chest_4[axis::2], image_4[axis::2], rng) for axis in (0, 1)], 1)
        place_C4 = box_4 + np.tile(shift_C2, 2)
        shared_C = sum(_shared(place_C4, other_4) for other_4 in taken)
        moved.append(place_C4[int(np.argmin(shared_C))])
        taken.append(moved[-1])
    return np.array(moved, np.float32)


def _shifts(ends_2: Float, chest_2: Float, image_2: Float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Random shifts along one axis, (C,) whole pixels; 0 where there is no room."""
    low, high = chest_2 if ends_2[1] - ends_2[0] <= chest_2[1] - chest_2[0] else image_2
    first, last = int(np.ceil(low - ends_2[0])), int(np.floor(high - ends_2[1]))
    return rng.integers(first, last + 1, CANDIDATES) if first <= last else np.zeros(CANDIDATES, np.int64)


def _shared(place_C4: NDArray[np.floating], box_4: Float) -> NDArray[np.floating]:
    """Area that places share with a box, (C,)."""
    low_C2, high_C2 = np.maximum(place_C4[:, :2], box_4[:2]), np.minimum(place_C4[:, 2:], box_4[2:])
    area_C: NDArray[np.floating] = (high_C2 - low_C2).clip(0).prod(1)
    return area_C


def side_of_boxes(box_K4: Float, image_4: Float) -> Literal["right", "left"] | None:
    """The patient's side on which all boxes lie with their middle; None where they lie on both.

    Args:
        box_K4: The boxes, at least one.
        image_4: Where the image lies in the frame; its middle divides the sides.
    """
    middle = image_4[[0, 2]].mean()
    is_right_K = box_K4[:, [0, 2]].mean(1) < middle  # right is on the left of the image
    return "right" if is_right_K.all() else "left" if not is_right_K.any() else None


def mirrored_regions(box_R4: Float, mask_R: Mask) -> tuple[Float, Mask]:
    """Region boxes (R, 4), fractions of the frame, and their mask (R,) in the radiograph turned over.

    What was the right lung is now the left one: names change sides with the pixels, where the other side has the name.
    """
    source_R = [REGION_INDEX[_other_side(region)] for region in REGIONS]
    x1_R, y1_R, x2_R, y2_R = box_R4[source_R].T
    mirrored_R4 = np.stack([1 - x2_R, y1_R, 1 - x1_R, y2_R], 1)
    mask_R = mask_R[source_R]
    return np.where(mask_R[:, None], mirrored_R4, 0).astype(np.float32), mask_R


def _other_side(region: str) -> str:
    side, _, rest = region.partition(" ")
    swapped = f"{_SWAPPED.get(side)} {rest}"
    return swapped if swapped in REGION_INDEX else region  # there is a right atrium, and no left one

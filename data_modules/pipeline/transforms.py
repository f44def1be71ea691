"""Fitting an image to the square, and boxes in it.

Grey values are divided by 255 in ``dataset.py``; mean and standard deviation belong to the image encoder
(``models/vision.py``).
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from gkmvlp.errors import ConfigError
from gkmvlp.geometry import UPRIGHT, Letterbox, ResizeMode, Turn, valid_boxes

Float = NDArray[np.float32]
Mask = NDArray[np.bool_]
Pixels = NDArray[np.uint8]


class FittedImage(NamedTuple):
    """An image as a model reads it.

    Attributes:
        image_SS: Pixels (S, S) uint8.
        frame: From the upright picture to the square.
        turn: How the stored picture was set upright; boxes that were measured in it are turned likewise.
    """

    image_SS: Pixels
    frame: Letterbox
    turn: Turn = UPRIGHT


def letterbox(
    image_HW: Pixels, side: int, fit: ResizeMode = "pad", size: tuple[int, int] | None = None
) -> tuple[Pixels, Letterbox]:
    """Fits an image to a square as its ``Letterbox`` says; the rest is air.

    Args:
        image_HW: Pixels (H, W) uint8.
        side: Side S of the square in pixels.
        fit: ``pad``, ``crop`` or ``squash`` (see ``gkmvlp.geometry``).
        size: Width and height of the original where the pixels are a smaller copy of it; the frame is the original's.

    Returns:
        Pixels (S, S) uint8 and the frame.
    """
    rows, columns = image_HW.shape
    width, height = size or (columns, rows)
    frame = Letterbox.fit(width, height, side, fit)
    size = (max(round(width * frame.scale_x), 1), max(round(height * frame.scale_y), 1))
    shrunk = cv2.resize(image_HW, size, interpolation=cv2.INTER_AREA if min(frame[:2]) < 1 else cv2.INTER_LINEAR)
    square_SS = np.zeros((side, side), np.uint8)
    left, top = round(frame.left), round(frame.top)
    shown = shrunk[max(-top, 0) : max(-top, 0) + side, max(-left, 0) : max(-left, 0) + side]
    top, left = min(max(top, 0), side - shown.shape[0]), min(max(left, 0), side - shown.shape[1])
    square_SS[top : top + shown.shape[0], left : left + shown.shape[1]] = shown
    return square_SS, frame


def refuse_flip(flip: bool) -> None:
    """Stops where mirrored images are asked for beside text that names sides."""
    if flip:
        raise ConfigError("flip: true cannot work where text is read: left and right are labels; remove flip")


def to_fractions(box_R4: Float, mask_R: Mask, side: int, least: float = 0.5) -> tuple[Float, Mask]:
    """Boxes in frame pixels as fractions of the square.

    Args:
        box_R4: Boxes (R, 4) xyxy in frame pixels; may reach out of the frame.
        mask_R: (R,) True where a box is known.
        side: Side of the square in pixels.
        least: Width and height in pixels below which a clipped box is masked.

    Returns:
        Boxes (R, 4) in [0, 1], 0 where masked, and mask (R,).
    """
    clipped_R4, valid_R = valid_boxes(box_R4, side, side)
    wide_R = (clipped_R4[:, 2:] - clipped_R4[:, :2]).min(1) >= least
    kept_R = mask_R & valid_R & wide_R
    return np.where(kept_R[:, None], clipped_R4 / side, 0).astype(np.float32), kept_R


def jitter_boxes(box_R4: Float, rng: np.random.Generator, amount: float = 0.05) -> Float:
    """Moves each edge of each box by a normal step of ``amount`` times the box's width or height.

    Edges that would cross by it are put in order again.
    """
    size_R2 = box_R4[:, 2:] - box_R4[:, :2]
    moved = box_R4 + rng.normal(0, amount, box_R4.shape).astype(np.float32) * np.tile(size_R2, 2)
    return np.concatenate([np.minimum(moved[:, :2], moved[:, 2:]), np.maximum(moved[:, :2], moved[:, 2:])], 1)

"""From picture files to what the network reads. S side."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from PIL import Image, ImageOps

SUFFIXES = (".png", ".jpg", ".jpeg")


class Frame(NamedTuple):
    """How a picture lies in the square: ``x' = x * scale_x + left``, ``y' = y * scale_y + top``, all in pixels."""

    scale_x: float
    scale_y: float
    left: float
    top: float
    width: float  # of the picture
    height: float


class ReadRadiographd:
    """A transform: the path under ``image`` becomes what the network reads; ``file`` keeps it, ``frame`` the fit.

    Args:
        side: Side S of the square in pixels.
        resize_mode: ``pad``, ``crop`` or ``squash``.
        intensity: ``equalized``, ``minmax`` or ``voi``.
    """

    def __init__(self, side: int, resize_mode: str, intensity: str) -> None:
        self.side, self.resize_mode, self.intensity = side, resize_mode, intensity

    def __call__(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """One row; ``image`` is then (1, S, S) float32 in [0, 1], ``frame`` (6,) float64 (see ``Frame``).

        Raises:
            ValueError: If the file is no picture of eight bits.
        """
        file = str(item["image"])
        shown_HW = shown_as(read_picture(file), self.intensity)
        height, width = shown_HW.shape
        frame = frame_of(height, width, self.side, self.resize_mode)
        image_1SS = torch.from_numpy(fitted(shown_HW, frame, self.side))[None].float().div_(255)
        return {**item, "image": image_1SS, "file": file, "frame": torch.tensor(frame, dtype=torch.float64)}


def read_picture(file: str) -> np.ndarray[Any, Any]:
    """Grey levels (H, W) uint8 of a PNG or JPG, upright; transparency is dropped.

    Raises:
        ValueError: If it is something else.
    """
    with Image.open(file) as picture:
        if picture.mode not in ("1", "L", "LA", "P", "RGB", "RGBA"):
            raise ValueError(f"{file}: a PNG or JPG of eight bits was expected, got mode {picture.mode}: convert it")
        upright = ImageOps.exif_transpose(picture)
        return np.asarray(upright.convert("RGB").convert("L") if picture.mode == "P" else upright.convert("L"))


def shown_as(image_HW: np.ndarray[Any, Any], intensity: str) -> np.ndarray[Any, Any]:
    """Grey levels as the model reads them."""
    if intensity == "equalized":
        return cv2.equalizeHist(image_HW)
    if intensity == "minmax":
        low, high = int(image_HW.min()), int(image_HW.max())
        return np.rint((image_HW.astype(np.float64) - low) * 255 / max(high - low, 1)).astype(np.uint8)
    return image_HW


def frame_of(height: int, width: int, side: int, resize_mode: str) -> Frame:
    """How a picture of this size is fitted to a square of ``side`` pixels."""
    scales = side / width, side / height
    if resize_mode != "squash":
        scales = (min(scales) if resize_mode == "pad" else max(scales),) * 2
    return Frame(*scales, (side - width * scales[0]) / 2, (side - height * scales[1]) / 2, width, height)


def fitted(image_HW: np.ndarray[Any, Any], frame: Frame, side: int) -> np.ndarray[Any, Any]:
    """The picture in a square (S, S); what it does not fill is 0."""
    how = cv2.INTER_AREA if min(frame.scale_x, frame.scale_y) < 1 else cv2.INTER_LINEAR
    size = max(round(frame.width * frame.scale_x), 1), max(round(frame.height * frame.scale_y), 1)
    small = cv2.resize(image_HW, size, interpolation=how)
    left, top = round(frame.left), round(frame.top)
    small = small[max(-top, 0) : max(-top, 0) + side, max(-left, 0) : max(-left, 0) + side]
    top, left = min(max(top, 0), side - small.shape[0]), min(max(left, 0), side - small.shape[1])
    square_SS = np.zeros((side, side), np.uint8)
    square_SS[top : top + small.shape[0], left : left + small.shape[1]] = small
    return square_SS


def images_in(folder: str) -> list[dict[str, str]]:
    """A row for each picture below a folder.

    Raises:
        ValueError: If there is none.
    """
    files = sorted(str(file) for file in Path(folder).rglob("*") if file.suffix.lower() in SUFFIXES)
    if not files:
        raise ValueError(f"{folder}: no picture ({', '.join(SUFFIXES)}): name a folder by --dataset_dir")
    return [{"image": file} for file in files]

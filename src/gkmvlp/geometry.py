"""From the pixels of an original image to the square frame that a model reads, and back.

The one place where an image is fitted to a square. Boxes stay in original pixels until ``Letterbox.to_square`` moves
them.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

ResizeMode = Literal["pad", "crop", "squash"]
Float = NDArray[np.float32]


class Letterbox(NamedTuple):
    """The affine map original pixel -> frame pixel: ``x' = x * scale_x + left``, ``y' = y * scale_y + top``.

    ``width`` and ``height`` are those of the original image; ``left`` and ``top`` are negative where ``crop`` cuts.
    """

    scale_x: float
    scale_y: float
    left: float
    top: float
    width: float
    height: float

    @classmethod
    def fit(cls, width: int, height: int, side: int, fit: ResizeMode = "pad") -> "Letterbox":
        """The frame of an image of ``width`` x ``height`` pixels in a square of ``side`` pixels.

        Args:
            width: Width of the original in pixels.
            height: Height of the original in pixels.
            side: Side of the square in pixels.
            fit: ``pad`` keeps the aspect and pads, ``crop`` keeps it and cuts, ``squash`` gives it up.
        """
        if fit == "squash":
            return cls(side / width, side / height, 0.0, 0.0, width, height)
        scale = side / (max(width, height) if fit == "pad" else min(width, height))
        return cls(scale, scale, (side - width * scale) / 2, (side - height * scale) / 2, width, height)

    def measured_in(self, width: float, height: float) -> "Letterbox":
        """The same map from an original of ``width`` x ``height`` pixels, of which the file is a resized copy."""
        scale_x, scale_y = self.scale_x * self.width / width, self.scale_y * self.height / height
        return Letterbox(scale_x, scale_y, self.left, self.top, width, height)

    def to_square(self, box_N4: Float) -> Float:
        """Boxes (N, 4) xyxy from original pixels to frame pixels."""
        scale = np.array([self.scale_x, self.scale_y] * 2, np.float32)
        shift = np.array([self.left, self.top] * 2, np.float32)
        return (box_N4 * scale + shift).astype(np.float32)

    def to_original(self, box_N4: Float) -> Float:
        """Boxes (N, 4) xyxy, or points doubled to boxes, from frame pixels to original pixels."""
        scale = np.array([self.scale_x, self.scale_y] * 2, np.float32)
        shift = np.array([self.left, self.top] * 2, np.float32)
        return ((box_N4 - shift) / scale).astype(np.float32)


def valid_boxes(box_N4: Float, width: float, height: float) -> tuple[Float, NDArray[np.bool_]]:
    """Clips boxes to the image and says which have finite coordinates and an area.

    Args:
        box_N4: Boxes (N, 4) xyxy in original pixels; may be NaN, outside or empty.
        width: Width of the image in pixels.
        height: Height of the image in pixels.

    Returns:
        The clipped boxes (N, 4), 0 where invalid, and a mask (N,), True where valid.
    """
    finite_N = np.isfinite(box_N4).all(-1)
    clipped = np.clip(np.nan_to_num(box_N4), 0, np.array([width, height, width, height], np.float32))
    valid_N = finite_N & (clipped[:, 2] > clipped[:, 0]) & (clipped[:, 3] > clipped[:, 1])
    return np.where(valid_N[:, None], clipped, 0).astype(np.float32), valid_N


def original_boxes(
    frame: Letterbox, box_P4: NDArray[np.floating[Any]]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Boxes (P, 4) in pixels of the frame as boxes in pixels of the original image, clipped to it, and a mask (P,).

    The mask is False for what lies in the padding alone.
    """
    return valid_boxes(frame.to_original(box_P4.astype(np.float32)), frame.width, frame.height)

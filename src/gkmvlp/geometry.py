"""From a stored picture to the upright image, and from its pixels to the square frame that a model reads, and back.

The one place where an image is turned and fitted to a square. Boxes stay in pixels of the upright image, which is what
"the original image" means everywhere, until ``Letterbox.to_square`` moves them.
"""

from typing import Any, Literal, NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

ResizeMode = Literal["pad", "crop", "squash"]
Float = NDArray[np.float32]
_Picture = TypeVar("_Picture", bound=NDArray[Any])


class Turn(NamedTuple):
    """How a stored picture is set upright: its axes are exchanged, then right and left, then top and bottom.

    These three give the eight ways that a rectangle can lie, which EXIF and DICOM name.
    """

    exchanges_axes: bool = False
    mirrors: bool = False
    inverts: bool = False

    def picture(self, stored_HW: _Picture) -> _Picture:
        """The stored picture (H, W) upright: (W, H) where the axes are exchanged."""
        picture: NDArray[Any] = stored_HW.T if self.exchanges_axes else stored_HW
        picture = picture[:, ::-1] if self.mirrors else picture
        picture = picture[::-1] if self.inverts else picture
        return cast(_Picture, np.ascontiguousarray(picture))

    @property
    def inverse(self) -> "Turn":
        """What takes the upright picture back to the stored one."""
        if not self.exchanges_axes:
            return self
        return Turn(True, mirrors=self.inverts, inverts=self.mirrors)

    def size(self, width: float, height: float) -> tuple[float, float]:
        """Width and height of the upright picture, from those of the stored one."""
        return (height, width) if self.exchanges_axes else (width, height)

    def boxes(self, box_N4: Float, width: float, height: float) -> Float:
        """Boxes (N, 4) xyxy in pixels of the stored picture as boxes in pixels of the upright one.

        Args:
            box_N4: Boxes; one without an area says that there is none, and stays as it is.
            width: Width of the stored picture.
            height: Its height.
        """
        x1y1x2y2 = box_N4[:, [1, 0, 3, 2]] if self.exchanges_axes else box_N4
        low_N2, high_N2 = x1y1x2y2[:, :2], x1y1x2y2[:, 2:]
        end_2 = np.array(self.size(width, height), np.float32)
        is_reversed_2 = np.array([self.mirrors, self.inverts])
        first_N2 = np.where(is_reversed_2, end_2 - high_N2, low_N2)
        last_N2 = np.where(is_reversed_2, end_2 - low_N2, high_N2)
        has_area_N1 = (box_N4[:, 2:] > box_N4[:, :2]).all(1, keepdims=True)
        return np.where(has_area_N1, np.concatenate([first_N2, last_N2], 1), box_N4).astype(np.float32)


UPRIGHT = Turn()


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

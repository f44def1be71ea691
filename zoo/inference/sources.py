"""Radiographs as callers hold them: a path, the bytes of a file, a PIL image, an array.

H, W pixels of the image.
"""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gkmvlp.data_modules.pipeline.images import ImageError

ImageSource = str | Path | bytes | Image.Image | NDArray[Any]
_IN_PNG = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")  # modes of Pillow that a PNG holds as they are


def as_source(image: ImageSource) -> str | bytes:
    """A path, or the bytes of a file: an image in memory is read as the PNG or TIFF that it would be saved as.

    Raises:
        TypeError: If it is none of the types.
        ImageError: If an array is not of shape (H, W), or not of unsigned integers of 8 or 16 bits.
    """
    if isinstance(image, str | bytes):
        return image
    if isinstance(image, Path):
        return str(image)
    if isinstance(image, Image.Image):
        return _encoded(image)
    if isinstance(image, np.ndarray):
        return _encoded(Image.fromarray(_grey(image)))
    raise TypeError(f"a path, bytes, a PIL image or an array (H, W) was expected, got {type(image).__name__}")


def as_images(images: ImageSource | Sequence[ImageSource]) -> list[ImageSource]:
    """The images; one alone is one image."""
    return [images] if isinstance(images, str | Path | bytes | Image.Image | np.ndarray) else list(images)


def _grey(pixels_HW: NDArray[Any]) -> NDArray[Any]:
    if pixels_HW.ndim != 2 or pixels_HW.dtype not in (np.uint8, np.uint16):
        raise ImageError(
            f"cannot read the array: (H, W) of uint8 or uint16, air dark, was expected, got {pixels_HW.shape} of "
            f"{pixels_HW.dtype}; choose one channel, and scale it to the range of either type"
        )
    return np.ascontiguousarray(pixels_HW)


def _encoded(picture: Image.Image) -> bytes:
    """The bytes of a file without loss, quickly rather than small."""
    file = BytesIO()
    options = {"format": "PNG", "compress_level": 1} if picture.mode in _IN_PNG else {"format": "TIFF"}
    try:
        picture.save(file, exif=picture.getexif(), **options)
    except (OSError, ValueError, KeyError) as error:
        raise ImageError(f"cannot read the PIL image of mode {picture.mode}: {error}; convert it to L") from error
    return file.getvalue()

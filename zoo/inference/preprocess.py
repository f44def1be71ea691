"""From a radiograph as somebody holds it to the tensor that a model reads. S side, H x W pixels."""

from collections.abc import Collection
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from gkmvlp.data_modules.formats.plain_text import one_line
from gkmvlp.data_modules.pipeline.dataset import to_tensor
from gkmvlp.data_modules.pipeline.images import ImageError, read_image, read_shown
from gkmvlp.data_modules.pipeline.intensity import Intensity, Pixels
from gkmvlp.data_modules.pipeline.transforms import letterbox
from gkmvlp.geometry import Letterbox
from gkmvlp.models.config import Architecture

Radiograph = str | Path | bytes | Image.Image | NDArray[Any] | Tensor
_COLOURS = (3, 4)  # channels of a picture in colours, without and with transparency


class Preprocess:
    """What stands between a radiograph and a model; ``gkmvlp.load(REF).preprocess`` is that of the model.

    Args:
        architecture: Size, fit and intensity of the model.
    """

    def __init__(self, architecture: Architecture) -> None:
        self.image_size, self.resize_mode = architecture.image_size, architecture.resize_mode
        self.intensity = architecture.intensity

    def __call__(self, image: Radiograph, accept: Collection[str] = ()) -> Tensor:
        """One radiograph as the model reads it, (1, 1, S, S) float32 in [0, 1], dark air.

        Args:
            image: Path of a file, its bytes, a PIL image, or an array or tensor (H, W) of grey values, high is bright;
                axes of length 1 beside them are left out, and (H, W, 3) or (H, W, 4) of eight bits are colours.
            accept: What is read although it is no frontal radiograph: ``lateral``, ``modality``, ``blank``.

        Raises:
            ImageError: If it cannot be read; it is named.
        """
        square_SS, _ = self.fit(self.pixels(image, accept))
        return to_tensor(square_SS)[None]

    def pixels(self, image: Radiograph, accept: Collection[str] = (), notes: list[str] | None = None) -> Pixels:
        """The radiograph at its own size with the grey values that the model reads, (H, W) uint8.

        ``notes`` gets a line for each thing that was not taken as the file says (see ``read_image``).
        """
        return read_image(as_file(image), self.intensity, name_of(image), accept, notes)

    def shown(
        self, image: Radiograph, accept: Collection[str] = (), *beside: Intensity, notes: list[str] | None = None
    ) -> dict[Intensity, Pixels]:
        """``pixels`` by the model's intensity, and by those ``beside`` it; the file is decoded once."""
        return read_shown(as_file(image), {self.intensity, *beside}, name_of(image), accept, notes)

    def fit(self, image_HW: Pixels) -> tuple[Pixels, Letterbox]:
        """Pixels (H, W) in the model's square (S, S), and where they lie in it."""
        return letterbox(image_HW, self.image_size, self.resize_mode)


def as_file(image: Radiograph) -> str | bytes:
    """A path, or the bytes of a file: what is in memory becomes an uncompressed TIFF, for there is one reader.

    Raises:
        ImageError: If it is an array of another shape, or none of numbers, or an image that Pillow cannot give.
    """
    if isinstance(image, bytearray | memoryview):
        image = bytes(image)
    if isinstance(image, str | bytes):
        return image
    if isinstance(image, Path):
        return str(image)
    if isinstance(image, Tensor):
        image = _numbers(image)
    if isinstance(image, np.ndarray):
        image = _picture(image)
    if not isinstance(image, Image.Image):
        kind = type(image).__name__
        told = "a path, bytes, a PIL image or an array (H, W) was expected, or a list or tuple of them"
        raise ImageError(f"cannot read a {kind}: {told}")
    if (data := _undecoded(image)) is not None:
        return data
    file = BytesIO()
    try:
        image.save(file, "TIFF", exif=image.getexif())
    except (OSError, ValueError) as error:  # ValueError: it is closed
        remedy = "a whole, open image of grey or colours (L, I;16, F, RGB ...) was expected"
        raise ImageError(f"cannot read the PIL image of mode {image.mode}: {error}; {remedy}") from error
    return file.getvalue()


def _undecoded(image: Image.Image) -> bytes | None:
    """The file that Pillow opened, of whose picture nobody has read a pixel: then it is judged as any file is."""
    file = getattr(image, "fp", None)
    if not getattr(image, "tile", None) or file is None or file.closed or image.tell():
        return None
    place = file.tell()
    file.seek(0)
    data = bytes(file.read())
    file.seek(place)
    return data


def name_of(image: Radiograph) -> str:
    """What an error and a row call it."""
    if isinstance(image, str | Path):
        return str(image)
    return "image bytes" if isinstance(image, bytes) else "image"


def _numbers(tensor: Tensor) -> NDArray[Any]:
    """A tensor of any device as an array; NumPy has no half of the kind bfloat16.

    Raises:
        ImageError: If it holds no numbers, or not side by side.
    """
    try:
        tensor = tensor.detach().cpu()
        return np.asarray(tensor.float() if tensor.is_floating_point() else tensor)
    except (TypeError, NotImplementedError, RuntimeError) as error:  # sparse, quantized, on the device meta
        raise ImageError(f"cannot read the tensor: {one_line(error)}; a dense one (H, W) was expected") from error


def _picture(array: NDArray[Any]) -> Image.Image:
    shape, is_masked = array.shape, np.ma.is_masked(array)
    if array.ndim > 2 and 1 in shape:  # the axes of channels and batches, of which a picture needs none
        array = array.reshape([length for length in shape if length != 1])
    is_coloured = array.ndim == 3 and array.shape[2] in _COLOURS and array.dtype == np.uint8
    if not (array.ndim == 2 or is_coloured) or array.dtype.kind not in "uif" or not array.size or is_masked:
        raise ImageError(
            f"cannot read an array of shape {shape} and type {array.dtype}{', masked' * is_masked}: grey values (H, W) "
            "or eight bits of colours (H, W, 3) were expected, one picture"
        )
    if is_coloured:
        return Image.fromarray(np.ascontiguousarray(array))
    is_plain = array.dtype in (np.uint8, np.uint16)
    return Image.fromarray(np.ascontiguousarray(array if is_plain else array.astype(np.float32)))

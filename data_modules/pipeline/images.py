"""One reader for JPG, PNG and DICOM radiographs: eight bits, one channel, air dark.

``voi`` shows what the file asks for (the window or VOI LUT of a DICOM, the stored values of an 8-bit picture),
``minmax`` stretches the whole range, ``equalized`` equalises the histogram as the JPGs of MIMIC-CXR are.
"""

import warnings
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from pydicom import Dataset, dcmread
from pydicom.pixels.processing import apply_modality_lut, apply_voi, apply_windowing
from pydicom.pixels.utils import pixel_array

from gkmvlp.errors import DataError

Intensity = Literal["voi", "minmax", "equalized"]
Pixels = NDArray[np.uint8]
_DICOM_MARK = slice(128, 132)
# Inputs beyond every stored value: windowing maps them to the two ends of its output.
_EXTREMES = np.array([-1e12, 1e12])
_WIDE_MODES = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")

# pydicom warns about each oddity of a file that is then reported in one line, or read well.
warnings.filterwarnings("ignore", module="pydicom")


class ImageError(DataError):
    """A file that holds no readable radiograph.

    A DataLoader rebuilds an exception of its workers from a text that ends in the traceback's last line; only that
    line is kept, so that the user sees one line whether workers are used or not.
    """

    def __init__(self, message: str) -> None:
        lines = message.strip().splitlines() or [""]
        super().__init__(lines[-1].removeprefix(f"{type(self).__module__}.{type(self).__qualname__}: "))


def read_image(source: str | Path | bytes, intensity: Intensity = "voi", name: str = "") -> Pixels:
    """Reads one radiograph.

    Args:
        source: Path of a file, or its bytes.
        intensity: ``voi``, ``minmax`` or ``equalized`` (see the module).
        name: What an error calls the bytes.

    Returns:
        Pixels (H, W) uint8, air dark.

    Raises:
        ImageError: If the file is missing, empty, cut off, or no single grey picture; the file is named.
    """
    label = name or (str(source) if not isinstance(source, bytes) else "image bytes")
    try:
        data = source if isinstance(source, bytes) else Path(source).read_bytes()
    except OSError as error:
        raise ImageError(f"cannot read {label}: {error.strerror or error}") from error
    if not data:
        raise ImageError(f"cannot read {label}: the file is empty; fetch it again")
    try:
        if data[_DICOM_MARK] == b"DICM":
            return _finish(_read_dicom(data, intensity == "voi"), intensity)
        return _finish(_read_picture(data), intensity)
    except UnidentifiedImageError as error:
        raise ImageError(f"cannot read {label}: neither a JPG, a PNG nor a DICOM; fetch it again") from error
    # Codecs raise whatever they like (RuntimeError, AttributeError, SyntaxError ...) on broken input.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(f"cannot read {label}: {reason}; a whole JPG, PNG or grey DICOM was expected") from error


def _read_picture(data: bytes) -> Pixels:
    """Pixels (H, W) of a JPG or PNG; more than eight bits are stretched to their range."""
    with Image.open(BytesIO(data)) as picture:
        if picture.mode in _WIDE_MODES:
            return _stretch(np.asarray(picture))
        # Transparency is dropped: radiographs saved as RGBA or with a palette are opaque.
        is_clear = picture.mode in ("P", "PA", "RGBA", "LA")
        return np.asarray((picture.convert("RGBA").convert("RGB") if is_clear else picture).convert("L"))


def _read_dicom(data: bytes, use_voi: bool) -> Pixels:
    """Pixels (H, W) of a DICOM; without a window, more than eight bits are stretched to their range."""
    dataset = dcmread(BytesIO(data))
    _require_grey_frame(dataset)
    stored = pixel_array(dataset)
    values = apply_modality_lut(stored, dataset)
    padded = stored == dataset.PixelPaddingValue if "PixelPaddingValue" in dataset else np.zeros(stored.shape, bool)
    if use_voi and ("VOILUTSequence" in dataset or dataset.get("WindowWidth") is not None):
        values, low, high = _apply_voi(values, dataset)
    elif dataset.BitsStored == 8 and values is stored:
        low, high = 0.0, 255.0
    else:
        kept = values if padded.all() else values[~padded]
        low, high = float(kept.min()), float(kept.max())
    pixels = _stretch(values, low, high)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        pixels = np.uint8(255) - pixels
    pixels[padded] = 0
    return pixels


def _require_grey_frame(dataset: Dataset) -> None:
    if "PixelData" not in dataset:
        raise DataError("the DICOM has no pixel data")
    kind = dataset.get("PhotometricInterpretation", "nothing")
    if dataset.get("SamplesPerPixel", 1) != 1 or kind not in ("MONOCHROME1", "MONOCHROME2"):
        raise DataError(f"the DICOM is {kind}, not MONOCHROME1 or MONOCHROME2")
    if int(dataset.get("NumberOfFrames") or 1) != 1:
        raise DataError(f"the DICOM has {dataset.NumberOfFrames} frames, not one")


def _apply_voi(values: NDArray[Any], dataset: Dataset) -> tuple[NDArray[Any], float, float]:
    """Values after VOI LUT or window, and the two ends of their scale."""
    if "VOILUTSequence" in dataset:
        # LUTDescriptor[2] is the number of bits of an entry (PS3.3 C.11.2.1.1).
        return apply_voi(values, dataset), 0.0, 2.0 ** dataset.VOILUTSequence[0].LUTDescriptor[2] - 1
    low, high = apply_windowing(_EXTREMES, dataset)
    return apply_windowing(values, dataset), float(low), float(high)


def _stretch(values: NDArray[Any], low: float | None = None, high: float | None = None) -> Pixels:
    """Values (H, W) as eight bits, ``low`` (their minimum) at 0 and ``high`` (their maximum) at 255."""
    low = float(values.min()) if low is None else low
    high = float(values.max()) if high is None else high
    unit = (values.astype(np.float32) - low) / max(high - low, 1e-6)
    return np.round(np.clip(unit, 0, 1) * 255).astype(np.uint8)


def _finish(pixels: Pixels, intensity: Intensity) -> Pixels:
    if pixels.ndim != 2:
        raise DataError(f"shape {pixels.shape}, not one grey frame")
    if intensity == "equalized":
        return np.asarray(cv2.equalizeHist(pixels), np.uint8)
    return _stretch(pixels) if intensity == "minmax" else np.ascontiguousarray(pixels)

"""A DICOM radiograph: what may be read, what its numbers mean, and what it asks to be shown.

L codes, N entries of a look-up table.
"""

import re
from collections.abc import Collection

import numpy as np
from pydicom import Dataset

from gkmvlp.data_modules.pipeline.dicom_header import entries, integer, items, number, numbers, word
from gkmvlp.data_modules.pipeline.dicom_pixel_data import decode
from gkmvlp.data_modules.pipeline.dicom_stored_values import interpret
from gkmvlp.data_modules.pipeline.dicom_view import require_radiograph
from gkmvlp.data_modules.pipeline.intensity import Float, Stored
from gkmvlp.errors import DataError
from gkmvlp.texts import printable

_GREATEST = 1e30  # what makes greater values is no transformation; levels are worked out in 32 bits
_FUNCTIONS = ("", "LINEAR", "LINEAR_EXACT", "SIGMOID")
_SQUARE = 1.1  # the longer side of a pixel over the shorter one, at most


def read_stored(dataset: Dataset, accept: Collection[str], notes: list[str]) -> Stored:
    """What a DICOM stores and asks for.

    Args:
        dataset: The DICOM.
        accept: What is let in although it is no frontal radiograph.
        notes: Gets a line for each repair.

    Raises:
        RefusedError: If it is no radiograph, or a lateral one.
        DataError: If it holds no single grey picture, or cannot be decoded.
    """
    _require_grey_frame(dataset)
    require_radiograph(dataset, accept, notes)
    _require_square_pixels(dataset)
    container_HW, precision = decode(dataset, notes)
    codes_HW, raw_L, is_kept_L, bits, is_signed = interpret(dataset, container_HW, precision, notes)
    value_L = _modality(dataset, raw_L)
    stored = Stored(codes_HW, raw_L, value_L, is_kept_L, is_inverted=_is_inverted(dataset), is_wide=bits > 8)
    stored.unit_L = _shown(dataset, stored, notes)
    if stored.unit_L is None and bits == 8:
        ends = _modality(dataset, np.array([0.0, 255.0]) - 128.0 * is_signed)
        stored.unit_L = (value_L - ends.min()) / max(np.ptp(ends), 1e-12)
    return stored


def _photometric(dataset: Dataset) -> str:
    """PhotometricInterpretation in its right spelling; of one sample MONOCHROME2 without it."""
    named = "".join(filter(str.isalnum, word(dataset, "PhotometricInterpretation")))
    if misspelt := re.fullmatch(r"MONO[A-Z]*([12])", named):
        return f"MONOCHROME{misspelt[1]}"
    return named or ("MONOCHROME2" if (integer(dataset, "SamplesPerPixel") or 1) == 1 else "nothing")


def _require_grey_frame(dataset: Dataset) -> None:
    kind, samples = _photometric(dataset), integer(dataset, "SamplesPerPixel") or 1
    if kind not in ("MONOCHROME1", "MONOCHROME2"):
        kind = word(dataset, "PhotometricInterpretation") or kind
        raise DataError(
            f"PhotometricInterpretation: the DICOM is {kind}, not MONOCHROME1 or MONOCHROME2; export it grey"
        )
    if samples != 1:
        raise DataError(f"SamplesPerPixel: the DICOM has {samples} samples a pixel, not one; export it grey")
    frames = integer(dataset, "NumberOfFrames") or 1
    if frames != 1:
        raise DataError(f"NumberOfFrames: the DICOM has {frames} frames, not one; export the one that is meant")


def _require_square_pixels(dataset: Dataset) -> None:
    """Checks that a pixel is as wide as it is high, or the picture is squashed (PS3.3 C.7.6.3.1.7 and 10.7.1.3)."""
    for keyword in ("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        sides = numbers(dataset, keyword)
        if len(sides) != 2 or not all(0 < side < np.inf for side in sides):
            continue
        if max(sides) > _SQUARE * min(sides):
            told = f"pixels are {sides[0]:g} high and {sides[1]:g} wide, not square"
            raise DataError(f"{keyword}: {told}; resample the picture to square pixels")
        return


def _is_inverted(dataset: Dataset) -> bool:
    """MONOCHROME1 and an inverse presentation say the same, and files have both or either (PS3.3 C.8.11.3.1)."""
    return _photometric(dataset) == "MONOCHROME1" or word(dataset, "PresentationLUTShape") == "INVERSE"


def _modality(dataset: Dataset, raw_L: Float) -> Float:
    """Stored numbers to those that windows are given in (PS3.3 C.11.1)."""
    for item in items(dataset, "ModalityLUTSequence"):
        if (lut := _read_lut(item)) is not None:
            return _look_up(lut, raw_L)
    slope, intercept = number(dataset, "RescaleSlope"), number(dataset, "RescaleIntercept")
    value_L = raw_L * (slope or 1.0) + (intercept or 0.0)
    return value_L if np.abs(value_L).max() < _GREATEST else raw_L


def _shown(dataset: Dataset, stored: Stored, notes: list[str]) -> Float | None:
    """Level of each code in [0, 1] by the first VOI LUT, else window, that shows anything; None where there is none."""
    for item in items(dataset, "VOILUTSequence"):
        lut = _read_lut(item)
        if lut is None:
            continue
        unit_L = _look_up(lut, stored.value_L) / _white(lut)
        if not stored.is_blank_as(unit_L):
            return unit_L
        notes.append("VOILUTSequence would leave the picture blank: not applied")
    kind = word(dataset, "VOILUTFunction")
    if kind not in _FUNCTIONS and "WindowCenter" in dataset:
        notes.append(f"VOILUTFunction {printable(kind)} is not known: the window is taken as LINEAR")
    for center, width in zip(numbers(dataset, "WindowCenter"), numbers(dataset, "WindowWidth"), strict=False):
        if not (np.isfinite(center) and np.isfinite(width) and width > 0):
            continue
        unit_L = _window(stored.value_L, center, width, kind)
        if stored.is_blank_as(unit_L) and not stored.is_blank():
            notes.append("WindowCenter and WindowWidth would leave the picture blank: not applied")
        elif stored.is_torn_as(unit_L):
            notes.append("WindowWidth would leave black and white alone: not applied")
        else:
            return unit_L
    return None


def _window(value_L: Float, center: float, width: float, kind: str) -> Float:
    """Values through a window, 0 at its lower and 1 at its upper end (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""
    if kind == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (value_L - center) / width, -700, 700)))
    if kind == "LINEAR_EXACT" or width < 1:
        return np.clip((value_L - center) / width + 0.5, 0, 1)
    if width == 1:
        return (value_L > center - 0.5).astype(np.float64)
    return np.clip((value_L - (center - 0.5)) / (width - 1) + 0.5, 0, 1)


def _read_lut(item: Dataset) -> tuple[float, Float, int] | None:
    """First number mapped, entries (N,), bits of an entry; None where the table is malformed (PS3.3 C.11.1.1)."""
    descriptor = numbers(item, "LUTDescriptor")
    if len(descriptor) != 3 or not np.isfinite(descriptor).all():
        return None
    count = int(descriptor[0]) % 65_536 or 65_536
    entry_N = entries(item, "LUTData", count)[:count]
    if len(entry_N) < 2 or not np.isfinite(entry_N).all():
        return None
    return descriptor[1], entry_N, int(descriptor[2])


def _look_up(lut: tuple[float, Float, int], value_L: Float) -> Float:
    first, entry_N, _ = lut
    if first >= 32_768 and value_L.min() < 0:  # a negative number written without its sign
        first -= 65_536
    place_L = np.clip(np.rint(value_L - first), 0, len(entry_N) - 1).astype(np.int64)
    return np.asarray(entry_N[place_L], np.float64)


def _white(lut: tuple[float, Float, int]) -> float:
    """The entry that is white: by the bits declared, or the greatest one where entries use fewer or more bits."""
    _, entry_N, bits = lut
    declared, greatest = 2.0 ** min(max(bits, 0), 16) - 1, float(entry_N.max())
    return declared if declared / 2 < greatest <= declared else max(greatest, 1.0)

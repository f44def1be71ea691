"""A DICOM radiograph: what may be read, what its numbers mean, what it asks to be shown, and which way up it lies.

L codes, N entries of a look-up table.
"""

import re
from collections.abc import Collection

import numpy as np
from pydicom import Dataset

from gkmvlp.data_modules.pipeline.accept import RefusedError
from gkmvlp.data_modules.pipeline.dicom_header import entries, integer, items, number, numbers, word, words
from gkmvlp.data_modules.pipeline.dicom_pixels import decode, interpret
from gkmvlp.data_modules.pipeline.intensity import Float, Stored
from gkmvlp.data_modules.pipeline.views import is_lateral
from gkmvlp.errors import DataError
from gkmvlp.geometry import UPRIGHT, Turn

# Plain radiography (PS3.3 C.7.3.1.1.1), what files without a choice say, and spellings in use.
RADIOGRAPHY = ("CR", "DX", "RG", "DR", "XR", "XRAY", "OT", "SC", "")
_GREATEST = 1e30  # what makes greater values is no transformation; levels are worked out in 32 bits
_SQUARE = 1.1  # the longer side of a pixel over the shorter one, at most
TURNED = "lies otherwise by PatientOrientation: turned upright, the patient's left on the right"


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
    _require_radiograph(dataset, accept)
    _require_square_pixels(dataset)
    container_HW, precision = decode(dataset)
    codes_HW, raw_L, is_kept_L, bits, is_signed = interpret(dataset, container_HW, precision, notes)
    value_L = _modality(dataset, raw_L)
    stored = Stored(codes_HW, raw_L, value_L, is_kept_L, is_inverted=_is_inverted(dataset), is_wide=bits > 8)
    stored.unit_L = _shown(dataset, stored, notes)
    if stored.unit_L is None and bits == 8:
        ends = _modality(dataset, np.array([0.0, 255.0]) - 128.0 * is_signed)
        stored.unit_L = (value_L - ends.min()) / max(np.ptp(ends), 1e-12)
    return stored


def turn_of(dataset: Dataset) -> Turn:
    """How the stored picture is set upright: the patient's left on the right, the feet below, by PatientOrientation."""
    directions = [way[:1] for way in words(dataset, "PatientOrientation")]
    if len(directions) != 2:
        return UPRIGHT
    across, down = directions
    is_lying = across in ("H", "F") and down in ("L", "R", "A", "P")
    across, down = (down, across) if is_lying else (across, down)
    if across not in ("L", "R", "A", "P") or down not in ("H", "F"):
        return UPRIGHT
    return Turn(is_lying, across == "R", down == "H")


def view_position(dataset: Dataset) -> str:
    """Projection (``PA``, ``AP``, ``LL`` ...) by name, by its code or by the axes; "" where nothing tells it."""
    named = word(dataset, "ViewPosition")
    if named:
        return named
    meaning = next((word(item, "CodeMeaning") for item in items(dataset, "ViewCodeSequence")), "")
    if "LATERAL" in meaning and "DECUB" not in meaning:
        return "LATERAL"
    return "LATERAL" if {way[:1] for way in words(dataset, "PatientOrientation")} & {"A", "P"} else ""


def _require_radiograph(dataset: Dataset, accept: Collection[str]) -> None:
    modality, view = word(dataset, "Modality"), view_position(dataset)
    if modality not in RADIOGRAPHY and "modality" not in accept:
        raise RefusedError(f"Modality is {modality}, no radiography (CR, DX, RG)", "modality")
    if is_lateral(view) and "lateral" not in accept:
        named = f"ViewPosition is {view}" if word(dataset, "ViewPosition") else "ViewCodeSequence or PatientOrientation"
        raise RefusedError(f"{named}: a lateral view", "lateral")


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
    for keyword in ("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing"):
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
    for center, width in zip(numbers(dataset, "WindowCenter"), numbers(dataset, "WindowWidth"), strict=False):
        if not (np.isfinite(center) and np.isfinite(width) and width > 0):
            continue
        unit_L = _window(stored.value_L, center, width, kind)
        if stored.is_blank() or not stored.is_blank_as(unit_L):
            return unit_L
        notes.append("WindowCenter and WindowWidth would leave the picture blank: not applied")
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

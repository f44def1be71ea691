"""The attributes of a DICOM as files in the wild hold them: what is empty, cut short or no number counts as absent."""

import re
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag, Tag

_BINARY = ("US", "SS", "OW", "OB", "US or SS", "US or OW", "US or SS or OW")
_MARK = b"DICM"
# The pixels of an object, integer or of floating point, stand last of what is read (PS3.5 7.1, PS3.6).
_PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_LAST_GROUP = 0x7FE0
_WIDE_BINARY = {"UL": "u4", "SL": "i4", "FL": "f4", "FD": "f8"}

# PS3.3 C.7.6.16.2: where an enhanced object says what another says beside its pixels.
_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_MACROS = ("PixelValueTransformationSequence", "FrameVOILUTSequence", "PixelMeasuresSequence")


def open_dicom(source: bytes | Path, stop_before_pixels: bool = False) -> Dataset:
    """The dataset of a file or its bytes; without a meta header its encoding is guessed.

    What an enhanced object says of its first frame in functional groups stands beside the pixels, as in others.
    """
    with source.open("rb") if isinstance(source, Path) else BytesIO(source) as stream:
        dataset = read_partial(_without_mark(stream), _End(stop_before_pixels), force=True)
    groups = [group for keyword in _GROUPS for group in items(dataset, keyword)[:1]]
    for macro in [macro for group in groups for keyword in _MACROS for macro in items(group, keyword)[:1]]:
        for tag in set(macro.keys()) - set(dataset.keys()):
            dataset[tag] = macro.get_item(tag)
    return dataset


class _End:
    """Where a data set ends: before its pixels, or at what a transfer or an export left behind them.

    Padding by 0xFF or zero, and a second file, begin with tags of groups that no data set has behind its pixels.
    """

    def __init__(self, before_pixels: bool) -> None:
        self._before_pixels, self._is_behind = before_pixels, False

    def __call__(self, tag: BaseTag, _: str | None, __: int) -> bool:
        """Whether an element with this tag is not read, nor any behind it."""
        if self._is_behind:
            return tag.group <= 0x0002 or tag.group > _LAST_GROUP
        self._is_behind = tag in _PIXELS
        return self._is_behind and self._before_pixels


def _without_mark(stream: BinaryIO) -> BinaryIO:
    """What pydicom can read: where a preamble was cut off, the mark behind it may still begin the file."""
    if stream.read(len(_MARK)) == _MARK:
        return BytesIO(stream.read())
    stream.seek(0)
    return stream


def numbers(dataset: Dataset, keyword: str) -> list[float]:
    """The numbers of an attribute: nan for what is none, nothing where it is absent or empty."""
    return [_number(part) for part in _values(dataset, keyword)]


def number(dataset: Dataset, keyword: str) -> float | None:
    """The first number of an attribute, None where it is absent or malformed."""
    values = numbers(dataset, keyword)
    return values[0] if values and np.isfinite(values[0]) else None


def integer(dataset: Dataset, keyword: str) -> int | None:
    """The first number of an attribute as a whole one."""
    value = number(dataset, keyword)
    return None if value is None else int(value)


def words(dataset: Dataset, keyword: str) -> list[str]:
    """The texts of an attribute, upper case without blanks at the ends."""
    return [str(part).strip(" \0").upper() for part in _values(dataset, keyword)]


def word(dataset: Dataset, keyword: str) -> str:
    """The first text of an attribute, "" where it is absent."""
    return next(iter(words(dataset, keyword)), "")


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence; none where it is absent, empty or cannot be parsed."""
    try:
        return list(dataset[keyword].value or []) if keyword in dataset else []
    except Exception:  # pydicom raises what the broken bytes happen to lead to
        return []


def entries(dataset: Dataset, keyword: str, count: int) -> NDArray[np.float64]:
    """The entries of a table, of two bytes or, where that gives their number, of one."""
    element = _element(dataset, keyword)
    value = None if element is None else element.value
    if isinstance(value, bytes) and len(value) in (count, count + count % 2) and count > 2:
        return np.frombuffer(value, np.uint8)[:count].astype(np.float64)
    return np.array(numbers(dataset, keyword), np.float64)


def _number(part: object) -> float:
    """A number, with a decimal point or a decimal comma; nan where it is none."""
    text = str(part).strip(" \0")
    if re.fullmatch(r"[+-]?\d*,\d+([eE][+-]?\d+)?", text):
        text = text.replace(",", ".")
    try:
        return float(text)
    except ValueError:
        return np.nan


def _element(dataset: Dataset, keyword: str) -> DataElement | RawDataElement | None:
    tag = Tag(keyword)
    return dataset.get_item(tag) if tag in dataset else None


def _values(dataset: Dataset, keyword: str) -> list[object]:
    """Values of an attribute as the file has them, before anything can complain of them."""
    element = _element(dataset, keyword)
    if element is None or element.value is None:
        return []
    value: object = element.value
    if isinstance(value, bytes):
        kind = element.VR if element.VR not in (None, "UN") else dictionary_VR(Tag(keyword))
        order = "<" if getattr(element, "is_little_endian", True) else ">"
        code = "i2" if kind == "SS" else "u2" if kind in _BINARY else _WIDE_BINARY.get(str(kind))
        if code is not None:
            size = np.dtype(code).itemsize
            return list(np.frombuffer(value[: len(value) // size * size], order + code).tolist())
        value = value.decode("latin-1")
    if isinstance(value, str):
        return list(value.split("\\")) if value.strip(" \0") else []
    return list(value) if hasattr(value, "__iter__") else [value]

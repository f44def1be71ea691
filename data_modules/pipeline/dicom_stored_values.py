"""What the stored codes of a DICOM stand for, where HighBit, BitsStored and PixelRepresentation may be wrong.

L = 256 or 65,536 codes, H x W pixels.
"""

from typing import Literal, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from gkmvlp.data_modules.pipeline.dicom_header import integer
from gkmvlp.data_modules.pipeline.dicom_padding import is_padding, padding_range, wrapped
from gkmvlp.data_modules.pipeline.dicom_sign import judge_sign
from gkmvlp.data_modules.pipeline.intensity import Codes, Float, Mask, histogram, to_codes

# Share of a picture that is no padding, or what is said to be padding is none: less would be blank as images judge it.
_LEAST_KEPT = 0.02
_OVERLAYS = range(0x6000, 0x6020, 2)


class Interpreted(NamedTuple):
    """What codes stand for.

    Attributes:
        codes_HW: Codes (H, W).
        raw_L: The number of each.
        is_kept_L: Which of them are no padding.
        bits: How many bits numbers have.
        is_signed: Whether one of them is a sign.
    """

    codes_HW: Codes
    raw_L: Float
    is_kept_L: Mask
    bits: int
    is_signed: bool


class _Layout(NamedTuple):
    """How a sample lies in its container."""

    allocated: int  # bits of the container
    bits: int  # bits of the sample
    shift: int  # bits below it
    precision: int | None  # bits that a codestream has; None where there is none


def interpret(
    dataset: Dataset, container_HW: NDArray[np.unsignedinteger], precision: int | None, notes: list[str]
) -> Interpreted:
    """What the codes of a DICOM stand for.

    HighBit, BitsStored and PixelRepresentation are believed only where the codes bear them out; repairs go to
    ``notes``.
    """
    is_signed, told = integer(dataset, "PixelRepresentation") == 1, list[str]()
    found = _interpret(dataset, container_HW, precision, is_signed, told)
    is_signed = found.is_signed
    verdict = judge_sign(dataset, *found)
    if verdict == "wrong":
        is_signed, told = not is_signed, []
        found = _interpret(dataset, container_HW, precision, is_signed, told)
        told.append(f"PixelRepresentation is wrong, the values wrap around: read with{'' if is_signed else 'out'} sign")
    elif verdict == "unsure":
        told.append("PixelRepresentation may be wrong: the values lie in two parts that meet by neither sign")
    notes += told
    return found


def _interpret(
    dataset: Dataset,
    container_HW: NDArray[np.unsignedinteger],
    precision: int | None,
    is_signed: bool,
    notes: list[str],
) -> Interpreted:
    """``interpret`` with or without a sign."""
    if container_HW.itemsize == 4:
        return _interpret_32(dataset, container_HW, is_signed)
    kind = np.uint8 if container_HW.itemsize == 1 else np.uint16
    codes_HW = cast(Codes, container_HW.astype(kind, copy=False))
    count_L = histogram(codes_HW, 1 << 8 * codes_HW.itemsize)
    layout = _layout(dataset, np.flatnonzero(count_L), 8 * codes_HW.itemsize, precision, notes)
    number_L, is_signed = _numbers(dataset, count_L > 0, layout, is_signed, notes)
    is_kept_L = ~is_padding(dataset, number_L, layout.allocated, layout.bits, is_signed)
    if count_L[is_kept_L].sum() < _LEAST_KEPT * codes_HW.size:
        is_kept_L = np.ones(len(number_L), bool)
        notes.append("PixelPaddingValue would leave the picture blank: not applied")
    used = number_L[(count_L > 0) & is_kept_L]
    bits, excess = layout.bits, _excess(used, layout.bits, layout.allocated, is_signed)
    if graphics := 0 if is_signed else _graphics(codes_HW, excess << layout.shift) >> layout.shift:
        number_L, used, excess = number_L & ~graphics, used & ~graphics, excess & ~graphics
        notes.append("a bit above HighBit holds graphics that no overlay declares: taken out")
    if excess:
        bits = (precision or layout.allocated) if is_signed else int(used.max()).bit_length()
        notes.append(f"BitsStored is too small for the values: {bits} bits are read")
    raw_L = number_L & ((1 << bits) - 1)
    value_L = (wrapped(raw_L, bits) if is_signed else raw_L).astype(np.float64)
    return Interpreted(codes_HW, value_L, is_kept_L, bits, is_signed)


def _layout(
    dataset: Dataset, used: NDArray[np.int64], allocated: int, precision: int | None, notes: list[str]
) -> _Layout:
    """By BitsStored, HighBit and the codes that are used."""
    stored = integer(dataset, "BitsStored") or 0
    bits = min(stored if stored > 0 else allocated, precision or allocated)
    return _Layout(allocated, bits, _shift(dataset, used, bits, allocated, notes), precision)


def _numbers(
    dataset: Dataset, occurs_L: Mask, layout: _Layout, is_signed: bool, notes: list[str]
) -> tuple[NDArray[np.int64], bool]:
    """The number of each code without overlays, a sign extended to the whole container, and whether there is one."""
    allocated, bits, shift, precision = layout
    code_L = np.arange(1 << allocated, dtype=np.int64)
    overlay = _overlay_bits(dataset, allocated) & ~(((1 << bits) - 1) << shift)
    number_L = (code_L & ~overlay) >> shift
    if not is_signed and precision is None and _extends_a_sign(number_L[occurs_L], bits, allocated):
        is_signed = True
        notes.append("PixelRepresentation tells of no sign, the values extend one: read with it")
    if is_signed:  # an overlay may be drawn over the bits that extend a sign
        sign = ~overlay >> shift & ((1 << allocated) - (1 << (bits - 1)))
        number_L = np.where(number_L & sign == sign, number_L | overlay >> shift, number_L)
    if is_signed and precision is not None:  # a codestream ends with the sign, containers repeat it above
        number_L = wrapped(number_L, precision - shift) % (1 << allocated)
    return number_L, is_signed


def _shift(dataset: Dataset, used: NDArray[np.int64], bits: int, allocated: int, notes: list[str]) -> int:
    """Bits below the stored ones: where HighBit says so and the codes leave them free."""
    high = integer(dataset, "HighBit")
    shift = high + 1 - bits if high is not None and bits <= high < allocated else 0
    free = used & ~_overlay_bits(dataset, allocated)
    if shift and ((free & ((1 << shift) - 1)).any() or not (free >> bits).any()):
        notes.append("HighBit is above BitsStored - 1, the values are not: HighBit is left out of account")
        return 0
    return shift


def _interpret_32(dataset: Dataset, container_HW: NDArray[np.unsignedinteger], is_signed: bool) -> Interpreted:
    """The same of 32 bits, in 65,536 steps where they use more."""
    codes_HW, raw_L = to_codes(container_HW.view(np.int32) if is_signed else container_HW)
    pad = padding_range(dataset, 32, 32, is_signed)
    is_kept_L = np.ones(len(raw_L), bool) if pad is None else (raw_L < pad[0]) | (raw_L > pad[1])
    return Interpreted(codes_HW, raw_L, is_kept_L, 32, is_signed)


def _overlay_bits(dataset: Dataset, allocated: int) -> int:
    """Bits of the containers that overlays without data of their own declare (retired, PS3.3 of 2004, C.9.2)."""
    bits = 0
    order: Literal["big", "little"] = "big" if dataset.original_encoding[1] is False else "little"
    for group in _OVERLAYS:
        tag = (group << 16) | 0x0102
        if tag in dataset and ((group << 16) | 0x3000) not in dataset:
            raw = dataset.get_item(tag).value  # type: ignore[union-attr]
            place = int.from_bytes(raw[:2], order) if isinstance(raw, bytes) else int(raw or 0)
            bits |= 1 << place if 0 < place < allocated else 0
    return bits


def _extends_a_sign(used: NDArray[np.int64], bits: int, allocated: int) -> bool:
    """Whether all numbers that need bits beyond the stored ones, two or more, have them set as negative ones do."""
    sign = (1 << allocated) - (1 << (bits - 1))
    wide = used[used >> bits != 0]
    return allocated - bits >= 2 and 0 < len(wide) < len(used) and bool(((wide & sign) == sign).all())


def _excess(used: NDArray[np.int64], bits: int, allocated: int, is_signed: bool) -> int:
    """Bits beyond the stored ones that do more than extend a sign."""
    if is_signed:
        sign = (1 << allocated) - (1 << (bits - 1))
        used = used[((used & sign) != 0) & ((used & sign) != sign) & ((used >> bits) != 0)]
    return int(np.bitwise_or.reduce(used, initial=0)) >> bits << bits


def _graphics(codes_HW: Codes, excess: int) -> int:
    """Those bits beyond the stored ones that are drawn over the picture, or are none of it."""
    graphics, plain_HW = 0, codes_HW
    for bit in (1 << place for place in reversed(range(excess.bit_length())) if excess >> place & 1):
        if _is_graphic(plain_HW, bit):
            graphics, plain_HW = graphics | bit, cast(Codes, plain_HW & ~plain_HW.dtype.type(bit))
    return graphics


def _is_graphic(codes_HW: Codes, bit: int) -> bool:
    """Whether a bit is drawn over the picture: at its edges the other bits go on as if it were not there."""
    code_HW = codes_HW.astype(np.int32)
    steps: list[list[NDArray[np.int32]]] = [[], []]  # with the bit, and without it
    for axis in (0, 1):
        is_edge = np.diff(code_HW & bit, axis=axis) != 0
        for step, each in zip(steps, (code_HW, code_HW & ~bit), strict=True):
            step.append(np.abs(np.diff(each, axis=axis))[is_edge])
    with_bit, without = (np.concatenate(step) for step in steps)
    return len(without) > 0 and float(np.median(without)) < float(np.median(with_bit))

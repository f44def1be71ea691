"""Which stored numbers of a DICOM are padding, and two's complement (PS3.3, C.7.5.1.1.2). L codes."""

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from gkmvlp.data_modules.pipeline.dicom_header import integer
from gkmvlp.data_modules.pipeline.intensity import Mask


def is_padding(dataset: Dataset, number_L: NDArray[np.int64], allocated: int, bits: int, is_signed: bool) -> Mask:
    """Which numbers, (L,), are padding, whichever sign it is written with."""
    ends = padding_range(dataset, allocated, bits, is_signed)
    if ends is None:
        return np.zeros(len(number_L), bool)
    if not is_signed:
        return (number_L >= ends[0]) & (number_L <= ends[1])
    whole_L = wrapped(number_L, allocated)
    # a codestream need not extend the sign beyond the bits stored
    short_L = np.where(number_L < 1 << bits, wrapped(number_L & ((1 << bits) - 1), bits), whole_L)
    return (short_L >= ends[0]) & (short_L <= ends[1])


def padding_range(dataset: Dataset, allocated: int, bits: int, is_signed: bool) -> tuple[int, int] | None:
    """Least and greatest number of padding, whichever sign it is written with; None where there is none."""
    value, limit = integer(dataset, "PixelPaddingValue"), integer(dataset, "PixelPaddingRangeLimit")
    if value is None:
        return None
    ends = []
    for end in (value, value if limit is None else limit):
        number = end % (1 << allocated)
        if is_signed:
            number = int(wrapped(np.array([number]), allocated)[0])
            if number >= 1 << (bits - 1):
                number = int(wrapped(np.array([number % (1 << bits)]), bits)[0])
        ends.append(number)
    return min(ends), max(ends)


def wrapped(number: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    """Numbers below 2**bits as two's complement."""
    return np.where(number >> (bits - 1), number - (1 << bits), number)

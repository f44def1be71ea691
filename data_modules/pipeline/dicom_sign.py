"""Whether the numbers of a DICOM have the sign that it says they have: told by pixels that lie side by side.

Numbers that are read with the wrong sign wrap around: where the picture goes on from 2,047 to 2,048, or from -1 to 0,
they leap by the whole range. L codes, H x W pixels.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from gkmvlp.data_modules.pipeline.dicom_header import integer
from gkmvlp.data_modules.pipeline.intensity import Codes, Float, Mask

Verdict = Literal["right", "wrong", "unsure"]

# Neighbours that differ by less than this share of all numbers go on from each other. How many times more of them than
# by the sign that is told must do so by the other one before that is believed, and how many there are at least: a
# number, and a share of all neighbours.
_NEAR, _MORE, _LEAST, _LEAST_SHARE = 1 / 16, 8, 16, 2e-4
_PART = 0.02  # share of the pixels that each of two parts has which neither sign joins
_ROWS = 256  # looked at, evenly spread


def judge_sign(
    dataset: Dataset, codes_HW: Codes, number_L: Float, is_kept_L: Mask, bits: int, is_signed: bool
) -> Verdict:
    """Whether numbers are read with the sign that they were stored with.

    Args:
        dataset: The DICOM; its smallest and largest value are asked where no pixels tell.
        codes_HW: Codes (H, W).
        number_L: The number that each stands for as it is read.
        is_kept_L: False for codes of padding.
        bits: Bits of a number.
        is_signed: Whether they are read with a sign.

    Returns:
        ``unsure`` where the numbers lie in two parts that meet by neither sign.
    """
    height = len(codes_HW)
    codes_HW = codes_HW[np.linspace(0, height - 1, min(height, _ROWS)).astype(np.int64)]
    own_HW, is_kept_HW = number_L[codes_HW].astype(np.int64), is_kept_L[codes_HW]
    other_HW = own_HW % (1 << bits) if is_signed else np.where(own_HW >> (bits - 1), own_HW - (1 << bits), own_HW)
    is_far_HW = own_HW != other_HW
    least, greatest = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if is_signed else (0, (1 << bits) - 1)
    # what is cut off at the ends of the range meets the other end at edges: a collimator beside bare exposure
    is_told_HW = is_kept_HW & (own_HW != least) & (own_HW != greatest)
    pairs = is_told_HW[:, 1:] & is_told_HW[:, :-1] & (is_far_HW[:, 1:] != is_far_HW[:, :-1])
    own, other = (
        int((np.abs(np.diff(each, axis=1))[pairs] < _NEAR * (1 << bits)).sum()) for each in (own_HW, other_HW)
    )
    if other >= max(_LEAST, _LEAST_SHARE * pairs.size) and other > _MORE * own:
        return "wrong"
    share = is_far_HW[is_kept_HW].mean() if is_kept_HW.any() else 0.0
    if own or other or min(share, 1 - share) < _PART:
        return "right"
    below, above = sorted((own_HW[is_kept_HW & is_far_HW], own_HW[is_kept_HW & ~is_far_HW]), key=np.min)
    if above.min() - below.max() < _NEAR * (1 << bits):
        return "right"
    return _by_ends(dataset, own_HW[is_kept_HW], other_HW[is_kept_HW])


def _by_ends(dataset: Dataset, own: NDArray[np.int64], other: NDArray[np.int64]) -> Verdict:
    """By the smallest and the largest value that the DICOM tells, whichever sign they are written with."""
    ends = [integer(dataset, f"{name}ImagePixelValue") for name in ("Smallest", "Largest")]
    if None in ends:
        return "unsure"
    told = [int(end or 0) % (1 << 16) for end in ends]
    found = [[int(end) % (1 << 16) for end in (values.min(), values.max())] for values in (own, other)]
    return "right" if told == found[0] else "wrong" if told == found[1] else "unsure"

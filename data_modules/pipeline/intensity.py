"""From what a file stores to eight bits: by a table of all values that a pixel can store, never pixel by pixel.

L = 256 or 65,536 codes, H x W pixels.
"""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Intensity = Literal["voi", "minmax", "equalized"]
Pixels = NDArray[np.uint8]
Codes = NDArray[np.uint8] | NDArray[np.uint16]
Float = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Share of the pixels at either end that a marker or a dead column may take, and how far beyond the rest, as a share of
# its span, a value still belongs to the picture (the fence of a box plot, Tukey 1977).
_TAIL, _FENCE = 0.02, 0.5
# Share at either end that is not looked at, and steps of the rest, when a picture is judged to be blank.
_BLANK_TAIL, _BLANK_STEPS = 0.01, 4.0
_STRIP = 1 << 20  # pixels looked up at a time


@dataclass
class Stored:
    """One picture as stored, and what each stored code means.

    Attributes:
        codes_HW: Stored codes (H, W).
        raw_L: Number that each code stands for.
        value_L: The same after the modality transformation.
        is_kept_L: False for codes of padding, which are air and count nowhere.
        unit_L: What the file asks to be shown, 0 black to 1 white before ``is_inverted``; None: the range of values.
        is_inverted: Whether low values are bright.
        is_wide: Whether a pixel stores more than eight bits.
    """

    codes_HW: Codes
    raw_L: Float
    value_L: Float
    is_kept_L: Mask
    unit_L: Float | None = None
    is_inverted: bool = False
    is_wide: bool = False

    def __post_init__(self) -> None:
        """Count how often each code occurs, padding left out where there is anything else."""
        count_L = histogram(self.codes_HW, len(self.raw_L))
        kept_L = count_L * self.is_kept_L
        self.count_L = kept_L if kept_L.any() else count_L

    def is_blank(self) -> bool:
        """Whether all but a hundredth at either end is one grey, or within 4 steps of it."""
        return _is_flat(self.raw_L, self.count_L, _BLANK_STEPS)

    def is_blank_as(self, unit_L: Float) -> bool:
        """Whether the picture would be blank with these levels in [0, 1]."""
        return _is_flat(unit_L, self.count_L, _BLANK_STEPS / 255)

    def is_torn_as(self, unit_L: Float) -> bool:
        """Whether these levels would leave black and white alone of a picture that has greys between its ends."""
        share = [float(self.count_L[each].sum()) for each in (_between(unit_L, 0.0, 1.0), self._greys())]
        return share[0] < _BLANK_TAIL * self.count_L.sum() <= share[1]

    def _greys(self) -> Mask:
        occurring = self.raw_L[self.count_L > 0]
        return _between(self.raw_L, float(occurring.min()), float(occurring.max()))


def plain(codes_HW: Codes) -> Stored:
    """A picture whose codes are its grey levels: eight bits are shown as they are, sixteen by their range."""
    is_wide = codes_HW.dtype != np.uint8
    level_L = np.arange(65_536 if is_wide else 256, dtype=np.float64)
    unit_L = None if is_wide else level_L / 255
    return Stored(codes_HW, level_L, level_L, np.ones(len(level_L), bool), unit_L, is_wide=is_wide)


def show(stored: Stored, intensity: Intensity) -> Pixels:
    """Eight bits (H, W), air dark.

    Args:
        stored: The picture.
        intensity: ``voi`` as the file asks, else by its range; ``minmax`` by its range; ``equalized`` with a flat
            histogram. All are computed on what is stored, before it becomes eight bits.
    """
    if intensity == "voi":
        unit_L = _unit(stored.value_L, *_range(stored, stored.value_L)) if stored.unit_L is None else stored.unit_L
        table_L = _to_eight(unit_L)
        table_L = np.uint8(255) - table_L if stored.is_inverted else table_L
    else:
        value_L = -stored.value_L if stored.is_inverted else stored.value_L
        if intensity == "minmax":
            table_L = _to_eight(_unit(value_L, *_range(stored, value_L)))
        else:
            table_L = _equalized(value_L, stored.count_L)
    table_L[~stored.is_kept_L] = 0
    return _look_up(table_L, stored.codes_HW)


def histogram(codes_HW: Codes, codes: int) -> Float:
    """How often each of that many codes occurs, (L,)."""
    counted = cv2.calcHist([np.ascontiguousarray(codes_HW)], [0], None, [codes], [0, codes])
    return np.asarray(counted, np.float64).ravel()


def to_codes(value_HW: NDArray[np.generic]) -> tuple[NDArray[np.uint16], Float]:
    """Numbers (H, W) as 65,536 equal steps, and the number of each step; what is no number is the least one.

    What is infinite is the least or the greatest.
    """
    finite = value_HW[np.isfinite(value_HW)].astype(np.float64)
    least, greatest = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    number_HW = np.nan_to_num(value_HW.astype(np.float64), nan=least, neginf=least, posinf=greatest)
    low, high = float(number_HW.min()), float(number_HW.max())
    is_whole = np.issubdtype(value_HW.dtype, np.integer) and high - low < 65_536
    step = 1.0 if is_whole else max(high - low, 1e-12) / 65_535
    return np.rint((number_HW - low) / step).astype(np.uint16), low + step * np.arange(65_536, dtype=np.float64)


def _look_up(table_L: Pixels, codes_HW: Codes) -> Pixels:
    """The table's level of each code (H, W); in strips, for numpy makes eight bytes of each index."""
    if codes_HW.dtype == np.uint8 and np.array_equal(table_L, np.arange(256)):
        return np.asarray(codes_HW, np.uint8)
    if codes_HW.dtype == np.uint8:
        return np.asarray(cv2.LUT(np.ascontiguousarray(codes_HW), table_L), np.uint8)
    pixels_HW = np.empty(codes_HW.shape, np.uint8)
    strip = max(1, _STRIP // codes_HW.shape[1])
    for row in range(0, len(codes_HW), strip):
        pixels_HW[row : row + strip] = table_L[codes_HW[row : row + strip]]
    return pixels_HW


def _unit(value_L: Float, low: float, high: float) -> NDArray[np.float32]:
    """Values as levels, ``low`` at 0 and ``high`` at 1."""
    return (value_L.astype(np.float32) - low) / max(high - low, 1e-6)


def _to_eight(unit_L: NDArray[np.floating]) -> Pixels:
    return np.round(np.clip(unit_L, 0, 1) * 255).astype(np.uint8)


def _range(stored: Stored, value_L: Float) -> tuple[float, float]:
    """The least and the greatest value; of wide pictures without what lies far outside the other pixels."""
    occurs_L = stored.count_L > 0
    occurring = value_L[occurs_L]
    if not stored.is_wide:
        return float(occurring.min()), float(occurring.max())
    low, high = _quantiles(value_L, stored.count_L, _TAIL)
    if high > low:
        reach = _FENCE * (high - low)
        occurring = occurring[(occurring >= low - reach) & (occurring <= high + reach)]
    return float(occurring.min()), float(occurring.max())


def _equalized(value_L: Float, count_L: Float) -> Pixels:
    """Level of each code so that the levels are equally frequent, by the formula of OpenCV's ``equalizeHist``.

    With c the number of pixels up to a value, n that of all and f that of the lowest value: 255 (c - f) / (n - f).
    """
    values, place_L = np.unique(value_L, return_inverse=True)
    count_V = np.bincount(place_L, count_L, len(values))
    cdf_V = count_V.cumsum()
    first = count_V[np.flatnonzero(count_V)[0]]
    if first == cdf_V[-1]:
        return _to_eight(_unit(value_L, 0, 255))
    scale = np.float32(255) / np.float32(cdf_V[-1] - first)
    table_V = np.rint((cdf_V - first).clip(0).astype(np.float32) * scale).astype(np.uint8)
    return np.asarray(table_V[place_L], np.uint8)


def _quantiles(value_L: Float, count_L: Float, tail: float) -> tuple[float, float]:
    """The values that ``tail`` of the pixels lie below and above."""
    order = np.argsort(value_L, kind="stable")
    cdf_L = count_L[order].cumsum()
    ends = np.searchsorted(cdf_L, (tail * cdf_L[-1], (1 - tail) * cdf_L[-1]), side="left")
    low, high = value_L[order][np.minimum(ends, len(order) - 1)]
    return float(low), float(high)


def _between(value_L: Float, low: float, high: float) -> Mask:
    """Which codes have a value above the one and below the other."""
    return (low < value_L) & (value_L < high)


def _is_flat(value_L: Float, count_L: Float, span: float) -> bool:
    low, high = _quantiles(value_L, count_L, _BLANK_TAIL)
    return high - low < span

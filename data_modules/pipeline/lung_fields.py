"""Where the lungs lie in one frontal radiograph, found without any training: two dark fields in a brighter body.

S side of the square frame.
"""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from gkmvlp.data_modules.pipeline.transforms import Float, Pixels

SIDE = 128  # lungs are large: a small copy shows them
LEVELS = range(15, 66, 4)  # percentiles of grey below which a pixel may be lung
OPENINGS = (3, 5, 7)  # diameters in pixels of the small copy that cut bridges to the air outside
MARGIN = 2  # pixels: what comes nearer to the edge is air outside, or a lung that the picture cuts
WIDTH, HEIGHT = (0.14, 0.45), (0.3, 0.85)  # of one lung, as fractions of the frame


def lung_boxes(image_SS: Pixels) -> Float | None:
    """Boxes of the right and the left lung.

    Of all pairs of dark fields that could be lungs by size, place and likeness to each other, at several levels of grey
    and with the slow changes of brightness taken away or not, the largest is taken.

    Args:
        image_SS: Pixels (S, S) uint8, air dark, the patient's right on the left.

    Returns:
        Boxes (2, 4) float32 xyxy as fractions of the frame, the patient's right lung first; None where no pair was
        found, as in a chest whose one side is white.
    """
    best, largest = None, 0
    for small in _copies(image_SS):
        for level in np.percentile(small[8:-8, 8:-8], LEVELS):
            dark = (small < level).astype(np.uint8)
            for diameter in OPENINGS:
                shape = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter))
                fields = _largest_fields(np.asarray(cv2.morphologyEx(dark, cv2.MORPH_OPEN, shape), np.uint8))
                if fields is not None and fields[0] > largest and _is_pair(fields[1]):
                    largest, best = fields
    return best


def _copies(image_SS: Pixels) -> Iterator[Float]:
    """A small smooth copy, and the same less its slow changes: lungs over the belly are darker than below the neck."""
    shrunk: Float = cv2.resize(image_SS, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    small = _blurred(shrunk, 1.5)
    yield small
    for share in (0.22, 0.3):
        yield small - _blurred(small, share * SIDE)


def _blurred(image_SS: Float, sigma: float) -> Float:
    return np.asarray(cv2.GaussianBlur(image_SS, (0, 0), sigma), np.float32)


def _largest_fields(dark: NDArray[np.uint8]) -> tuple[int, Float] | None:
    """The largest lung-like field of each half: their area in pixels together, and their boxes (2, 4)."""
    _, label, stats, centre = cv2.connectedComponentsWithStats(dark, connectivity=4)
    chosen: dict[bool, int] = {}
    for field in range(1, len(stats)):
        is_left = bool(centre[field][0] > SIDE / 2)
        is_larger = is_left not in chosen or stats[field][4] > stats[chosen[is_left]][4]
        if is_larger and _is_lung_like(stats[field].tolist(), float(centre[field][1]) / SIDE):
            chosen[is_left] = field
    if len(chosen) < 2:
        return None
    fields = chosen[False], chosen[True]
    boxes = np.stack([_box(label == field) for field in fields])
    return int(sum(stats[field][4] for field in fields)), boxes


def _is_lung_like(stats: list[int], height_of_centre: float) -> bool:
    """Whether a field has the size, fill and place of a lung, by OpenCV's left, top, width, height and area."""
    x, y, width, height, area = stats
    is_inside = min(x, y) >= MARGIN and max(x + width, y + height) <= SIDE - MARGIN
    fits = WIDTH[0] < width / SIDE < WIDTH[1] and HEIGHT[0] < height / SIDE < HEIGHT[1]
    return is_inside and fits and area > 0.5 * width * height and 0.25 < height_of_centre < 0.65


def _box(field: NDArray[np.bool_]) -> Float:
    """Box (4,) around all of a field but its outermost hundredths."""
    ys, xs = np.nonzero(field)
    low, high = np.percentile(np.stack([xs, ys]), (1, 99), axis=1)
    return (np.concatenate([low, high + 1]) / SIDE).astype(np.float32)


def _is_pair(box_24: Float) -> bool:
    """Whether two fields are alike enough to be the lungs of one patient."""
    right, left = box_24
    gap, widths = left[0] - right[2], box_24[:, 2] - box_24[:, 0]
    is_level = abs(right[1] - left[1]) <= 0.08 and abs(right[3] - left[3]) <= 0.15
    return bool(0 <= gap <= 0.25 and is_level and widths.max() <= 1.7 * widths.min())

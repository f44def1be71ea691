"""Boxes of tables: in pixels, inside their images, each once; what is not is refused or counted."""

import numpy as np
import pytest

from gkmvlp.data_modules.formats.boxes import clipped_boxes, require_pixels
from gkmvlp.data_modules.pipeline.ledger import Ledger
from gkmvlp.errors import DataError

# x, y, width, height in images of 1024 x 1024
BOXES = np.array(
    [[100, 200, 150, 120], [600, 300, 300, 250], [550, 500, 200, 400], [700, 650, 250, 200], [300, 400, 90, 500]],
    np.float32,
)
SIZE = np.full((5, 2), 1024, np.float32)


def corners(box_N4: np.ndarray) -> np.ndarray:
    return np.concatenate([box_N4[:, :2], box_N4[:, :2] + box_N4[:, 2:]], 1)


def test_boxes_in_pixels_pass_also_few_large_and_absent_ones():
    none = np.full((1, 4), np.nan, np.float32)
    for box_N4 in (BOXES, BOXES[:1], np.zeros((0, 4), np.float32), none, np.concatenate([BOXES, none])):
        require_pixels(corners(box_N4), np.full((len(box_N4), 2), 1024, np.float32), "boxes.csv")
    over = BOXES + np.array([300, 0, 0, 0], np.float32)  # reach out, and are no corners
    require_pixels(corners(over), SIZE, "boxes.csv")


def test_fractions_of_the_image_are_named():
    with pytest.raises(DataError, match=r"boxes.csv: all boxes lie in one pixel, as fractions of the image do"):
        require_pixels(corners(BOXES / 1024), SIZE, "boxes.csv")


def test_corners_in_place_of_width_and_height_are_named():
    with pytest.raises(DataError, match=r"boxes.csv: 4 of 5 boxes reach out .* as corners x1, y1, x2, y2 do"):
        require_pixels(corners(corners(BOXES)), SIZE, "boxes.csv")


def test_what_reaches_out_is_clipped_and_counted():
    ledger = Ledger()
    box_N4 = np.array([[-50, 0, 100, 100], [0, 0, 1024.5, 10], [2000, 0, 2100, 10], [5, 5, 5, 9]], np.float32)
    clipped_N4, is_valid_N = clipped_boxes(box_N4, 1024, 1024, list("abcd"), ledger)
    assert clipped_N4.tolist() == [[0, 0, 100, 100], [0, 0, 1024, 10], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert is_valid_N.tolist() == [True, True, False, False]
    assert ledger.masked == {"box reaches out of the image (clipped)": 1, "box without area in the image": 2}
    assert ledger.examples["box reaches out of the image (clipped)"] == ["a"]

import numpy as np
import pytest

from gkmvlp.anatomy import REGION_INDEX, REGIONS, atlas
from gkmvlp.data_modules.pipeline.augmentation import Augmentation
from gkmvlp.data_modules.pipeline.transforms import letterbox, to_fractions
from gkmvlp.errors import ConfigError

R = len(REGIONS)


def bright_box(side: int, box: tuple[int, int, int, int]) -> np.ndarray:
    image = np.zeros((side, side), np.uint8)
    image[box[1] : box[3], box[0] : box[2]] = 200
    return image


def extent(image: np.ndarray) -> np.ndarray:
    rows, columns = np.where(image > 60)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


@pytest.mark.parametrize("fit", ["pad", "crop", "squash"])
@pytest.mark.parametrize("shape", [(60, 100), (100, 60), (33, 47)])
def test_frame_says_where_pixels_went(fit: str, shape: tuple[int, int]):
    height, width = shape
    image = np.zeros(shape, np.uint8)
    box = np.array([[width * 0.4, height * 0.45, width * 0.6, height * 0.7]], np.float32).round()
    x1, y1, x2, y2 = box[0].astype(int)
    image[y1:y2, x1:x2] = 255
    square, frame = letterbox(image, 64, fit)
    assert square.shape == (64, 64)
    assert np.abs(extent(square) - frame.to_square(box)[0]).max() <= 1.6


def test_boxes_move_with_the_image():
    box = (40, 60, 80, 100)
    boxes = np.zeros((R, 4), np.float32)
    boxes[3] = box
    moved_far = 0.0
    for seed in range(20):
        image, moved = Augmentation(brightness=0, contrast=0, gamma=0)(bright_box(128, box), boxes, seed)
        assert np.abs(extent(image) - moved[3]).max() <= 2.5
        moved_far = max(moved_far, float(np.abs(moved[3] - np.array(box)).max()))
    assert moved_far > 4


def test_augmentation_keeps_sides_and_repeats():
    lung = atlas()[[REGION_INDEX["right lung"]]] * 128
    boxes = np.tile(lung, (R, 1)).astype(np.float32)
    image = bright_box(128, tuple(lung[0].astype(int)))
    augment = Augmentation()
    first, again, other = (augment(image, boxes, seed) for seed in (1, 1, 2))
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])
    for seed in range(30):
        _, moved = augment(image, boxes, seed)
        assert moved[0, [0, 2]].mean() < 64


def test_flip_is_refused():
    with pytest.raises(ConfigError, match="left and right are labels"):
        Augmentation(flip=True)


def test_boxes_out_of_the_frame_are_clipped_or_masked():
    boxes = np.array([[-10, 10, 20, 30], [70, 70, 90, 90], [10, 10, 10.1, 40], [0, 0, 64, 64]], np.float32)
    fractions, mask = to_fractions(boxes, np.array([True, True, True, False]), 64)
    assert mask.tolist() == [True, False, False, False]
    assert np.allclose(fractions[0], [0, 10 / 64, 20 / 64, 30 / 64])
    assert (fractions[1:] == 0).all()

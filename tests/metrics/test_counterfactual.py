"""Hidden pixels against plain loops, places of equal size, sides, and regions of a radiograph turned over."""

import numpy as np
import pytest

from gkmvlp.anatomy import REGION_INDEX, atlas
from gkmvlp.metrics.counterfactual import BLUR, elsewhere, hidden, mirrored_regions, side_of_boxes

SIDE = 24
IMAGE = np.array([0, 4, 24, 20], np.float32)  # four rows of padding above and below


def picture(seed=0):
    rng = np.random.default_rng(seed)
    area = np.zeros((SIDE, SIDE), bool)
    area[4:20] = True
    return np.where(area, rng.random((SIDE, SIDE)), 0).astype(np.float32), area


def covered(boxes):
    """Pixels whose centre lies in a box, by a plain loop."""
    return {
        (row, column)
        for row in range(SIDE)
        for column in range(SIDE)
        for x1, y1, x2, y2 in boxes
        if x1 <= column + 0.5 <= x2 and y1 <= row + 0.5 <= y2
    }


def test_the_mean_of_what_stays_hides():
    image, area = picture()
    hide = np.zeros_like(area)
    hide[6:10, 3:9] = True
    found = hidden(image, hide, area, "mean")
    kept = [image[r, c] for r in range(4, 20) for c in range(SIDE) if not hide[r, c]]
    for row in range(SIDE):
        for column in range(SIDE):
            wanted = np.mean(kept) if hide[row, column] else image[row, column]
            assert found[row, column] == pytest.approx(wanted, abs=1e-6)
    assert np.allclose(hidden(image, area, area, "mean")[area], image[area].mean())  # nothing stays


def test_the_blur_is_a_gaussian_mean_of_the_image_without_its_padding():
    image, area = picture(1)
    hide = np.zeros_like(area)
    hide[5, 2] = hide[12, 12] = True
    found = hidden(image, hide, area, "blur")
    sigma = BLUR * SIDE
    for row, column in ((5, 2), (12, 12)):
        weights = {
            (r, c): np.exp(-((r - row) ** 2 + (c - column) ** 2) / (2 * sigma**2)) * area[r, c]
            for r in range(SIDE) for c in range(SIDE)
        }  # fmt: skip
        total = sum(weights.values())
        wanted = sum(weight * image[place] for place, weight in weights.items()) / total
        assert found[row, column] == pytest.approx(wanted, abs=5e-3)  # OpenCV cuts the Gaussian off
    assert (found == image)[~hide].all()


@pytest.mark.parametrize("seed", range(8))
def test_elsewhere_covers_as_many_pixels_in_the_chest(seed):
    boxes = np.array([[3.2, 6.7, 7.9, 11.1], [15.5, 7.2, 19.4, 9.9]], np.float32)
    chest = np.array([2, 5, 22, 19], np.float32)
    moved = elsewhere(boxes, chest, IMAGE, np.random.default_rng(seed))
    assert np.allclose(moved[:, 2:] - moved[:, :2], boxes[:, 2:] - boxes[:, :2], atol=1e-5)
    assert np.allclose(moved - boxes, np.round(moved - boxes), atol=1e-4)  # whole pixels
    for box, place in zip(boxes, moved, strict=True):
        assert len(covered([box])) == len(covered([place]))
        assert (place[:2] >= chest[:2] - 1e-5).all()
        assert (place[2:] <= chest[2:] + 1e-5).all()
    assert not covered(boxes) & covered(moved)  # there is room beside them


def test_a_box_larger_than_the_chest_stays_in_the_image():
    box = np.array([[2, 5, 20, 19]], np.float32)
    chest = np.array([8, 8, 16, 16], np.float32)
    moved = elsewhere(box, chest, IMAGE, np.random.default_rng(0))[0]
    assert moved[0] >= 0
    assert moved[2] <= SIDE
    assert moved[1] >= 4
    assert moved[3] <= 20
    whole = IMAGE[None]
    assert (elsewhere(whole, chest, IMAGE, np.random.default_rng(0)) == whole).all()


def test_the_side_is_that_of_all_boxes():
    left_of_image, right_of_image = [2.0, 6.0, 8.0, 9.0], [16.0, 6.0, 20.0, 9.0]
    assert side_of_boxes(np.array([left_of_image]), IMAGE) == "right"
    assert side_of_boxes(np.array([right_of_image]), IMAGE) == "left"
    assert side_of_boxes(np.array([left_of_image, right_of_image]), IMAGE) is None


def test_regions_change_sides_with_the_pixels():
    boxes = atlas()
    mask = np.ones(len(boxes), bool)
    mask[REGION_INDEX["left clavicle"]] = False
    turned, turned_mask = mirrored_regions(boxes, mask)
    x1, y1, x2, y2 = boxes[REGION_INDEX["left lung"]]
    assert np.allclose(turned[REGION_INDEX["right lung"]], [1 - x2, y1, 1 - x1, y2])
    x1, y1, x2, y2 = boxes[REGION_INDEX["aortic arch"]]
    assert np.allclose(turned[REGION_INDEX["aortic arch"]], [1 - x2, y1, 1 - x1, y2])
    assert not turned_mask[REGION_INDEX["right clavicle"]]
    assert turned_mask[REGION_INDEX["left clavicle"]]
    again, again_mask = mirrored_regions(turned, turned_mask)
    assert np.allclose(again[mask], boxes[mask], atol=1e-6)
    assert (again_mask == mask).all()

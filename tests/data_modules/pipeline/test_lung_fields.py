"""Lungs found in one image, and the atlas on them: nearer to the truth of phantoms than the atlas as it is."""

import cv2
import numpy as np
import pandas as pd
import pytest

from gkmvlp.anatomy import REGION_INDEX, REGIONS, atlas, fitted_atlas, side_of
from gkmvlp.data_modules.pipeline.images import read_image
from gkmvlp.data_modules.pipeline.lung_fields import lung_boxes
from gkmvlp.data_modules.pipeline.samples import RegionPolicy, Sample
from gkmvlp.data_modules.pipeline.transforms import letterbox
from gkmvlp.phantom.generate import draw_phantom

LUNGS = [REGION_INDEX["right lung"], REGION_INDEX["left lung"]]


def iou(a, b):
    """Overlap of boxes (N, 4) pair by pair."""
    low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    both = np.prod(np.maximum(high - low, 0), axis=1)
    return both / (np.prod(a[:, 2:] - a[:, :2], axis=1) + np.prod(b[:, 2:] - b[:, :2], axis=1) - both)


@pytest.fixture(scope="module")
def phantoms():
    """Letterboxed phantoms, their frames, their boxes of regions as fractions of the frame, and their views."""
    made = []
    for index in range(24):
        phantom = draw_phantom(77, index)
        image_SS, frame = letterbox(phantom.image_HW, 224, "pad")
        made.append((image_SS, frame, frame.to_square(phantom.region_R4.astype(np.float32)) / 224, phantom.view))
    return made


def test_lungs_of_phantoms_are_found_where_they_are(phantoms):
    found = [(lung_boxes(image_SS), truth_R4[LUNGS]) for image_SS, _, truth_R4, _ in phantoms]
    overlaps = [iou(box_24, truth_24) for box_24, truth_24 in found if box_24 is not None]
    assert len(overlaps) >= 0.9 * len(found)
    assert np.mean(overlaps) > 0.6
    for box_24, _ in found:
        assert box_24 is None or box_24[0, 2] <= box_24[1, 0]  # the patient's right lung stands first


def test_regions_on_the_lungs_are_nearer_to_the_truth_than_the_atlas(phantoms):
    """By the policy that a DataModule has, in pixels of the original image."""
    gains = []
    for image_SS, frame, truth_R4, view in phantoms:
        sample = Sample("a", "p", "", view, "test")
        boxes = {}
        for source in ("atlas", "fitted"):
            policy = RegionPolicy(source, {name: atlas(name) for name in ("PA", "AP")})
            box_R4, mask_R = policy.boxes(sample, frame, None, image_SS)
            assert mask_R.all()
            boxes[source] = iou(frame.to_square(box_R4) / 224, truth_R4)
        gains.append(boxes["fitted"].mean() - boxes["atlas"].mean())
    assert np.mean(gains) > 0.03
    assert np.mean(np.array(gains) >= 0) > 0.7


@pytest.mark.parametrize("image", ["blank", "noise", "one side"])
def test_what_shows_no_two_lungs_leaves_the_atlas(image, phantoms):
    image_SS, frame, _, _ = phantoms[0]
    shown = {
        "blank": np.full((224, 224), 90, np.uint8),
        "noise": np.random.default_rng(0).integers(0, 255, (224, 224)).astype(np.uint8),
        "one side": np.where(np.arange(224) < 112, image_SS, 240).astype(np.uint8),
    }[image]
    assert lung_boxes(shown) is None
    boxes = {}
    for source in ("atlas", "fitted"):
        policy = RegionPolicy(source, {"PA": atlas()})
        boxes[source] = policy.boxes(Sample("a", "p", "", "PA", "test"), frame, None, shown)[0]
    np.testing.assert_array_equal(boxes["fitted"], boxes["atlas"])


@pytest.mark.parametrize("side", [96, 224, 512])
def test_lungs_do_not_depend_on_the_size_of_the_image(phantoms, side):
    image_SS, _, _, _ = phantoms[1]
    larger = cv2.resize(image_SS, (side, side), interpolation=cv2.INTER_AREA if side < 224 else cv2.INTER_LINEAR)
    np.testing.assert_allclose(lung_boxes(larger), lung_boxes(image_SS), atol=0.04)


def test_the_atlas_on_its_own_lungs_is_the_atlas():
    np.testing.assert_allclose(fitted_atlas(atlas(), atlas()[LUNGS]), atlas(), atol=1e-6)


@pytest.mark.parametrize(("scale", "shift"), [((1, 1), (0.04, -0.06)), ((0.7, 0.6), (0.1, 0.05))])
def test_the_atlas_follows_lungs_that_are_moved_and_stretched_alike(scale, shift):
    """Then all regions are moved and stretched as the lungs are, but for what lies in the middle, whose mean is exact
    only where both lungs have the same height."""
    moved = np.tile(np.float32(scale), 2) * atlas() + np.tile(np.float32(shift), 2)
    fitted = fitted_atlas(atlas(), moved[LUNGS])
    np.testing.assert_allclose(fitted, moved.clip(0, 1), atol=1e-6)


def test_each_side_follows_its_own_lung():
    lung_24 = atlas()[LUNGS].copy()
    lung_24[1, 3] -= 0.3  # the left one ends higher
    fitted = fitted_atlas(atlas(), lung_24)
    for row, region in enumerate(REGIONS):
        if side_of(region) == "right":
            np.testing.assert_allclose(fitted[row], atlas()[row], atol=1e-6)
    left = REGION_INDEX["left costophrenic angle"]
    assert fitted[left, 1] < atlas()[left, 1] - 0.2


def test_lungs_of_real_radiographs_are_found(shared_data):
    """Nine in ten of a sample, and no lung is wider than two fifths or ends in the upper third of the picture."""
    folder = shared_data / "iu_xray"
    table = pd.read_csv(folder / "pairs.csv")
    names = table[next(name for name in table if "image" in name)].iloc[::80]
    found = []
    for name in names:
        file = folder / name if (folder / name).is_file() else folder / "images" / name
        found.append(lung_boxes(letterbox(read_image(file, "equalized"), 224, "pad")[0]))
    boxes = np.stack([box_24 for box_24 in found if box_24 is not None])
    assert len(boxes) >= 0.85 * len(found)
    assert (boxes[..., 2] - boxes[..., 0] < 0.42).all()
    assert (boxes[..., 3] > 0.33).all()

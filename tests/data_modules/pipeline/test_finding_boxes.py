"""Boxes of findings: measured in the original, shown in the square, moved with the image."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gkmvlp.anatomy import shipped_atlas
from gkmvlp.data_modules.pipeline.augmentation import Augmentation
from gkmvlp.data_modules.pipeline.dataset import SampleDataset
from gkmvlp.data_modules.pipeline.images import read_image
from gkmvlp.data_modules.pipeline.samples import RegionPolicy, Sample
from gkmvlp.data_modules.pipeline.transforms import FittedImage, letterbox
from gkmvlp.geometry import Letterbox

SIDE = 64
BOX = np.array([[600, 200, 800, 500], [0, 0, 0, 0]], np.float32)  # in an original of 1200 x 1000; the second is padding


def bright_box(path: Path) -> Path:
    """A copy at a tenth of the size, black but for the finding."""
    pixels = np.zeros((100, 120), np.uint8)
    x1, y1, x2, y2 = (BOX[0] / 10).astype(int)
    pixels[y1:y2, x1:x2] = 255
    Image.fromarray(pixels).save(path)
    return path


def dataset(path: Path, is_training: bool) -> SampleDataset:
    def read(row):
        return FittedImage(*letterbox(read_image(row.image), SIDE))

    sample = Sample("a", "p", str(path), "PA", "train", size=(1200, 1000), finding_K4=BOX)
    augmentation = Augmentation(brightness=0, contrast=0, gamma=0) if is_training else None
    return SampleDataset([sample], read, RegionPolicy("atlas", shipped_atlas()), 0, augmentation, is_training)


@pytest.mark.parametrize("is_training", [False, True])
def test_box_lies_on_the_finding(tmp_path, is_training):
    rows = dataset(bright_box(tmp_path / "a.png"), is_training)
    for epoch in range(4 if is_training else 1):
        item = rows[0, epoch]
        assert item["finding_mask"].tolist() == [True, False]
        assert item["finding_box"][1].tolist() == [0, 0, 0, 0]
        lit = torch.nonzero(item["image"][0] > 0.5).float()
        (top, left), (bottom, right) = lit.min(0).values, lit.max(0).values + 1
        found = torch.stack([left, top, right, bottom])
        # a turned box is the smallest upright one around it: a pixel and a half of slack
        assert (item["finding_box"][0] * SIDE - found).abs().max() < (1.6 if is_training else 0.6)


def test_frame_leads_back_to_the_original_not_to_the_copy(tmp_path):
    item = dataset(bright_box(tmp_path / "a.png"), False)[0]
    frame = Letterbox(*item["letterbox"].tolist())
    assert (frame.width, frame.height) == (1200, 1000)
    assert frame.to_original(item["finding_box"][:1].numpy() * SIDE) == pytest.approx(BOX[:1], abs=0.01)


def test_a_copy_is_shown_as_its_original():
    original, copy = Letterbox.fit(1200, 1000, SIDE), Letterbox.fit(120, 100, SIDE)
    assert copy.measured_in(1200, 1000) == pytest.approx(original)

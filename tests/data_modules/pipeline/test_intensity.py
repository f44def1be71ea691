"""How stored values become eight bits: stretched, equalised, without the markers."""

import numpy as np
import pytest
from PIL import Image

from gkmvlp.data_modules.pipeline.images import read_image
from tests.data_modules.pipeline.small_files import RAMP, SHADE, dicom, picture


def test_minmax_stretches_and_equalized_is_flat():
    dull = picture(Image.fromarray((RAMP // 4 + 60).astype(np.uint8)))
    assert np.ptp(read_image(dull)) == 63
    assert np.ptp(read_image(dull, "minmax")) == 255
    skewed = picture(Image.fromarray((RAMP.astype(float) ** 2 / 256).astype(np.uint8)))
    levels = np.sort(read_image(skewed, "equalized").ravel()) / 255
    assert np.abs(levels - np.linspace(0, 1, 256)).max() < 0.1


@pytest.mark.parametrize("suffix", ["png", "dcm"])
def test_a_saturated_marker_does_not_eat_the_range(suffix: str):
    def written(values: np.ndarray) -> bytes:
        tags = {"BitsStored": 16, "HighBit": 15}
        return picture(Image.fromarray(values)) if suffix == "png" else dicom(values, **tags)

    values = SHADE.astype(np.uint16) * 12 + 400
    marked = values.copy()
    marked[:4, -4:] = 65_535
    for intensity in ("voi", "minmax", "equalized"):
        plain, seen = (read_image(written(each), intensity).astype(int) for each in (values, marked))
        assert np.ptp(plain) == 255
        assert np.abs(seen - plain)[4:].max() <= (4 if intensity == "equalized" else 0), intensity
        assert (seen[:4, -4:] == 255).all()


def test_sixteen_bits_are_equalised_before_they_become_eight():
    """1,200 values that crowd in a hundredth of the range come out evenly, each with its own share."""
    rng = np.random.default_rng(0)
    values = rng.permutation(np.concatenate([np.arange(30_000, 30_600, dtype=np.uint16)] * 2)).reshape(40, 30)
    values[0, 0], values[0, 1] = 0, 65_535
    pixels = read_image(picture(Image.fromarray(values)), "equalized")
    levels = np.sort(pixels.ravel()) / 255
    assert np.abs(levels - np.linspace(0, 1, levels.size)).max() < 0.01


def test_eight_bits_are_equalised_as_opencv_does():
    import cv2

    rng = np.random.default_rng(1)
    for _ in range(20):
        image = np.clip(rng.gamma(2, 25, (50, 40)), 0, 255).astype(np.uint8)
        assert np.array_equal(read_image(picture(Image.fromarray(image)), "equalized"), cv2.equalizeHist(image))

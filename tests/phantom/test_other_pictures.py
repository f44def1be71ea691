import numpy as np
import pytest

from gkmvlp.phantom.drawing.lateral import draw_lateral
from gkmvlp.phantom.drawing.other_pictures import draw_blank, draw_other


@pytest.mark.parametrize("draw", [draw_lateral, draw_other, draw_blank])
def test_pictures_hang_on_their_seed_alone(draw):
    for seed in range(12):
        picture = draw(np.random.default_rng(seed), 120)
        assert (picture.shape, picture.dtype) == ((120, 120), np.uint8)
        np.testing.assert_array_equal(picture, draw(np.random.default_rng(seed), 120))


def test_a_lateral_view_has_a_dark_lung_inside_a_bright_body():
    for seed in range(12):
        picture = draw_lateral(np.random.default_rng(seed), 160).astype(float)
        lung, rim = np.percentile(picture[50:100, 60:100], 10), np.percentile(picture[60:110], 90)
        assert lung < rim - 30


def test_blank_pictures_show_little():
    spread = [np.subtract(*np.percentile(draw_blank(np.random.default_rng(seed), 100), [75, 25])) for seed in range(40)]
    assert np.median(spread) < 40

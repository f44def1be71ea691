"""Points, regions, boxes and maps of a reading belong together and lie in the image."""

import numpy as np
import pytest
from PIL import Image

from gkmvlp.anatomy import REGIONS
from gkmvlp.geometry import Letterbox
from gkmvlp.zoo.inference.places import attended_box
from gkmvlp.zoo.inference.prediction import Prediction
from gkmvlp.zoo.inference.readings import Reading
from tests.app.small_models import ENTITIES

pytestmark = pytest.mark.filterwarnings("ignore:A model that never")


@pytest.mark.parametrize("shape", [(24, 120), (120, 24), (8, 400), (64, 64)])
def test_points_lie_in_images_of_any_shape(model, shape):
    image = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    reading = model.predict(image)
    for name, (x, y) in reading.points.items():
        assert 0 <= x <= shape[1]
        assert 0 <= y <= shape[0]
        if min(shape) > 8:  # else the image is less than a pixel of the frame
            assert reading.heat_map(name)[min(int(y), shape[0] - 1), min(int(x), shape[1] - 1)] > 0.9


def test_a_box_lies_in_the_image_where_attention_peaks_in_the_padding():
    map_hw = np.zeros((4, 4), np.float32)
    map_hw[3, 1] = 0.5  # rows 0 and 3 of a wide image are padding
    found = attended_box("mass", Reading(2.2, 0.9), map_hw, Letterbox.fit(300, 100, 32), 32)
    assert (found.label, found.score, found.is_likely) == ("mass", 0.9, True)
    assert 0 <= found.x1 < found.x2 <= 300
    assert 0 <= found.y1 < found.y2 <= 100


def test_a_reading_has_maps_boxes_and_regions_that_belong_together(model, images):
    reading = model.predict(images[2])
    with Image.open(images[2]) as picture:
        width, height = picture.size
    assert list(reading.findings) == [box.label for box in reading.boxes]
    for box in reading.boxes:
        x, y = reading.points[box.label]
        assert box.x1 <= x <= box.x2
        assert box.y1 <= y <= box.y2
        assert 0 <= box.x1 < box.x2 <= width
        assert 0 <= box.y1 < box.y2 <= height
        assert box.is_likely == (box.score >= box.threshold)
        assert reading.regions[box.label] in ("", *REGIONS)
    for name in ENTITIES:
        assert reading.heat_map(name).shape == (height, width)
        assert reading.draw(name).shape == (height, width, 3)
    plain = Prediction(pixels_HW=reading.pixels_HW).draw()
    np.testing.assert_array_equal(plain, np.stack([model.preprocess.pixels(images[2])] * 3, -1))

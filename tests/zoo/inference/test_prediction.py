"""Maps at the resolution of an image, and the boxes around what they look at."""

import json
import re

import numpy as np
import pytest

from gkmvlp.geometry import Letterbox, original_boxes
from gkmvlp.tasks.parts.heat_maps import image_area
from gkmvlp.zoo.inference.prediction import Prediction, enlarged, hot_box


@pytest.mark.parametrize("mode", ["pad", "crop", "squash"])
def test_heat_maps_have_the_resolution_of_the_image_and_peak_at_the_point(mode):
    map_hw = np.zeros((8, 8), np.float32)
    map_hw[3, 5] = 1
    frame = Letterbox.fit(300, 200, 64, mode)
    heat_HW = Prediction(attention={"mass": map_hw}, frame=frame, side=64).heat_map("mass")
    assert heat_HW.shape == (200, 300)
    assert heat_HW.max() == 1
    # the middle of the patch, by the definition of the frame
    x, y = frame.to_original(np.array([[44, 28, 44, 28]], np.float32))[0, :2]
    row, column = np.unravel_index(heat_HW.argmax(), heat_HW.shape)
    assert abs(column + 0.5 - x) <= 1 / frame.scale_x
    assert abs(row + 0.5 - y) <= 1 / frame.scale_y


def test_a_hot_box_holds_what_hangs_together_with_the_point():
    map_hw = np.zeros((8, 8), np.float32)
    map_hw[2, 2], map_hw[6, 6] = 1, 0.9
    x1, y1, x2, y2 = hot_box(map_hw, 64, Letterbox.fit(64, 64, 64))[0]
    large_SS = enlarged(map_hw, 64)
    inside = large_SS[int(y1) : int(y2), int(x1) : int(x2)]
    assert inside.max() == large_SS.max()
    assert x2 < 40  # the second spot is not in it
    assert (large_SS[:40, : int(x1)] < large_SS[20, 20] / 2).all()
    assert (large_SS[int(y2) : 40, :40] < large_SS[20, 20] / 2).all()


def test_a_hot_box_lies_in_the_image_where_attention_peaks_in_the_padding():
    map_hw = np.zeros((6, 6), np.float32)
    map_hw[0, 5], map_hw[3, 1] = 1, 0.5  # rows 0, 1, 4 and 5 of a wide image are padding
    frame = Letterbox.fit(300, 100, 192)
    area_SS, large_SS = image_area(frame, 192), enlarged(map_hw, 192)
    assert not area_SS[np.unravel_index(large_SS.argmax(), large_SS.shape)]
    x1, y1, x2, y2 = hot_box(map_hw, 192, frame)[0].astype(int)
    assert area_SS[y1:y2, x1:x2].all()
    assert large_SS[y1:y2, x1:x2].max() == large_SS[area_SS].max()


def test_boxes_around_every_peak_have_an_area_in_images_of_any_shape():
    draw = np.random.default_rng(0)
    for width, height in ((300, 100), (100, 300), (4000, 3), (7, 7)):
        for mode in ("pad", "crop", "squash"):
            frame = Letterbox.fit(width, height, 64, mode)
            for _ in range(5):
                _, kept_1 = original_boxes(frame, hot_box(draw.random((8, 8), np.float32), 64, frame))
                assert kept_1.all()


def test_what_is_said_is_printed_short_and_kept_exact(model, images):
    said = model.predict(images[0])
    for part in (said, said.findings, said.points, said.readings, said.boxes, said.region_boxes):
        assert re.search(r"\d\.\d{3}\b", repr(part))
        assert not re.search(r"\d\.\d{4}", repr(part))
    assert "answer" not in repr(said)  # of what nobody asked nothing is printed
    name = next(iter(said.findings))
    assert said.findings[name] == said.readings[name].probability
    assert json.loads(json.dumps(said.findings)) == said.findings

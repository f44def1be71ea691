"""What goes back of a prediction: one row a finding, in pixels of the image as its file stores it.

H x W pixels of the image as stored.
"""

import json
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gkmvlp.anatomy import REGION_INDEX
from gkmvlp.errors import ConfigError
from gkmvlp.geometry import Turn
from gkmvlp.zoo.inference.prediction import PredictedBox, Prediction
from gkmvlp.zoo.inference.readings import Reading, counts

Box = tuple[float, float, float, float]
DETECTOR = "score of a detector"  # what stands for the calibration of a box


class Finding(NamedTuple):
    """One finding of one image."""

    name: str
    probability: float  # in [0, 1]
    threshold: float | None  # None where no operating point was chosen
    is_likely: bool
    calibration: str
    region: str  # that its point lies in, "" where none is known
    box: Box | None  # x1, y1, x2, y2 in pixels of the upright image; None of what is not likely


def findings_of(prediction: Prediction) -> list[Finding]:
    """The findings of a prediction, likeliest first; of a detector every likely box, and the best of the others.

    Raises:
        ConfigError: If the prediction is of another kind.
    """
    if prediction.readings:
        boxes = {box.label: box for box in prediction.boxes}
        return [
            _read(name, reading, boxes.get(name), prediction.regions.get(name, ""))
            for name, reading in prediction.readings.items()
        ]
    if not prediction.boxes or all(box.label in REGION_INDEX for box in prediction.boxes):
        raise ConfigError(
            "this model has no findings to send back: a backbone, or a model for labels or for boxes of findings, was "
            "expected"
        )
    likely = [box for box in prediction.boxes if box.is_likely]
    named = {box.label for box in likely}
    best = {box.label: box for box in reversed(prediction.boxes) if box.label not in named}
    rows = [*likely, *best.values()]
    return [_detected(box) for box in sorted(rows, key=lambda box: -box.score)]


def _read(name: str, reading: Reading, box: PredictedBox | None, region: str) -> Finding:
    is_likely = counts(reading.probability, reading.is_likely)
    place = (box.x1, box.y1, box.x2, box.y2) if box and is_likely else None
    return Finding(name, reading.probability, reading.threshold, is_likely, reading.calibration, region, place)


def _detected(box: PredictedBox) -> Finding:
    place = (box.x1, box.y1, box.x2, box.y2) if box.is_likely else None
    return Finding(box.label, box.score, box.threshold, box.is_likely, DETECTOR, "", place)


def stored_box(box: Box, turn: Turn, size: tuple[int, int]) -> Box:
    """A box of the upright image as one of the stored image.

    Args:
        box: x1, y1, x2, y2 in pixels of the upright image.
        turn: How the stored image was set upright.
        size: Width and height of the upright image.
    """
    x1, y1, x2, y2 = turn.inverse.boxes(np.array([box], np.float32), *size)[0].tolist()
    return x1, y1, x2, y2


def box_mask(box: Box, height: int, width: int) -> NDArray[np.bool_]:
    """The pixels (H, W) whose centres lie in a box."""
    x1, y1, x2, y2 = box
    x_W, y_H = np.arange(width) + 0.5, np.arange(height) + 0.5
    return ((y_H >= y1) & (y_H < y2))[:, None] & ((x_W >= x1) & (x_W < x2))


def fingerprint(prediction: Prediction) -> str:
    """SHA-256 of all that a prediction says; what it was made of and when is left out."""
    said: dict[str, Any] = {
        "readings": prediction.readings, "points": prediction.points, "regions": prediction.regions,
        "boxes": prediction.boxes, "region_boxes": prediction.region_boxes, "notice": prediction.notice,
    }  # fmt: skip
    digest = sha256(json.dumps(said, sort_keys=True).encode())
    for name, map_hw in sorted(prediction.attention.items()):
        digest.update(name.encode() + map_hw.tobytes())
    return digest.hexdigest()

"""What a model would say of the radiograph of ``radiographs.py``, without one."""

import numpy as np

from gkmvlp.app.dicom.identity import ModelIdentity
from gkmvlp.geometry import Letterbox
from gkmvlp.notices import NO_PATIENT
from gkmvlp.zoo.inference.prediction import PredictedBox, Prediction
from gkmvlp.zoo.inference.readings import Reading

MODEL = ModelIdentity("zoo://a-model", "gkmvlp 0.1.0, weights 0123456789ab")
BOX = (11.0, 30.0, 33.0, 71.0)  # x1, y1, x2, y2 in the upright image
REGIONS = {
    "right lung": (10.0, 12.0, 37.0, 75.0), "left lung": (43.0, 11.0, 70.0, 77.0),
    "right lower lung zone": (10.0, 50.0, 36.0, 73.0), "cardiac silhouette": (30.0, 43.0, 58.0, 75.0),
    "spine": (36.0, 4.0, 45.0, 92.0),
}  # fmt: skip


def prediction(pixels_HW: np.ndarray, likely: bool = True) -> Prediction:
    """One likely finding at ``BOX``, a private one and one below its threshold; nothing likely if told so."""
    height, width = pixels_HW.shape
    rng = np.random.default_rng(0)
    readings = {
        "pleural effusion": Reading(2.0, 0.875, "platt", 0.4, 0.3, 0.5, likely),
        "low lung volumes": Reading(-0.4, 0.25, "uncalibrated"),
        "pneumothorax": Reading(-3.0, 0.0625, "platt", 0.2, 0.1, 0.3, False),
    }
    names = list(readings)
    return Prediction(
        findings={name: reading.probability for name, reading in readings.items()},
        points=dict.fromkeys(names, (20.0, 60.0)),
        regions=dict(zip(names, ("right lower lung zone", "", "left lung"), strict=True)),
        readings=readings,
        boxes=[PredictedBox(name, r.probability, *BOX, bool(r.is_likely), 0.5) for name, r in readings.items()],
        region_boxes=REGIONS,
        notice=NO_PATIENT,
        pixels_HW=pixels_HW,
        attention={name: rng.random((4, 4), np.float32) for name in names},
        frame=Letterbox.fit(width, height, 32),
        side=32,
    )

"""Figures of image-text classification: accuracy over all rows.

The note gives the share of rows whose class training has: no classifier over its classes can exceed it. Baselines are
rows: the class that training has most often, and the same model without the image.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gkmvlp.metrics.assemble import Key, Scored, Task
from gkmvlp.metrics.bootstrap import mean_curve

_ACCURACY = Key("accuracy", None)


def _score(block: pd.DataFrame, unit_N: NDArray[np.intp], counts_VG: NDArray[np.uint16]) -> dict[Key, Scored]:
    """Share of rows whose class is named."""
    right_N = (block["prediction"] == block["target"]).to_numpy(float)
    return {_ACCURACY: Scored(mean_curve(right_N, unit_N, counts_VG), np.ones(len(block), bool))}


def _notes(rows: pd.DataFrame) -> dict[Key, str]:
    """The ceiling that training's classes set."""
    share = rows["in_vocabulary"].to_numpy(bool).mean()
    return {_ACCURACY: f"ceiling {share:.3f}: share of rows whose class is among those of training"}


TASK = Task(
    columns={"target": "text", "prediction": "text", "in_vocabulary": "bool"},
    unit="image-text",
    score=_score,
    parts=lambda key: {},
    notes=_notes,
)

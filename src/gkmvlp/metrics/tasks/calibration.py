"""Figures of probabilities before and after calibration: ``ece`` and ``brier`` of each label, their means, and of all.

The baseline ``uncalibrated`` are the same rows with the probabilities of before. ``ece`` is that of classification;
``brier`` is the mean squared distance of probability and target (Brier, Monthly Weather Review 1950). The label ``all``
bins the rows of all labels together: more rows a bin, and less of the error that few rows make alone.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gkmvlp.metrics.assemble import Key, Scored, Task
from gkmvlp.metrics.auroc import FloatArray
from gkmvlp.metrics.bootstrap import mean_curve
from gkmvlp.metrics.per_label import average, lacking_classes, scorer
from gkmvlp.metrics.tasks.classification import BINS, calibration_curve

ALL = "all"


def brier_curve(
    score_N: FloatArray, target_N: FloatArray, unit_N: NDArray[np.intp], counts_VG: NDArray[np.uint16]
) -> FloatArray:
    """The curve of a Brier score (V,) in [0, 1]; NaN for a resample without any row."""
    return mean_curve((score_N - target_N) ** 2, unit_N, counts_VG)


_CURVES = {"ece": calibration_curve, "brier": brier_curve}
_BY_LABEL = scorer(_CURVES)


def _score(block: pd.DataFrame, unit_N: NDArray[np.intp], counts_VG: NDArray[np.uint16]) -> dict[Key, Scored]:
    """Each label, their mean, and the rows of all of them together."""
    known_N = block["target"].notna().to_numpy()
    rows = block[known_N]
    together = rows["score"].to_numpy(float), rows["target"].to_numpy(float), unit_N[known_N], counts_VG
    pooled = {Key(name, ALL): Scored(curve(*together), known_N) for name, curve in _CURVES.items()}
    return _BY_LABEL(block, unit_N, counts_VG) | pooled


def _parts(key: Key) -> dict[str, str]:
    """The signature says how probabilities were binned, and over what is averaged."""
    over = {"average": "micro"} if key.label == ALL else average(key)
    return over | ({"bins": f"{BINS} of equal width, l1"} if key.name == "ece" else {})


TASK = Task(
    columns={"entity": "text", "target": "target", "score": "probability"},
    unit="image-label",
    score=_score,
    parts=_parts,
    notes=lacking_classes(list(_CURVES)),
    lower_is_better=frozenset(_CURVES),
)

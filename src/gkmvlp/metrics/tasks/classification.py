"""Figures of classification: AUROC, average precision and calibration of each label, and their means (``per_label``).

``ece`` is the binary expected calibration error: probabilities are sorted into 15 bins of equal width, and the gap
between mean probability and share of present rows is averaged over the bins, weighted by their rows (Guo et al., ICML
2017, for the probability of *present*; torchmetrics' ``BinaryCalibrationError``). It grows with fewer rows, so that
resamples, which hold fewer different ones, lie above the value; differences are paired and share this. The baseline
``prevalence`` are rows: each label's share among the training labels, for every image.
"""

import numpy as np
from numpy.typing import NDArray

from gkmvlp.metrics.assemble import Key, Task
from gkmvlp.metrics.auroc import FloatArray, weighted_average_precision
from gkmvlp.metrics.bootstrap import auroc_curve
from gkmvlp.metrics.per_label import average, lacking_classes, scorer

BINS = 15


def average_precision_curve(
    score_N: FloatArray, target_N: FloatArray, unit_N: NDArray[np.intp], counts_VG: NDArray[np.uint16]
) -> FloatArray:
    """The curve of an average precision (V,): see ``weighted_average_precision``; NaN where a class is lacking."""
    return weighted_average_precision(score_N, target_N, counts_VG[:, unit_N])


def calibration_curve(
    score_N: FloatArray, target_N: FloatArray, unit_N: NDArray[np.intp], counts_VG: NDArray[np.uint16]
) -> FloatArray:
    """The curve of a binary expected calibration error (V,).

    Args:
        score_N: Probability of present, in [0, 1].
        target_N: 1 present, 0 absent.
        unit_N: Column of ``counts_VG`` of each row.
        counts_VG: How often each unit was drawn.

    Returns:
        (V,) in [0, 1]; NaN for a resample without any row.
    """
    units = counts_VG.shape[1]
    # the upper edge belongs to the next bin; 1 stands alone, its gap is what it is
    cell_N = unit_N * (BINS + 1) + np.searchsorted(np.linspace(0, 1, BINS + 1), score_N, side="right") - 1
    gap_GK = np.bincount(cell_N, score_N - target_N, units * (BINS + 1)).reshape(units, -1)
    weight_VG = counts_VG.astype(float)
    rows_V = weight_VG @ np.bincount(unit_N, minlength=units)
    total_V = np.abs(weight_VG @ gap_GK).sum(1)
    return np.divide(total_V, rows_V, out=np.full(len(counts_VG), np.nan), where=rows_V > 0)


def _parts(key: Key) -> dict[str, str]:
    """The signature says how probabilities were binned."""
    return average(key) | ({"bins": f"{BINS} of equal width, l1"} if key.name == "ece" else {})


_CURVES = {"auroc_macro": auroc_curve, "auprc_macro": average_precision_curve, "ece": calibration_curve}
TASK = Task(
    columns={"entity": "text", "target": "target", "score": "probability"},
    unit="image-label",
    score=scorer(_CURVES),
    parts=_parts,
    notes=lacking_classes(list(_CURVES)),
    lower_is_better=frozenset({"ece"}),
)

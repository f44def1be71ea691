"""Figures of region detection: overlap with the true box, and share of true boxes found, of each region and as mean.

A row is one image and one region that has a true box. A region that the model calls absent (``score`` below 0.5)
overlaps nothing.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gkmvlp.anatomy import LEAST_SCORE
from gkmvlp.metrics.assemble import Key, Scored, Task
from gkmvlp.metrics.auroc import FloatArray
from gkmvlp.metrics.bootstrap import mean_curve, nanmean

NAMES = ("region_iou", "region_recall")
LEAST_OVERLAP = 0.5
_PARTS = {"region_iou": {}, "region_recall": {"iou": str(LEAST_OVERLAP)}}


def row_overlaps(block: pd.DataFrame) -> FloatArray:
    """Intersection over union (N,) of each row's true and predicted box; 0 where called absent."""
    true_N4, predicted_N4 = (np.stack(block[name].to_list()).astype(float) for name in ("boxes", "predicted"))
    size_N2 = np.minimum(true_N4[:, 2:], predicted_N4[:, 2:]) - np.maximum(true_N4[:, :2], predicted_N4[:, :2])
    shared_N = np.clip(size_N2, 0, None).prod(1)
    area_N = [(box_N4[:, 2:] - box_N4[:, :2]).prod(1) for box_N4 in (true_N4, predicted_N4)]
    return np.where(block["score"] >= LEAST_SCORE, shared_N / (area_N[0] + area_N[1] - shared_N), 0.0)


def _score(block: pd.DataFrame, unit_N: NDArray[np.intp], counts_VG: NDArray[np.uint16]) -> dict[Key, Scored]:
    """Both figures of each region, and their means over the regions."""
    overlap_N, region_N = row_overlaps(block), block["entity"].to_numpy(str)
    out: dict[Key, Scored] = {}
    for name, value_N in zip(NAMES, (overlap_N, (overlap_N >= LEAST_OVERLAP).astype(float)), strict=True):
        for region in sorted(set(region_N)):
            rows_N = region_N == region
            out[Key(name, str(region))] = Scored(mean_curve(value_N[rows_N], unit_N[rows_N], counts_VG), rows_N)
        of_regions = [scored.curve_V for key, scored in out.items() if key.name == name]
        out[Key(name, None)] = Scored(nanmean(np.stack(of_regions)), np.ones(len(block), bool))
    return out


TASK = Task(
    columns={"entity": "text", "boxes": "boxes", "predicted": "boxes", "score": "probability"},
    unit="image-region with box",
    score=_score,
    parts=lambda key: {
        **_PARTS[key.name], "score": f">= {LEAST_SCORE}", "average": "macro" if key.label is None else "none",
    },
    notes=lambda rows: {},
)  # fmt: skip

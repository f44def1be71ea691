"""An atlas from scene graphs: the mean letterboxed box of each region over training patients."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from gkmvlp.anatomy import REGIONS, VIEWS
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.data_modules.pipeline.transforms import Float
from gkmvlp.geometry import Letterbox


def mean_atlas(samples: Iterable[Sample], fallback: dict[str, Float]) -> dict[str, Any]:
    """Mean boxes by view; each patient counts once, however many images it has.

    Args:
        samples: Training rows; those without boxes or size are passed over.
        fallback: View -> boxes (29, 4) for regions that no row of that view shows.

    Returns:
        ``boxes``: view -> region -> four fractions of the letterboxed square; ``patients``: view -> region -> number.
    """
    sums: dict[tuple[str, str], tuple[Float, Float]] = {}
    for sample in samples:
        if sample.box_R4 is None or sample.mask_R is None or sample.size is None or sample.view not in VIEWS:
            continue
        box_R4 = Letterbox.fit(int(sample.size[0]), int(sample.size[1]), 1).to_square(sample.box_R4)
        key = (sample.view, sample.patient_id)
        old, counts = sums.get(key, (np.zeros((len(REGIONS), 4), np.float32), np.zeros(len(REGIONS), np.float32)))
        sums[key] = (old + box_R4 * sample.mask_R[:, None], counts + sample.mask_R)
    boxes, patients = {}, {}
    for view in VIEWS:
        rows = [row for (name, _), row in sums.items() if name == view]
        mean_R4, count_R = _mean(rows)
        mean_R4 = np.where(count_R[:, None] > 0, mean_R4, fallback[view])
        boxes[view] = {name: [round(float(v), 5) for v in box] for name, box in zip(REGIONS, mean_R4, strict=True)}
        patients[view] = {name: int(count) for name, count in zip(REGIONS, count_R, strict=True)}
    return {"schema": 1, "boxes": boxes, "patients": patients}


def _mean(rows: list[tuple[Float, Float]]) -> tuple[Float, Float]:
    """Mean over patients of each patient's mean box (29, 4), and how many patients show each region (29,)."""
    if not rows:
        return np.zeros((len(REGIONS), 4), np.float32), np.zeros(len(REGIONS), np.float32)
    own_NR4 = np.stack([total / np.maximum(seen, 1)[:, None] for total, seen in rows])
    count_R = np.stack([seen > 0 for _, seen in rows]).sum(0).astype(np.float32)
    return own_NR4.sum(0) / np.maximum(count_R, 1)[:, None], count_R

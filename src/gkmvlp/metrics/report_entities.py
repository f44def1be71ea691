"""F1 of the entities that a generated report calls present, against those that its reference does.

Both texts are read by the package's labeler; uncertain, absent and unmentioned alike count as not present.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from gkmvlp.entities import ENTITIES
from gkmvlp.metrics.auroc import FloatArray
from gkmvlp.metrics.bootstrap import sum_curves
from gkmvlp.report.labeler import label_report, statuses
from gkmvlp.texts import as_texts

NAMES = tuple(entity.name for entity in ENTITIES)


def present(texts: str | Iterable[str]) -> NDArray[np.bool_]:
    """Which entities each text calls present, (N, E)."""
    present_rows = [statuses(label_report(text)) == 1 for text in as_texts(texts)]
    return np.array(present_rows, bool).reshape(-1, len(ENTITIES))


def f1(counts: FloatArray) -> FloatArray:
    """2 hits / (generated + reference); NaN where no reference has one.

    Args:
        counts: Hits, entities generated and entities in the references, (3, ...).
    """
    hits, generated, reference = counts
    return np.divide(2 * hits, generated + reference, out=np.full(hits.shape, np.nan), where=reference > 0)


def f1_curves(
    generated_NE: NDArray[np.bool_],
    reference_NE: NDArray[np.bool_],
    unit_N: NDArray[np.intp],
    counts_VG: NDArray[np.uint16],
) -> tuple[FloatArray, FloatArray]:
    """F1 over all pairs of report and entity (V,), and of each entity (E, V), under each weighting.

    Args:
        generated_NE: What generated reports call present.
        reference_NE: What references call present.
        unit_N: Column of ``counts_VG`` of each report.
        counts_VG: How often each unit was drawn.
    """
    parts = (generated_NE & reference_NE, generated_NE, reference_NE)
    counts_3VE = np.stack([sum_curves(part_NE.astype(float), unit_N, counts_VG) for part_NE in parts])
    return f1(counts_3VE.sum(-1)), f1(counts_3VE).T

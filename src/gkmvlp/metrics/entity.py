"""Figures of entity classification and zero-shot: AUROC of each entity and their mean.

An entity without both classes has no AUROC. It is left out of the mean, named and counted in the note, and its own
figure is null (torchmetrics would average in a 0). Inside folds it is left out of the folds where a class is missing.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gkmvlp.metrics.assemble import Key, Scored, Task, fold_of
from gkmvlp.metrics.bootstrap import auroc_curve, nanmean

NAME = "entity_auroc_macro"


def _score(block: pd.DataFrame, unit_N: NDArray[np.intp], counts_VG: NDArray[np.uint16]) -> dict[Key, Scored]:
    """The AUROC of each entity; the macro is the mean over entities that have both classes in this block."""
    score_N, target_N = block["score"].to_numpy(float), block["target"].to_numpy(float)
    entity_N = block["entity"].to_numpy(str)
    out = {}
    for entity in sorted(set(entity_N)):
        rows_N = entity_N == entity
        curve_V = auroc_curve(score_N[rows_N], target_N[rows_N], unit_N[rows_N], counts_VG)
        out[Key(NAME, str(entity))] = Scored(curve_V, rows_N & ~np.isnan(target_N))
    used = [scored for scored in out.values() if not np.isnan(scored.curve_V[0])]
    macro_V = nanmean(np.stack([s.curve_V for s in used])) if used else np.full(len(counts_VG), np.nan)
    rows_N = np.any([s.rows_N for s in used], axis=0) if used else np.zeros(len(block), bool)
    return {Key(NAME, None): Scored(macro_V, rows_N), **out}


def _notes(rows: pd.DataFrame) -> dict[Key, str]:
    """Entities without both classes, in all or in some of the folds."""
    classes = rows.groupby(["entity", fold_of(rows)])["target"].nunique()
    lacking = (classes < 2).groupby("entity").agg(["sum", "count"])
    none = lacking.index[lacking["sum"] == lacking["count"]]
    some = lacking[(lacking["sum"] > 0) & (lacking["sum"] < lacking["count"])]
    out = {Key(NAME, str(entity)): "undefined: no row of one of the two classes" for entity in none}
    out |= {Key(NAME, str(e)): f"left out of {r['sum']} of {r['count']} folds without both classes"
            for e, r in some.iterrows()}  # fmt: skip
    parts = []
    if len(none):
        parts.append(f"left out, without both classes: {len(none)} of {len(lacking)} ({', '.join(map(str, none))})")
    if len(some):
        named = ", ".join(f"{entity} in {row['sum']}" for entity, row in some.iterrows())
        parts.append(f"left out in some of the folds, without both classes: {len(some)} ({named})")
    return out | ({Key(NAME, None): "; ".join(parts)} if parts else {})


TASK = Task(
    columns={"entity": "text", "target": "target", "score": "number"},
    unit="image-entity",
    score=_score,
    parts=lambda key: {"average": "macro"} if key.label is None else {"average": "none"},
    notes=_notes,
    constants=lambda key: {"random": 0.5},
)

"""Figures of grounding without training: the pointing game.

One trial per image and present entity with a box; a hit where the predicted point lies in one of its boxes (Zhang et
al., ECCV 2016, without their margin). A missing point is a miss.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gkmvlp.metrics.assemble import Key, Scored, Task
from gkmvlp.metrics.auroc import FloatArray
from gkmvlp.metrics.bootstrap import mean_curve

NAME = "pointing_game"


def hits(block: pd.DataFrame) -> FloatArray:
    """1 where the point lies in a box (edges included), 0 where not, NaN where the row has no box (N,)."""
    out_N = np.full(len(block), np.nan)
    for index, (x, y, flat) in enumerate(zip(block["x"], block["y"], block["boxes"], strict=True)):
        box_K4 = np.asarray(flat, float).reshape(-1, 4)
        if len(box_K4):
            inside_K = (box_K4[:, 0] <= x) & (x <= box_K4[:, 2]) & (box_K4[:, 1] <= y) & (y <= box_K4[:, 3])
            out_N[index] = inside_K.any()
    return out_N


def _score(block: pd.DataFrame, unit_N: NDArray[np.intp], counts_VG: NDArray[np.uint16]) -> dict[Key, Scored]:
    """Share of hits over the lateralised entities, over all, and of each entity."""
    hit_N = hits(block)
    trial_N, entity_N = ~np.isnan(hit_N), block["entity"].to_numpy(str)
    wanted = {Key(NAME, None): block["lateral"].to_numpy(bool), Key(NAME, "all"): np.ones(len(block), bool)}
    wanted |= {Key(NAME, str(entity)): entity_N == entity for entity in sorted(set(entity_N))}
    out = {}
    for key, rows_N in wanted.items():
        used_N = rows_N & trial_N
        out[key] = Scored(mean_curve(hit_N[used_N], unit_N[used_N], counts_VG), used_N)
    return out


def _notes(rows: pd.DataFrame) -> dict[Key, str]:
    """Rows without a box, trials without a point, and figures without a trial."""
    boxed_N = rows["boxes"].map(len) > 0
    seeds = rows["seed"].nunique()
    parts = []
    if not boxed_N.all():
        parts.append(f"rows without a box, left out: {int((~boxed_N).sum()) // seeds}")
    lost = int((boxed_N & (rows["x"].isna() | rows["y"].isna())).sum())
    if lost:
        parts.append(f"trials without a point, counted as misses: {lost}")
    out = {Key(NAME, label): "; ".join(parts) for label in (None, "all") if parts}
    if not (boxed_N & rows["lateral"]).any():
        out[Key(NAME, None)] = "undefined: no trial of a lateralised entity"
    if not boxed_N.any():
        out[Key(NAME, "all")] = "undefined: no row has a box"
    unboxed = set(rows["entity"]) - set(rows.loc[boxed_N, "entity"])
    return out | {Key(NAME, entity): "undefined: no row has a box" for entity in unboxed}


TASK = Task(
    columns={"entity": "text", "lateral": "bool", "x": "number?", "y": "number?", "boxes": "boxes"},
    unit="image-entity with box",
    score=_score,
    parts=lambda key: {"average": "trials", "entities": {None: "lateral", "all": "all"}.get(key.label, "one")},
    notes=_notes,
)

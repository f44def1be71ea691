"""Figures of grounding without training: pointing game, IoU of the top box, contrast-to-noise ratio.

One trial per image and present entity with a box. ``pointing_game``: a hit where the predicted point lies in one of the
boxes (Zhang et al., ECCV 2016, without their margin); a missing point is a miss. ``iou_top_box``: the largest IoU of
the predicted box with one of the boxes; no predicted box is 0. ``cnr``: signed, as the task computed it from the map
(Boecking et al., ECCV 2022); a map that is constant has none and is left out. Files may hold points alone.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gkmvlp.metrics.assemble import Key, Scored, Task
from gkmvlp.metrics.auroc import FloatArray
from gkmvlp.metrics.bootstrap import mean_curve

_COLUMNS = {"pointing_game": "x", "iou_top_box": "top_box", "cnr": "cnr"}  # figure: what it needs beside the boxes


def iou(box_4: FloatArray, box_K4: FloatArray) -> FloatArray:
    """Intersection over union of one box with K others (K,), all xyxy in the same pixels; 0 where both are empty."""
    low_K2, high_K2 = np.maximum(box_4[:2], box_K4[:, :2]), np.minimum(box_4[2:], box_K4[:, 2:])
    shared_K = (high_K2 - low_K2).clip(0).prod(1)
    union_K = (box_4[2:] - box_4[:2]).prod() + (box_K4[:, 2:] - box_K4[:, :2]).prod(1) - shared_K
    out_K: FloatArray = np.divide(shared_K, union_K, out=np.zeros(len(box_K4)), where=union_K > 0)
    return out_K


def hits(block: pd.DataFrame) -> FloatArray:
    """1 where the point lies in a box (edges included), 0 where not, NaN where the row has no box (N,)."""
    out_N = np.full(len(block), np.nan)
    for index, (x, y, flat) in enumerate(zip(block["x"], block["y"], block["boxes"], strict=True)):
        box_K4 = np.asarray(flat, float).reshape(-1, 4)
        if len(box_K4):
            inside_K = (box_K4[:, 0] <= x) & (x <= box_K4[:, 2]) & (box_K4[:, 1] <= y) & (y <= box_K4[:, 3])
            out_N[index] = inside_K.any()
    return out_N


def overlaps(block: pd.DataFrame) -> FloatArray:
    """Largest IoU of the top box with a box, NaN where the row has no box (N,)."""
    out_N = np.full(len(block), np.nan)
    for index, (top, flat) in enumerate(zip(block["top_box"], block["boxes"], strict=True)):
        box_K4 = np.asarray(flat, float).reshape(-1, 4)
        if len(box_K4):
            out_N[index] = iou(np.asarray(top, float), box_K4).max() if len(top) else 0.0
    return out_N


def _values(block: pd.DataFrame) -> dict[str, FloatArray]:
    """The figures that a file has columns for: value of each row, NaN where it is no trial."""
    values = {"pointing_game": hits(block)}
    if "top_box" in block:
        values["iou_top_box"] = overlaps(block)
    if "cnr" in block:
        values["cnr"] = block["cnr"].where(block["boxes"].map(len) > 0).to_numpy(float)
    return values


def _score(block: pd.DataFrame, unit_N: NDArray[np.intp], counts_VG: NDArray[np.uint16]) -> dict[Key, Scored]:
    """Each figure over the lateralised entities, over all, and of each entity."""
    entity_N = block["entity"].to_numpy(str)
    groups: dict[str | None, NDArray[np.bool_]] = {None: block["lateral"].to_numpy(bool)}
    groups |= {"all": np.ones(len(block), bool)}
    groups |= {str(entity): entity_N == entity for entity in sorted(set(entity_N))}
    out = {}
    for name, value_N in _values(block).items():
        for label, rows_N in groups.items():
            used_N = rows_N & ~np.isnan(value_N)
            out[Key(name, label)] = Scored(mean_curve(value_N[used_N], unit_N[used_N], counts_VG), used_N)
    return out


def _notes(rows: pd.DataFrame) -> dict[Key, str]:
    """Rows without a box, trials without a prediction, and figures without a trial."""
    out: dict[Key, str] = {}
    for name in (name for name, column in _COLUMNS.items() if column in rows):
        out |= {Key(name, label): text for label, text in _notes_of(rows, name).items()}
    return out


def _notes_of(rows: pd.DataFrame, name: str) -> dict[str | None, str]:
    boxed_N = rows["boxes"].map(len) > 0
    seeds = rows["seed"].nunique()
    parts = []
    if not boxed_N.all():
        parts.append(f"rows without a box, left out: {int((~boxed_N).sum()) // seeds}")
    if name == "pointing_game":
        missing_N, fate = rows["x"].isna() | rows["y"].isna(), "trials without a point, counted as misses"
    elif name == "iou_top_box":
        missing_N, fate = rows["top_box"].map(len) == 0, "trials without a top box, counted as 0"
    else:
        missing_N, fate = rows["cnr"].isna(), "trials without a ratio, left out"
    if missing := int((boxed_N & missing_N).sum()):
        parts.append(f"{fate}: {missing}")
    out: dict[str | None, str] = {label: "; ".join(parts) for label in (None, "all") if parts}
    if not (boxed_N & rows["lateral"]).any():
        out[None] = "undefined: no trial of a lateralised entity"
    if not boxed_N.any():
        out["all"] = "undefined: no row has a box"
    unboxed = set(rows["entity"]) - set(rows.loc[boxed_N, "entity"])
    return out | dict.fromkeys(unboxed, "undefined: no row has a box")


def _parts(key: Key) -> dict[str, str]:
    parts = {"iou_top_box": {"iou": "best of the boxes"}, "cnr": {"noise": "population variances"}}.get(key.name, {})
    return {"average": "trials", "entities": {None: "lateral", "all": "all"}.get(key.label, "one"), **parts}


TASK = Task(
    columns={"entity": "text", "lateral": "bool", "x": "number?", "y": "number?", "boxes": "boxes"},
    optional={"top_box": "boxes", "cnr": "number?"},
    unit="image-entity with box",
    score=_score,
    parts=_parts,
    notes=_notes,
)

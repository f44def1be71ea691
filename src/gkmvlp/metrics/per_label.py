"""Figures of labels that are there or not: of each label, and the mean over the labels.

A label without both classes has no figure. It is left out of the mean, named and counted in the note, and its own
figure is null (torchmetrics would average in a 0). Inside folds it is left out of the folds where a class is missing.
Rows name their label in the column ``entity``.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gkmvlp.metrics.assemble import Key, Score, Scored, fold_of
from gkmvlp.metrics.auroc import FloatArray
from gkmvlp.metrics.bootstrap import nanmean

Curve = Callable[[FloatArray, FloatArray, NDArray[np.intp], NDArray[np.uint16]], FloatArray]
"""(score_N, target_N, unit_N, counts_VG) -> (V,) the figure of one label under each weighting of the patients."""


def scorer(curves: Mapping[str, Curve]) -> Score:
    """The score function of a task whose figures are macro means over labels.

    Args:
        curves: Name of the figure -> its curve for one label.
    """

    def score(block: pd.DataFrame, unit_N: NDArray[np.intp], counts_VG: NDArray[np.uint16]) -> dict[Key, Scored]:
        score_N, target_N = block["score"].to_numpy(float), block["target"].to_numpy(float)
        label_N = block["entity"].to_numpy(str)
        undefined_V = np.full(len(counts_VG), np.nan)
        out: dict[Key, Scored] = {}
        used: dict[str, NDArray[np.bool_]] = {}
        for label in map(str, sorted(set(label_N))):
            valid_N = (label_N == label) & ~np.isnan(target_N)
            if np.unique(target_N[valid_N]).size == 2:
                used[label] = valid_N
            for name, curve in curves.items():
                curve_V = undefined_V
                if label in used:
                    curve_V = curve(score_N[valid_N], target_N[valid_N], unit_N[valid_N], counts_VG)
                out[Key(name, label)] = Scored(curve_V, valid_N)
        rows_N = np.any([np.zeros(len(block), bool), *used.values()], axis=0)
        macro = {}
        for name in curves:
            of_labels = [out[Key(name, label)].curve_V for label in used]
            macro[Key(name, None)] = Scored(nanmean(np.stack([undefined_V, *of_labels])), rows_N)
        return macro | out

    return score


def lacking_classes(names: Sequence[str]) -> Callable[[pd.DataFrame], dict[Key, str]]:
    """The notes of such a task: labels without both classes, in all or in some of the folds.

    Args:
        names: Names of the figures.
    """

    def notes(rows: pd.DataFrame) -> dict[Key, str]:
        classes = rows.groupby(["entity", fold_of(rows)])["target"].nunique()
        missing = (classes < 2).groupby("entity").agg(["sum", "count"])
        none = missing.index[missing["sum"] == missing["count"]]
        some = missing[(missing["sum"] > 0) & (missing["sum"] < missing["count"])]
        by_label: dict[str | None, str] = {str(e): "undefined: no row of one of the two classes" for e in none}
        by_label |= {str(label): f"left out of {row['sum']} of {row['count']} folds without both classes"
                     for label, row in some.iterrows()}  # fmt: skip
        parts = []
        if len(none):
            parts.append(f"left out, without both classes: {len(none)} of {len(missing)} ({', '.join(map(str, none))})")
        if len(some):
            named = ", ".join(f"{label} in {row['sum']}" for label, row in some.iterrows())
            parts.append(f"left out in some of the folds, without both classes: {len(some)} ({named})")
        if parts:
            by_label[None] = "; ".join(parts)
        return {Key(name, label): text for name in names for label, text in by_label.items()}

    return notes


def average(key: Key) -> dict[str, str]:
    """The part of the signature that tells the mean from a single label."""
    return {"average": "macro" if key.label is None else "none"}

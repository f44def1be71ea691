"""Figures of retrieval: recall among the first k candidates and the median rank, both ways.

A query is answered at the rank of its first right candidate. The label tells which candidates are right: without one
those of the same normalised text, ``findings`` those of the same findings. Queries are resampled, the gallery stays.
A query without a rank is answered by chance: it counts with the expectation over all orders of the candidates.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gkmvlp.metrics.assemble import Key, Scored, Task
from gkmvlp.metrics.auroc import FloatArray
from gkmvlp.metrics.bootstrap import mean_curve

DIRECTIONS = ("i2t", "t2i")  # image to text, text to image
CUTS = (1, 5, 10)
_MATCHES = {None: ("rank", "right"), "findings": ("rank_findings", "right_findings")}  # label: its columns


def random_recall(right_N: NDArray[np.int64], candidates_N: NDArray[np.int64], cut: int) -> FloatArray:
    """Chance that a random order has a right candidate among the first: 1 - C(N - m, k) / C(N, k), (N,)."""
    missed_N = np.ones(len(right_N))
    for place in range(cut):
        left_N = candidates_N - place
        missed_N *= np.where(left_N > 0, (left_N - right_N).clip(0) / np.maximum(left_N, 1), 0)
    return 1 - missed_N


def median_curve(value_N: FloatArray, unit_N: NDArray[np.intp], counts_VG: NDArray[np.uint16]) -> FloatArray:
    """The curve of a median over rows (V,): the mean of the two middle values where their number is even.

    Args:
        value_N: Values.
        unit_N: Column of ``counts_VG`` of each row.
        counts_VG: How often each unit was drawn.
    """
    order_N = np.argsort(value_N, kind="stable")
    if not len(order_N):
        return np.full(len(counts_VG), np.nan)
    reached_VN = counts_VG[:, unit_N[order_N]].cumsum(axis=1, dtype=np.int64)
    total_V1 = reached_VN[:, -1:]
    low_V, high_V = ((reached_VN >= place).argmax(1) for place in ((total_V1 + 1) // 2, total_V1 // 2 + 1))
    sorted_N = value_N[order_N]
    return np.where(total_V1[:, 0] > 0, (sorted_N[low_V] + sorted_N[high_V]) / 2, np.nan)


def _keys(label: str | None, direction: str) -> dict[Key, int | None]:
    """The figures of one direction: that of each cut, and the median rank, whose name does not say the direction."""
    recalls: dict[Key, int | None] = {Key(f"{direction}_recall_at_{cut}", label): cut for cut in CUTS}
    return recalls | {Key("median_rank", " ".join(filter(None, (direction, label)))): None}


def _score(block: pd.DataFrame, unit_N: NDArray[np.intp], counts_VG: NDArray[np.uint16]) -> dict[Key, Scored]:
    """Recalls and median ranks of both directions."""
    out = {}
    for label, (rank, right) in _columns(block).items():
        rank_N, right_N = block[rank].to_numpy(float), block[right].to_numpy(int)
        candidates_N = block["candidates"].to_numpy(int)
        by_chance_N = np.isnan(rank_N)
        for direction in DIRECTIONS:
            rows_N = block["direction"].eq(direction).to_numpy()
            for key, cut in _keys(label, direction).items():
                if cut is None:
                    value_N = np.where(by_chance_N, (candidates_N + 1) / (right_N + 1), rank_N)
                else:
                    value_N = np.where(by_chance_N, random_recall(right_N, candidates_N, cut), rank_N <= cut)
                curve = median_curve if cut is None else mean_curve
                out[key] = Scored(curve(value_N[rows_N], unit_N[rows_N], counts_VG), rows_N)
    return out


def _columns(rows: pd.DataFrame) -> dict[str | None, tuple[str, str]]:
    """The matches that a file holds."""
    return {label: columns for label, columns in _MATCHES.items() if columns[0] in rows}


def _notes(rows: pd.DataFrame) -> dict[Key, str]:
    """Size of the gallery and how many different targets it holds: m candidates that are equally right are one."""
    out: dict[Key, str] = {}
    one = rows[rows["seed"].eq(rows["seed"].iloc[0])]
    for label, (_, right) in _columns(rows).items():
        for direction in DIRECTIONS:
            queries = one[one["direction"].eq(direction)]
            targets = (1 / queries[right]).sum()
            what = "sets of findings" if label else "texts"
            note = f"{len(queries)} candidates of {targets:.0f} different {what}"
            out |= dict.fromkeys(_keys(label, direction), note)
    return out


TASK = Task(
    columns={"direction": "text", "candidates": "int", "right": "int", "rank": "number?"},
    optional={"right_findings": "int", "rank_findings": "number?"},
    unit="query",
    score=_score,
    parts=lambda key: {"match": "findings" if (key.label or "").endswith("findings") else "text"},
    notes=_notes,
    lower_is_better=frozenset({"median_rank"}),
)

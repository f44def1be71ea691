"""Figures of visual question answering: accuracy over all, open, closed and chest questions.

The main figures match by ``exact-v1``; the same with the ``vqav2`` rule carry the label ``vqav2``. The note gives the
share of questions whose answer is in the training vocabulary: no classifier over that vocabulary can exceed it.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gkmvlp.metrics.answers import exact_v1, vqav2
from gkmvlp.metrics.assemble import Key, Scored, Task
from gkmvlp.metrics.bootstrap import mean_curve

_RULES = {None: exact_v1, "vqav2": vqav2}
_MATCH = {None: "exact-v1", "vqav2": "vqav2"}


def _subsets(rows: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    """Figure name -> which rows with a known answer it counts.

    Open and closed are the data set's own ``answer_type``, stripped (VQA-RAD has ``CLOSED`` with a blank behind).
    """
    answered_N = rows["target"].notna().to_numpy()
    kind_N = rows["answer_type"].astype(str).str.strip().str.lower().to_numpy()
    return {
        "accuracy_overall": answered_N,
        "accuracy_open": answered_N & (kind_N == "open"),
        "accuracy_closed": answered_N & (kind_N == "closed"),
        "accuracy_chest": answered_N & rows["chest"].to_numpy(bool),
    }


def _score(block: pd.DataFrame, unit_N: NDArray[np.intp], counts_VG: NDArray[np.uint16]) -> dict[Key, Scored]:
    """Share of right answers among the rows of each figure."""
    out: dict[Key, Scored] = {}
    for label, rule in _RULES.items():
        pairs = zip(block["prediction"], block["target"], strict=True)
        right_N = np.array([rule(prediction) == rule(target) for prediction, target in pairs], float)
        for name, rows_N in _subsets(block).items():
            out[Key(name, label)] = Scored(mean_curve(right_N[rows_N], unit_N[rows_N], counts_VG), rows_N)
    return out


def _notes(rows: pd.DataFrame) -> dict[Key, str]:
    """The vocabulary's ceiling of each figure, or that it has no row."""
    in_vocabulary_N = rows["in_vocabulary"].to_numpy(bool)
    out: dict[Key, str] = {}
    for name, rows_N in _subsets(rows).items():
        text = "undefined: no such question with a known answer"
        if rows_N.any():
            text = f"ceiling {in_vocabulary_N[rows_N].mean():.3f}: share of answers in the training vocabulary"
        out |= {Key(name, label): text for label in _RULES}
    return out


TASK = Task(
    columns={"question": "text", "answer_type": "text?", "chest": "bool", "target": "text?", "prediction": "text",
             "in_vocabulary": "bool"},
    unit="question",
    score=_score,
    parts=lambda key: {"match": _MATCH[key.label]},
    notes=_notes,
)  # fmt: skip

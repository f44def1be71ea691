"""From what the program scores to probabilities and decisions, by the calibration beside it. L labels or answers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor


class Probabilitiesd:
    """A transform: the scores of an image under ``pred`` become probabilities, and what they decide ``is_likely``.

    Args:
        told: What stands beside the program.
    """

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.is_choice = "answers" in told
        self.calibration: Mapping[str, Any] | None = told["calibration"]
        self.thresholds = thresholds(self.calibration["scores"] if self.calibration else [])

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The row; ``pred`` is (..., L), log odds of labels or log-probabilities of answers."""
        return {**row, "pred": self.probabilities(row["pred"]), "is_likely": self.decisions(row["pred"])}

    def decisions(self, score_L: Tensor) -> list[bool | None]:
        """Whether scores (L,) reach the thresholds; None of a label without one, nothing where no label has one.

        Scores are compared, not probabilities: where a map is flat, scores below and above have the same probability.
        """
        if not self.thresholds:
            return []
        pairs = zip(score_L.double().tolist(), self.thresholds, strict=True)
        return [None if threshold is None else score >= threshold for score, threshold in pairs]

    def probabilities(self, score_L: Tensor) -> Tensor:
        """Probabilities of scores (..., L): where nobody calibrated, the sigmoid of labels, the softmax of answers."""
        if self.calibration is None:
            return score_L.softmax(-1) if self.is_choice else score_L.sigmoid()
        if self.is_choice:
            return (score_L.double() / self.calibration["answers"]["temperature"]).softmax(-1)
        columns = zip(score_L.double().unbind(-1), self.calibration["scores"], strict=True)
        return torch.stack([mapped(score, label["map"]) for score, label in columns], -1)


def thresholds(labels: Sequence[Mapping[str, Any]]) -> list[float | None]:
    """Scores from which labels count as present at the first operating point; none where there is no such point."""
    at = next((name for label in labels for name in label["points"]), None)
    known = [label["points"].get(at) for label in labels]
    return [point and point["score"][0] for point in known] if at is not None else []


def mapped(score: Tensor, score_map: Mapping[str, Any]) -> Tensor:
    """Probabilities of one label's scores, of any shape."""
    if score_map["method"] == "isotonic":  # straight between its knots
        return torch.from_numpy(np.asarray(np.interp(score, score_map["knots"], score_map["values"])))
    return (score_map["slope"] * score + score_map["intercept"]).sigmoid()

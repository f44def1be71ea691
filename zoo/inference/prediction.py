"""What a model says about a radiograph."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class FoundBox(NamedTuple):
    """A box of a label, in pixels of the original image."""

    label: str
    score: float  # in [0, 1]
    x1: float
    y1: float
    x2: float
    y2: float
    is_likely: bool  # whether the score reaches the threshold that validation chose for the label


class Embeddings(NamedTuple):
    """Unit vectors of one space."""

    images: NDArray[np.float32]  # (N, D)
    texts: NDArray[np.float32]  # (N, D)


@dataclass(frozen=True)
class Reading:
    """What a model says about one radiograph.

    Attributes:
        findings: Entity -> probability that the report would call it present, in [0, 1], likeliest first; by a model
            fine-tuned for labels, label -> probability.
        points: Entity -> x, y in pixels of the original image, where its prompt attends to most.
        answer: The answer, where a question was asked.
        report: The report, by a model that writes reports.
        boxes: Boxes of findings, best first, by a model that localizes them.
        notice: Said of a model that never saw a patient, else None.
    """

    findings: dict[str, float] = field(default_factory=dict)
    points: dict[str, tuple[float, float]] = field(default_factory=dict)
    answer: str | None = None
    report: str | None = None
    boxes: list[FoundBox] = field(default_factory=list)
    notice: str | None = None


def likeliest(names: Sequence[str], logit_N: NDArray[np.float64]) -> dict[str, float]:
    """Name -> probability, likeliest first."""
    return {names[n]: float(1 / (1 + np.exp(-logit_N[n]))) for n in np.argsort(-logit_N)}

"""Named thresholds: which one is meant, and what it attains."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from gkmvlp.errors import UsageError

YOUDEN = "youden"


class Span(NamedTuple):
    """A value and the ends of its 95 % interval over patients."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold of one label, chosen on the rows of a calibration.

    Attributes:
        score: Scores from here on count as present; the interval is that of the threshold if other patients had come.
        sensitivity: Share of present rows at or above it; the interval is that of this threshold.
        specificity: Share of absent rows below it, likewise.
    """

    score: Span
    sensitivity: Span
    specificity: Span


class Goal(NamedTuple):
    """What a threshold is chosen for."""

    kind: str  # sensitivity, specificity or youden
    level: float = 0.0  # the least sensitivity or specificity

    @property
    def name(self) -> str:
        """How it is written, like ``sensitivity=0.90``."""
        digits = "" if round(self.level, 2) != self.level else ".2f"
        return self.kind if self.kind == YOUDEN else f"{self.kind}={self.level:{digits}}"


def goal_of(word: str) -> Goal:
    """The goal of ``sensitivity=0.90``, ``specificity=0.95`` or ``youden``.

    Raises:
        UsageError: If it is another word, or the level lies outside (0, 1].
    """
    kind, _, level = word.strip().lower().partition("=")
    if kind == YOUDEN and not level:
        return Goal(YOUDEN)
    try:
        value = float(level)
    except ValueError:
        value = math.nan
    if kind not in ("sensitivity", "specificity") or not 0 < value <= 1:
        raise UsageError(f"{word}: sensitivity=0.90, specificity=0.95 (from 0 to 1) or youden was expected")
    return Goal(kind, value)


DEFAULT = tuple(map(goal_of, ("sensitivity=0.90", "sensitivity=0.95", "specificity=0.90", "specificity=0.95", YOUDEN)))

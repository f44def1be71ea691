"""What a score means: its probability, whether that was calibrated, and the threshold of an operating point.

N names.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gkmvlp.checkpoints.calibration_file import Calibration, LabelCalibration, Scores
from gkmvlp.errors import ConfigError
from gkmvlp.metrics.calibration.operating_point import goal_of
from gkmvlp.metrics.calibration.score_map import UNCALIBRATED, ScoreMap
from gkmvlp.texts import brief

LIKELY = 0.5  # probability from which a finding counts that has no threshold


def counts(probability: float, reached: bool | None) -> bool:
    """Whether a finding counts as there: its threshold is reached, or without one (None) ``LIKELY``."""
    return probability >= LIKELY if reached is None else reached


class Reading(NamedTuple):
    """One finding of one image."""

    score: float  # log odds; of zero-shot a difference of similarities
    probability: float  # in [0, 1]
    calibration: str = UNCALIBRATED  # how the probability was set: a method, or "uncalibrated"
    threshold: float | None = None  # probability from which the operating point calls it present; None without one
    threshold_low: float | None = None  # ends of the threshold's 95 % interval over patients
    threshold_high: float | None = None
    is_likely: bool | None = None  # whether the threshold is reached

    def __repr__(self) -> str:
        return brief(self)


class Reader:
    """Scores of one kind into readings.

    Args:
        calibration: Of the model; None where it has none.
        kind: Of the scores.
        at: Name of the operating point; None takes the first of the calibration.

    Raises:
        ConfigError: If an operating point is named that the calibration does not hold.
    """

    def __init__(self, calibration: Calibration | None, kind: Scores, at: str | None = None) -> None:
        self.labels: Mapping[str, LabelCalibration] = {} if calibration is None else calibration.of(kind)
        points = list(dict.fromkeys(name for one in self.labels.values() for name in one.points))
        self.at = points[0] if points else None
        if at is not None:
            self.at = _known(goal_of(at).name, points)

    def __call__(self, name: str, score: float) -> Reading:
        """The reading of one score."""
        label = self.labels.get(name)
        if label is None or not label.map.is_calibrated:
            return Reading(score, float(ScoreMap()(score)))
        probability, method = float(label.map(score)), label.map.method
        if self.at is None or (point := label.points.get(self.at)) is None:
            return Reading(score, probability, method)
        threshold, low, high = label.map(point.score).tolist()
        return Reading(score, probability, method, threshold, low, high, score >= point.score.value)

    def ranked(self, names: Sequence[str], score_N: NDArray[np.floating]) -> dict[str, Reading]:
        """Name -> reading, likeliest first."""
        readings = {name: self(name, float(score)) for name, score in zip(names, score_N, strict=True)}
        return dict(sorted(readings.items(), key=lambda item: (-item[1].probability, -item[1].score)))


def _known(name: str, points: Sequence[str]) -> str:
    if not points:
        raise ConfigError(f"--at {name}: this model has no thresholds, it is {UNCALIBRATED}; see gkmvlp calibrate")
    if name not in points:
        raise ConfigError(
            f"--at {name}: the calibration holds {', '.join(points)}; gkmvlp calibrate --at {name} adds it"
        )
    return name

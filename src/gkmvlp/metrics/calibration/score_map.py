"""From a score to a probability: what calibration leaves of one label.

N rows, K knots.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

Method = Literal["temperature", "platt", "isotonic"]
METHODS: tuple[Method, ...] = get_args(Method)
UNCALIBRATED = "uncalibrated"
Float = NDArray[np.float64]


@dataclass(frozen=True)
class ScoreMap:
    """A map that never falls: higher scores are no less probable.

    Attributes:
        method: ``temperature`` and ``platt`` are the logistic function of ``slope * score + intercept``, the first with
            intercept 0; ``isotonic`` are straight lines between knots; ``uncalibrated`` takes the score for log odds.
        slope: Above 0; one over the temperature.
        intercept: Log odds where the score is 0.
        knots: Scores of the knots (K,), ascending.
        values: Their probabilities (K,), never falling.
        reason: Why a label stayed uncalibrated; "" for others.
    """

    method: str = UNCALIBRATED
    slope: float = 1.0
    intercept: float = 0.0
    knots: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    reason: str = ""

    @property
    def is_calibrated(self) -> bool:
        """Whether probabilities were set by data."""
        return self.method != UNCALIBRATED

    def __call__(self, score_N: ArrayLike) -> Float:
        """Probabilities in [0, 1] of scores of any shape."""
        score_N = np.asarray(score_N, float)
        if self.method == "isotonic":
            return np.asarray(np.interp(score_N, self.knots, self.values), float)
        return logistic(self.slope * score_N + self.intercept)


def logistic(odds_N: Float) -> Float:
    """Probabilities of log odds, exact for large ones of either sign."""
    small_N = np.exp(-np.abs(odds_N))
    return np.where(odds_N >= 0, 1.0, small_N) / (1 + small_N)


def log_odds(probability_N: ArrayLike) -> Float:
    """Log odds of probabilities; those of 0 and 1 are finite, as of a double beside them."""
    inside_N = np.clip(np.asarray(probability_N, float), np.finfo(float).tiny, 1 - np.finfo(float).epsneg)
    return np.asarray(np.log(inside_N) - np.log1p(-inside_N), float)

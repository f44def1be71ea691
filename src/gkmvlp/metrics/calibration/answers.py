"""How sure an answer to a question is: one temperature for all answers (Guo et al., ICML 2017).

N questions, K known answers.
"""

import numpy as np
from numpy.typing import NDArray

from gkmvlp.metrics.calibration.score_map import Float

HOTTEST = 20.0  # temperatures lie between its inverse and it


def answer_probabilities(score_NK: Float, temperature: float = 1.0) -> Float:
    """Probability of each of K answers, (N, K): the softmax of its score over the temperature.

    Args:
        score_NK: Log-likelihoods; minus infinity of answers that were not scored.
        temperature: Above 0; above 1 is less sure.
    """
    below_NK = score_NK - score_NK.max(1, keepdims=True)
    weight_NK = np.exp(below_NK / temperature)
    return np.asarray(weight_NK / weight_NK.sum(1, keepdims=True), float)


def answer_probability(score_NK: Float, temperature: float = 1.0) -> Float:
    """Probability of the best of K answers, (N,): see ``answer_probabilities``."""
    return np.asarray(answer_probabilities(score_NK, temperature).max(1))


def fit_temperature(score_NK: Float, right_N: NDArray[np.bool_]) -> float:
    """The temperature by which the best answer's probability says how often it is right: least cross-entropy.

    An answer that is not among the candidates counts as wrong, as it does for whoever asks.

    Args:
        score_NK: Log-likelihoods of K answers to N questions.
        right_N: Whether the best one is right.
    """

    def loss(log_temperature: float) -> float:
        probability_N = answer_probability(score_NK, float(np.exp(log_temperature)))
        probability_N = probability_N.clip(1e-12, 1 - 1e-12)
        return float(-np.log(np.where(right_N, probability_N, 1 - probability_N)).sum())

    from scipy.optimize import minimize_scalar  # slow to import, and reading an answer fits nothing

    limit = float(np.log(HOTTEST))
    grid = np.linspace(-limit, limit, 61)  # the loss may have more than one valley: the lowest is searched
    best = int(np.argmin([loss(value) for value in grid]))
    bounds = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6}).x))

"""How probabilities are set by rows with known targets: temperature, Platt's logistic, isotonic regression.

Sources: Platt 1999, *Probabilistic outputs for support vector machines*, with the algorithm of Lin, Lin and Weng 2007;
Guo et al., ICML 2017 (temperature); Zadrozny and Elkan, KDD 2002 (isotonic), and Niculescu-Mizil and Caruana, ICML
2005, for the number of rows that isotonic regression needs.

N rows, P parameters, K knots.
"""

import numpy as np
from scipy.optimize import isotonic_regression

from gkmvlp.metrics.calibration.score_map import Float, Method, ScoreMap, logistic

FEW = 10  # rows of the rarer class below which an intercept is not fitted
MANY, MANY_OF_BOTH = 1000, 100  # rows, and rows of the rarer class, from which the shape is free
STEPS = 100


def fit_map(score_N: Float, target_N: Float, method: Method | None = None) -> ScoreMap:
    """The map of one label.

    Args:
        score_N: Scores of N rows, finite; higher is likelier present.
        target_N: 1 present, 0 absent.
        method: None takes ``temperature`` below 10 rows of the rarer class, ``isotonic`` from 1000 rows with 100 of the
            rarer class on, ``platt`` between.

    Returns:
        The map; an uncalibrated one, with the reason, where a class is lacking or scores rank present rows no higher.
    """
    rarer = int(min((target_N == 1).sum(), (target_N == 0).sum()))
    if rarer == 0:
        return ScoreMap(reason=f"no row of one of the two classes among {len(target_N)}")
    if method is None:
        is_many = len(target_N) >= MANY and rarer >= MANY_OF_BOTH
        method = "temperature" if rarer < FEW else "isotonic" if is_many else "platt"
    if method == "isotonic":
        return _isotonic(score_N, target_N)
    slope, intercept = _logistic(score_N, target_N, method == "platt")
    if slope <= 0:
        return ScoreMap(reason="higher scores are no more often present")
    return ScoreMap(method, slope, intercept)


def soft_targets(target_N: Float) -> Float:
    """Platt's targets: (n1 + 1) / (n1 + 2) of present rows and 1 / (n0 + 2) of absent ones.

    No finite sample shows certainty; with them the optimum is finite where a score parts the classes too.
    """
    present, absent = (target_N == 1).sum(), (target_N == 0).sum()
    return np.where(target_N == 1, (present + 1) / (present + 2), 1 / (absent + 2))


def _logistic(score_N: Float, target_N: Float, has_intercept: bool) -> tuple[float, float]:
    """Slope and intercept of the least cross-entropy to ``soft_targets``, by Newton's method with halved steps."""
    scale = float(np.abs(score_N).max()) or 1.0  # similarities are small, log odds are not
    columns_NP = np.stack([score_N / scale, np.ones_like(score_N)], axis=1)[:, : 1 + has_intercept]
    soft_N = soft_targets(target_N)
    weight_P = np.zeros(columns_NP.shape[1])
    loss = _cross_entropy(columns_NP @ weight_P, soft_N)
    for _ in range(STEPS):
        probability_N = logistic(columns_NP @ weight_P)
        gradient_P = columns_NP.T @ (probability_N - soft_N)
        curvature_N = probability_N * (1 - probability_N)
        hessian_PP = columns_NP.T @ (columns_NP * curvature_N[:, None]) + 1e-12 * np.eye(len(weight_P))
        step_P, share = np.linalg.solve(hessian_PP, gradient_P), 1.0
        while (new := _cross_entropy(columns_NP @ (weight_P - share * step_P), soft_N)) > loss and share > 1e-10:
            share /= 2
        weight_P, gain, loss = weight_P - share * step_P, loss - new, new
        if np.abs(gradient_P).max() < 1e-9 * len(soft_N) or gain <= 0:
            break
    return float(weight_P[0] / scale), float(weight_P[1]) if has_intercept else 0.0


def _cross_entropy(odds_N: Float, soft_N: Float) -> float:
    """Sum of -t log p - (1 - t) log(1 - p) of log odds, in nats."""
    return float((np.logaddexp(0, odds_N) - soft_N * odds_N).sum())


def _isotonic(score_N: Float, target_N: Float) -> ScoreMap:
    """Isotonic regression with lines between its steps; nothing is surer than N rows can tell (rule of succession)."""
    score_K, place_N, count_K = np.unique(score_N, return_inverse=True, return_counts=True)
    share_K = np.bincount(place_N, target_N) / count_K
    value_K = isotonic_regression(share_K, weights=count_K.astype(float)).x
    value_K = value_K.clip(1 / (len(score_N) + 2), (len(score_N) + 1) / (len(score_N) + 2))
    ends_K = np.ones(len(score_K), bool)  # the inner points of a step say nothing
    ends_K[1:-1] = (value_K[1:-1] != value_K[:-2]) | (value_K[1:-1] != value_K[2:])
    return ScoreMap("isotonic", knots=tuple(score_K[ends_K].tolist()), values=tuple(value_K[ends_K].tolist()))

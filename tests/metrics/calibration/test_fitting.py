"""Maps from scores to probabilities against closed forms, scipy's and scikit-learn's optima."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from gkmvlp.metrics.calibration.answers import answer_probability, fit_temperature
from gkmvlp.metrics.calibration.fitting import FEW, fit_map, soft_targets
from gkmvlp.metrics.calibration.score_map import METHODS, ScoreMap, log_odds, logistic


def drawn(n=400, slope=1.0, intercept=0.0, seed=0, scale=2.0):
    """Scores, and targets that are present with probability logistic(slope * score + intercept)."""
    generator = np.random.default_rng(seed)
    score_N = scale * generator.normal(size=n)
    return score_N, (generator.random(n) < logistic(slope * score_N + intercept)).astype(float)


def loss(parameters, score_N, soft_N):
    odds_N = parameters[0] * score_N + (parameters[1] if len(parameters) > 1 else 0)
    return (np.logaddexp(0, odds_N) - soft_N * odds_N).sum()


@pytest.mark.parametrize("scale", [0.01, 2.0, 300.0])
@pytest.mark.parametrize("method", ["platt", "temperature"])
def test_parameters_are_scipys_optimum(method, scale):
    score_N, target_N = drawn(scale=2.0, slope=0.4, intercept=-1.0)
    score_N = score_N * scale / 2
    found = fit_map(score_N, target_N, method)
    start = [1 / scale, 0.0][: 1 + (method == "platt")]
    best = minimize(loss, start, (score_N, soft_targets(target_N)), "BFGS", tol=1e-12)
    assert found.slope == pytest.approx(best.x[0], rel=1e-4)
    assert found.intercept == pytest.approx(best.x[1] if method == "platt" else 0, abs=1e-4)


def test_two_scores_have_a_closed_form():
    """With two values of the score the logistic passes through the mean soft target of each."""
    score_N = np.repeat([-1.0, 3.0], [40, 20])
    target_N = np.concatenate([np.arange(40) < 6, np.arange(20) < 15]).astype(float)
    soft_N = soft_targets(target_N)
    found = fit_map(score_N, target_N, "platt")
    np.testing.assert_allclose(found([-1.0, 3.0]), [soft_N[:40].mean(), soft_N[40:].mean()], atol=1e-9)
    assert set(soft_N) == {22 / 23, 1 / 41}  # 21 present, 39 absent


def test_platt_without_soft_targets_would_be_logistic_regression():
    """For many rows the targets are nearly 0 and 1, and scikit-learn's unpenalised fit is met."""
    score_N, target_N = drawn(20_000, 0.6, -1.5)
    outside = LogisticRegression(C=np.inf).fit(score_N[:, None], target_N)
    found = fit_map(score_N, target_N, "platt")
    assert found.slope == pytest.approx(outside.coef_[0, 0], abs=2e-3)
    assert found.intercept == pytest.approx(outside.intercept_[0], abs=2e-3)


@pytest.mark.parametrize("method", METHODS)
def test_calibrated_scores_stay(method):
    score_N, target_N = drawn(20_000)
    found = fit_map(score_N, target_N, method)
    grid = np.linspace(-3, 3, 31)
    np.testing.assert_allclose(found(grid), logistic(grid), atol=0.05 if method == "isotonic" else 0.01)


@pytest.mark.parametrize("method", METHODS)
def test_scores_that_are_too_sure_are_mended(method):
    score_N, target_N = drawn(20_000, 0.5, -1.0)
    grid = np.linspace(-3, 3, 31)
    after = np.abs(fit_map(score_N, target_N, method)(grid) - logistic(0.5 * grid - 1)).max()
    before = np.abs(logistic(grid) - logistic(0.5 * grid - 1)).max()
    assert after < (0.5 if method == "temperature" else 0.2) * before + 0.1 * (method == "temperature")


@pytest.mark.parametrize("method", [None, *METHODS])
@pytest.mark.parametrize("n", [12, 60, 1500])
def test_a_map_never_falls_and_stays_within_0_and_1(method, n):
    score_N, target_N = drawn(n, 0.7, -0.5, seed=n)
    found = fit_map(score_N, target_N, method)
    probability = found(np.linspace(-50, 50, 2001))
    assert (np.diff(probability) >= 0).all()
    assert (probability >= 0).all()
    assert (probability <= 1).all()


def test_isotonic_is_scikit_learns_within_what_rows_can_tell():
    score_N, target_N = drawn(1500, 0.7, -0.5)
    score_N = score_N.round(1)  # with ties
    found = fit_map(score_N, target_N, "isotonic")
    outside = IsotonicRegression(out_of_bounds="clip").fit(score_N, target_N)
    grid = np.concatenate([[-20.0], np.unique(score_N), [20.0]])
    np.testing.assert_allclose(found(grid), outside.predict(grid).clip(1 / 1502, 1501 / 1502), atol=1e-9)
    assert len(found.knots) < 100


def test_the_number_of_rows_chooses_the_method():
    score_N, target_N = drawn(3000, 1.0, 0.0)
    order = np.argsort(-target_N, kind="stable")
    few = np.concatenate([order[: FEW - 1], order[-200:]])
    assert fit_map(score_N[few], target_N[few]).method == "temperature"
    assert fit_map(score_N[:300], target_N[:300]).method == "platt"
    assert fit_map(score_N, target_N).method == "isotonic"


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_a_label_with_one_class_stays_and_says_why(target):
    found = fit_map(np.arange(5.0), np.full(5, target))
    assert not found.is_calibrated
    assert "no row of one of the two classes among 5" in found.reason
    assert found(0.0) == 0.5


def test_scores_that_rank_the_wrong_way_stay():
    score_N, target_N = drawn(500, -1.0)
    found = fit_map(score_N, target_N, "platt")
    assert (found.method, found.reason) == ("uncalibrated", "higher scores are no more often present")


def test_parted_classes_have_a_finite_optimum():
    found = fit_map(np.array([-2.0, -1.0, 1.0, 2.0]), np.array([0.0, 0, 1, 1]), "platt")
    assert np.isfinite([found.slope, found.intercept]).all()
    assert 0.5 < float(found(2.0)) < 1


def test_log_odds_and_probability_are_inverse_to_the_ends():
    odds = np.array([-700.0, -30, -1, 0, 1, 30])
    np.testing.assert_allclose(log_odds(logistic(odds)), odds, rtol=1e-2)
    assert np.isfinite(log_odds([0.0, 1.0])).all()
    assert np.isfinite(ScoreMap()([-1e4, 1e4])).all()


def test_the_probability_of_an_answer_is_the_softmax_of_the_best():
    score = np.array([[0.0, 1.0, 3.0], [-np.inf, 2.0, 2.0]])
    weight = np.exp(score / 2)
    np.testing.assert_allclose(answer_probability(score, 2.0), weight.max(1) / weight.sum(1))


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_the_temperature_of_answers_is_found_again(temperature):
    """Answers that are right as often as the softmax at a temperature says."""
    generator = np.random.default_rng(0)
    score_NK = generator.normal(size=(30_000, 5)) * 2
    right_N = generator.random(len(score_NK)) < answer_probability(score_NK, temperature)
    assert fit_temperature(score_NK, right_N) == pytest.approx(temperature, rel=0.05)


@pytest.mark.parametrize("right", [False, True])
def test_answers_that_are_all_right_or_all_wrong_have_a_finite_temperature(right):
    found = fit_temperature(np.random.default_rng(0).normal(size=(20, 4)), np.full(20, right))
    assert 0.04 < found < 21

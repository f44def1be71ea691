import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from gkmvlp.metrics.auroc import weighted_auroc, weighted_average_precision

FIGURES = [(weighted_auroc, roc_auc_score), (weighted_average_precision, average_precision_score)]


@pytest.mark.parametrize(("ours", "theirs"), FIGURES)
@pytest.mark.parametrize("decimals", [0, 6])
def test_equals_sklearn_for_every_weighting(ours, theirs, decimals):
    generator = np.random.default_rng(3)
    target_N = (generator.random(80) < 0.3).astype(float)
    score_N = np.round(generator.normal(size=80) + target_N, decimals)
    weight_WN = generator.integers(0, 4, (130, 80))
    expected = [theirs(target_N, score_N, sample_weight=weight_N) for weight_N in weight_WN]
    np.testing.assert_allclose(ours(score_N, target_N, weight_WN), expected, atol=1e-12)


def test_auroc_equals_the_count_over_pairs():
    score_N = np.array([0.1, 0.4, 0.4, 0.8, 0.3])
    target_N = np.array([0, 0, 1, 1, 1.0])
    wins = sum((p > n) + (p == n) / 2 for p in score_N[target_N == 1] for n in score_N[target_N == 0])
    assert weighted_auroc(score_N, target_N, np.ones((1, 5)))[0] == pytest.approx(wins / 6)


@pytest.mark.parametrize(("ours", "theirs"), FIGURES)
def test_unknown_rows_do_not_count(ours, theirs):
    score_N = np.array([0.9, 0.2, 0.5, 0.7])
    target_N = np.array([np.nan, 0, 1, 0])
    expected = theirs(target_N[1:], score_N[1:])
    assert ours(score_N, target_N, np.ones((1, 4)))[0] == pytest.approx(expected)


@pytest.mark.parametrize(("ours", "theirs"), FIGURES)
def test_a_missing_class_is_nan_and_leaves_other_weightings_alone(ours, theirs):
    score_N, target_N = np.array([0.1, 0.9, 0.5]), np.array([0, 1, 1.0])
    weight_WN = np.array([[0, 1, 1], [1, 0, 0], [1, 1, 1]])
    out_W = ours(score_N, target_N, weight_WN)
    np.testing.assert_array_equal(np.isnan(out_W), [True, True, False])
    assert out_W[2] == 1
    assert np.isnan(ours(np.zeros(0), np.zeros(0), np.zeros((1, 0))))[0]

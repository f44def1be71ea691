"""Thresholds against a loop over all of them, resample by resample."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_curve

from gkmvlp.errors import UsageError
from gkmvlp.metrics.bootstrap import Resamples
from gkmvlp.metrics.calibration.operating_point import DEFAULT, Goal, goal_of
from gkmvlp.metrics.calibration.thresholds import operating_point, threshold_curve


def drawn(patients=30, seed=0):
    """Two rows a patient, scores with ties."""
    generator = np.random.default_rng(seed)
    target_N = (generator.random(2 * patients) < 0.4).astype(float)
    return (1.5 * target_N + generator.normal(size=2 * patients)).round(1), target_N


def resampled(n):
    patient_N = pd.Series([f"p{row // 2}" for row in range(n)])
    fold_N = pd.Series(0, index=patient_N.index)
    resamples = Resamples(fold_N, patient_N)
    return resamples.unit_of(fold_N, patient_N), resamples.counts_VG


def attained(score_N, target_N, weight_N, threshold):
    above = score_N >= threshold
    present, absent = weight_N * (target_N == 1), weight_N * (target_N == 0)
    return present[above].sum() / present.sum(), absent[~above].sum() / absent.sum()


def by_loop(score_N, target_N, weight_N, goal):
    candidates = [*np.unique(score_N), np.nextafter(score_N.max(), np.inf)]
    shares = [attained(score_N, target_N, weight_N, one) for one in candidates]
    if goal.kind == "sensitivity":
        return max(t for t, (found, _) in zip(candidates, shares, strict=True) if found >= goal.level - 1e-12)
    if goal.kind == "specificity":
        return min(t for t, (_, kept) in zip(candidates, shares, strict=True) if kept >= goal.level - 1e-12)
    best = max(map(sum, shares))
    return min(t for t, pair in zip(candidates, shares, strict=True) if sum(pair) >= best - 1e-12)


@pytest.mark.parametrize("goal", [*DEFAULT, goal_of("specificity=1"), goal_of("sensitivity=1")], ids=lambda g: g.name)
def test_thresholds_of_all_resamples_are_those_of_a_loop(goal):
    score_N, target_N = drawn()
    unit_N, counts_VG = resampled(len(score_N))
    weight_VN = counts_VG[:150, unit_N]
    expected = [by_loop(score_N, target_N, weight_N, goal) for weight_N in weight_VN]
    np.testing.assert_array_equal(threshold_curve(score_N, target_N, weight_VN, goal), expected)


def test_youden_is_the_point_of_scikit_learns_curve_farthest_above_chance():
    score_N, target_N = drawn(200)
    false_T, true_T, threshold_T = roc_curve(target_N, score_N, drop_intermediate=False)
    once = np.ones((1, len(score_N)))
    found = threshold_curve(score_N, target_N, once, goal_of("youden"))[0]
    best = (true_T - false_T).max()
    assert found in threshold_T[true_T - false_T >= best - 1e-12]


def test_a_point_attains_what_it_was_chosen_for_and_its_intervals_hold_its_values():
    score_N, target_N = drawn(150)
    unit_N, counts_VG = resampled(len(score_N))
    for goal in DEFAULT:
        point = operating_point(score_N, target_N, unit_N, counts_VG, goal)
        expected = attained(score_N, target_N, np.ones(len(score_N)), point.score.value)
        assert (point.sensitivity.value, point.specificity.value) == pytest.approx(expected)
        for span in (point.score, point.sensitivity, point.specificity):
            assert span.low <= span.value <= span.high
        if goal.kind != "youden":
            assert getattr(point, goal.kind).value >= goal.level


def test_intervals_shrink_with_patients():
    widths = []
    for patients in (40, 640):
        score_N, target_N = drawn(patients)
        unit_N, counts_VG = resampled(len(score_N))
        span = operating_point(score_N, target_N, unit_N, counts_VG, goal_of("sensitivity=0.90")).sensitivity
        widths.append(span.high - span.low)
    assert widths[1] < 0.5 * widths[0]


def test_a_resample_without_a_class_has_no_threshold():
    score_N, target_N = np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 1.0])
    found = threshold_curve(score_N, target_N, np.array([[1, 1, 1], [0, 1, 2]]), goal_of("youden"))
    assert found[0] == 1
    assert np.isnan(found[1])


@pytest.mark.parametrize(
    ("word", "goal"),
    [
        ("sensitivity=0.9", Goal("sensitivity", 0.9)),
        ("Specificity=0.975", Goal("specificity", 0.975)),
        ("youden", Goal("youden")),
    ],
)
def test_words(word, goal):
    assert goal_of(word) == goal
    assert goal_of(goal.name) == goal


def test_names_have_two_digits_or_all():
    names = [goal_of(word).name for word in ("sensitivity=0.9", "specificity=.975", "sensitivity=1", "youden")]
    assert names == ["sensitivity=0.90", "specificity=0.975", "sensitivity=1.00", "youden"]


@pytest.mark.parametrize(
    "word", ["", "sensitivity", "sensitivity=", "sensitivity=0", "sensitivity=1.2", "youden=1", "ppv=0.9",
             "sensitivity=nan"]
)  # fmt: skip
def test_other_words_are_one_line(word):
    with pytest.raises(UsageError, match=r"sensitivity=0\.90, specificity=0\.95 \(from 0 to 1\) or youden"):
        goal_of(word)

import numpy as np
import pandas as pd
import pytest

from gkmvlp.metrics.bootstrap import RESAMPLES, Resamples, interval, mean_curve, nanmean


def _resamples(patients, folds=None):
    fold_N = pd.Series(folds if folds is not None else [0] * len(patients))
    patient_N = pd.Series(patients)
    resamples = Resamples(fold_N, patient_N)
    return resamples, resamples.unit_of(fold_N, patient_N)


def test_same_patients_in_any_order_give_the_same_draws():
    a, _ = _resamples(["p3", "p1", "p2", "p1"])
    b, _ = _resamples(["p1", "p2", "p2", "p3"])
    np.testing.assert_array_equal(a.counts_VG, b.counts_VG)
    assert list(a.units.get_level_values(1)) == ["p1", "p2", "p3"]


def test_every_resample_draws_as_many_patients_as_the_fold_has():
    resamples, _ = _resamples([f"p{i}" for i in range(7)], [0, 0, 0, 1, 1, 1, 1])
    folds = resamples.units.get_level_values(0)
    assert resamples.counts_VG.shape == (1 + RESAMPLES, 7)
    assert (resamples.counts_VG[:, folds == 0].sum(1) == 3).all()
    assert (resamples.counts_VG[:, folds == 1].sum(1) == 4).all()
    assert (resamples.counts_VG[0] == 1).all()
    assert len(np.unique(resamples.counts_VG, axis=0)) > 100


def test_mean_curve_equals_the_loop_over_drawn_rows():
    patients = ["a", "a", "b", "c", "c", "c"]
    value_N = np.array([1.0, 0, 1, 0, 0, 1])
    resamples, unit_N = _resamples(patients)
    curve_V = mean_curve(value_N, unit_N, resamples.counts_VG)
    for curve, counts_G in zip(curve_V[:50], resamples.counts_VG, strict=False):
        drawn = [v for unit, count in enumerate(counts_G) for v in np.repeat(value_N[unit_N == unit], count)]
        assert curve == pytest.approx(np.mean(drawn))


def test_interval_of_a_mean_has_the_width_of_theory():
    value_N = (np.arange(400) % 4 == 0).astype(float)
    resamples, unit_N = _resamples([f"p{i}" for i in range(400)])
    found = interval(mean_curve(value_N, unit_N, resamples.counts_VG))
    half = 1.96 * np.sqrt(0.25 * 0.75 / 400)
    assert found.value == 0.25
    assert found.high - found.low == pytest.approx(2 * half, rel=0.1)


def test_patients_not_rows_are_drawn():
    """Ten equal rows a patient carry no more than one: the interval is that of forty patients, not 400 rows."""
    value = (np.arange(40) % 4 == 0).astype(float)
    resamples, unit_N = _resamples(np.repeat([f"p{i}" for i in range(40)], 10).tolist())
    many = interval(mean_curve(np.repeat(value, 10), unit_N, resamples.counts_VG))
    resamples, unit_N = _resamples([f"p{i}" for i in range(40)])
    assert many == interval(mean_curve(value, unit_N, resamples.counts_VG))


def test_undefined_values_and_resamples():
    assert np.isnan(interval(np.full(5, np.nan)).low)
    assert interval(np.array([0.5, np.nan, 0.25, 0.25])).high == 0.25
    np.testing.assert_array_equal(nanmean(np.array([[1, np.nan, np.nan], [3, 4, np.nan]])), [2, 4, np.nan])

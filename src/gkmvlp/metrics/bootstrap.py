"""Percentile bootstrap over patients: the same resamples for every seed and every model, inside folds where there are.

A *curve* is one statistic under V = 1 + 1000 weightings of the patients: first each patient once (the value itself),
then the resamples. Curves of seeds are averaged, curves of two models are subtracted, and only then is the interval
read off, so a difference is paired by construction.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gkmvlp.metrics.auroc import FloatArray, weighted_auroc

RESAMPLES = 1000
SEED = 0
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A value and the ends of its interval; NaN where undefined."""

    value: float
    low: float
    high: float


class Resamples:
    """How often each patient was drawn, in each resample.

    Patients are drawn with replacement inside their fold, as many as the fold has. The draw depends on nothing but
    the set of (fold, patient) pairs, so two models, or two files, with the same patients share their resamples.

    Attributes:
        units: The sorted (fold, patient) pairs, G of them.
        counts_VG: (1 + 1000, G) uint16; the first row is all ones.
    """

    def __init__(self, fold_N: pd.Series, patient_N: pd.Series) -> None:
        """Draw the resamples of all rows' patients.

        Args:
            fold_N: Fold of each row, any sortable value.
            patient_N: Patient (or other resampling group) of each row.
        """
        pairs = pd.MultiIndex.from_arrays([fold_N, patient_N.astype(str)])
        self.units = pairs.unique().sort_values()
        self.counts_VG = np.ones((1 + RESAMPLES, len(self.units)), np.uint16)
        generator = np.random.default_rng(SEED)
        folds = self.units.get_level_values(0)
        for fold in folds.unique():
            members = np.flatnonzero(folds == fold)
            for row_G in self.counts_VG[1:]:
                sample = generator.integers(0, len(members), len(members))
                row_G[members] = np.bincount(sample, minlength=len(members))

    def unit_of(self, fold_N: pd.Series, patient_N: pd.Series) -> NDArray[np.intp]:
        """(N,) the column of ``counts_VG`` that each row belongs to."""
        return self.units.get_indexer(pd.MultiIndex.from_arrays([fold_N, patient_N.astype(str)]))


def mean_curve(value_N: FloatArray, unit_N: NDArray[np.intp], counts_VG: NDArray[np.uint16]) -> FloatArray:
    """The curve of a mean over rows, such as an accuracy.

    Args:
        value_N: What is averaged.
        unit_N: Column of ``counts_VG`` of each row.
        counts_VG: How often each unit was drawn.

    Returns:
        (V,) means; NaN for a resample without any row.
    """
    units = counts_VG.shape[1]
    total_V = counts_VG @ np.bincount(unit_N, value_N, units)
    rows_V = counts_VG @ np.bincount(unit_N, minlength=units).astype(float)
    return np.divide(total_V, rows_V, out=np.full(len(counts_VG), np.nan), where=rows_V > 0)


def sum_curves(value_NS: FloatArray, unit_N: NDArray[np.intp], counts_VG: NDArray[np.uint16]) -> FloatArray:
    """The curves of S sums over rows (V, S), from which a figure of the whole corpus follows.

    Args:
        value_NS: What is summed.
        unit_N: Column of ``counts_VG`` of each row.
        counts_VG: How often each unit was drawn.
    """
    total_GS = np.zeros((counts_VG.shape[1], value_NS.shape[1]))
    np.add.at(total_GS, unit_N, value_NS)
    return counts_VG @ total_GS


def auroc_curve(
    score_N: FloatArray, target_N: FloatArray, unit_N: NDArray[np.intp], counts_VG: NDArray[np.uint16]
) -> FloatArray:
    """The curve of an AUROC (V,): see ``weighted_auroc``; NaN for a resample that lacks a class."""
    return weighted_auroc(score_N, target_N, counts_VG[:, unit_N])


def interval(curve_V: FloatArray) -> Interval:
    """Value and 95 % percentile interval of a curve; resamples where it is undefined do not count."""
    value, resampled = curve_V[0], curve_V[1:]
    resampled = resampled[~np.isnan(resampled)]
    if np.isnan(value) or not len(resampled):
        return Interval(float("nan"), float("nan"), float("nan"))
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(value), float(low), float(high))


def nanmean(curves_KV: FloatArray) -> FloatArray:
    """Mean over K curves of those that are defined (V,); NaN where none is, without a warning."""
    defined_KV = ~np.isnan(curves_KV)
    count_V = defined_KV.sum(0)
    total_V = np.where(defined_KV, curves_KV, 0.0).sum(0)
    return np.divide(total_V, count_V, out=np.full(total_V.shape, np.nan), where=count_V > 0)

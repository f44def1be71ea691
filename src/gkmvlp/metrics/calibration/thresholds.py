"""Choosing thresholds, and how much the choice owes to the patients that came: a bootstrap over patients.

N rows, V weightings of the patients (see ``metrics.bootstrap``), U candidate thresholds.
"""

import numpy as np
from numpy.typing import NDArray

from gkmvlp.metrics.bootstrap import interval, mean_curve
from gkmvlp.metrics.calibration.operating_point import YOUDEN, Goal, OperatingPoint, Span
from gkmvlp.metrics.calibration.score_map import Float

_BLOCK = 64  # weightings at a time
_EQUAL = 1e-12  # shares that differ by less are the same but for rounding


def operating_point(
    score_N: Float, target_N: Float, unit_N: NDArray[np.intp], counts_VG: NDArray[np.uint16], goal: Goal
) -> OperatingPoint:
    """The threshold of a label for a goal, with intervals.

    Sensitivity and specificity are those of the very rows that chose the threshold: on other patients they are a little
    lower for the one that was asked for.

    Args:
        score_N: Scores.
        target_N: 1 present, 0 absent; both occur.
        unit_N: Column of ``counts_VG`` of each row.
        counts_VG: How often each patient was drawn; each once in the first row.
        goal: What the threshold is chosen for.
    """
    threshold_V = threshold_curve(score_N, target_N, counts_VG[:, unit_N], goal)
    above_N, present_N = (score_N >= threshold_V[0]).astype(float), target_N == 1
    sensitivity_V = mean_curve(above_N[present_N], unit_N[present_N], counts_VG)
    specificity_V = mean_curve(1 - above_N[~present_N], unit_N[~present_N], counts_VG)
    return OperatingPoint(_span(threshold_V), _span(sensitivity_V), _span(specificity_V))


def threshold_curve(score_N: Float, target_N: Float, weight_VN: NDArray[np.number], goal: Goal) -> Float:
    """The threshold under each weighting of the rows, (V,); NaN where the weights lack a class.

    Candidates are the scores themselves and one above them all. ``sensitivity=x`` takes the highest whose sensitivity
    is at least x, ``specificity=x`` the lowest whose specificity is, ``youden`` the lowest with the largest sum of both
    (Youden, Cancer 1950).
    """
    order = np.argsort(score_N, kind="stable")
    score_U, start_U = np.unique(score_N[order], return_index=True)
    score_U = np.append(score_U, np.nextafter(score_U[-1], np.inf))
    start_U = np.append(start_U, len(score_N))
    present_N = target_N[order] == 1
    out_V = np.empty(len(weight_VN))
    for first in range(0, len(weight_VN), _BLOCK):
        weight_BN = weight_VN[first : first + _BLOCK, order].astype(float)
        missed_BU, kept_BU = (_share_below(weight_BN * is_class_N, start_U) for is_class_N in (present_N, ~present_N))
        found_BU = 1 - missed_BU
        if goal.kind == YOUDEN:
            best_B = (found_BU + kept_BU >= (found_BU + kept_BU).max(1, keepdims=True) - _EQUAL).argmax(1)
        elif goal.kind == "sensitivity":  # it falls: the last that is high enough
            best_B = (found_BU >= goal.level - _EQUAL).sum(1) - 1
        else:  # it rises: the first that is high enough
            best_B = (kept_BU >= goal.level - _EQUAL).argmax(1)
        defined_B = ~np.isnan(found_BU[:, 0] + kept_BU[:, 0])
        out_V[first : first + _BLOCK] = np.where(defined_B, score_U[best_B], np.nan)
    return out_V


def _share_below(weight_BN: Float, start_U: NDArray[np.intp]) -> Float:
    """Share of the weight of the first rows before each start (B, U); NaN where there is no weight."""
    sum_BN = np.zeros((len(weight_BN), weight_BN.shape[1] + 1))
    np.cumsum(weight_BN, axis=1, out=sum_BN[:, 1:])
    total_B1 = sum_BN[:, -1:]
    return np.divide(sum_BN[:, start_U], total_B1, out=np.full((len(sum_BN), len(start_U)), np.nan), where=total_B1 > 0)


def _span(curve_V: Float) -> Span:
    found = interval(curve_V)
    return Span(found.value, found.low, found.high)

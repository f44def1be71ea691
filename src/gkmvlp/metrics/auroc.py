"""Area under the ROC curve and average precision under many weightings of the same rows at once.

A bootstrap resample is a weighting: how often each row was drawn. The rows are sorted once; each weighting is then a
cumulative sum, so that a thousand resamples cost little more than a few dozen passes over the data.
"""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
_BLOCK = 64  # weightings at a time: the weights of a block stay in the processor's cache


def weighted_auroc(score_N: FloatArray, target_N: FloatArray, weight_WN: NDArray[np.number]) -> FloatArray:
    """AUROC as the weighted share of (positive, negative) pairs in the right order, ties counted half.

    Source: Mann-Whitney form of the AUROC; Hanley and McNeil, Radiology 1982.

    Args:
        score_N: Scores of N rows, higher means more likely present; finite.
        target_N: 1 present, 0 absent, NaN unknown (such rows do not count).
        weight_WN: Weights >= 0 of the rows in each of W weightings.

    Returns:
        (W,) AUROC in [0, 1]; NaN where the positive or the negative rows have no weight.
    """
    positive, negative = np.flatnonzero(target_N == 1), np.flatnonzero(target_N == 0)
    negative = negative[np.argsort(score_N[negative], kind="stable")]
    below_P = np.searchsorted(score_N[negative], score_N[positive], side="left")
    not_above_P = np.searchsorted(score_N[negative], score_N[positive], side="right")
    out_W = np.empty(len(weight_WN))
    for start in range(0, len(weight_WN), _BLOCK):
        weight_BN = weight_WN[start : start + _BLOCK]
        cumulative = np.zeros((len(weight_BN), len(negative) + 1))
        np.cumsum(weight_BN[:, negative], axis=1, dtype=float, out=cumulative[:, 1:])
        weight_BP = weight_BN[:, positive].astype(float)
        beaten_BP = (cumulative[:, below_P] + cumulative[:, not_above_P]) / 2
        pairs_B = weight_BP.sum(1) * cumulative[:, -1]
        out_W[start : start + _BLOCK] = _ratio(np.einsum("bp,bp->b", weight_BP, beaten_BP), pairs_B)
    return out_W


def weighted_average_precision(score_N: FloatArray, target_N: FloatArray, weight_WN: NDArray[np.number]) -> FloatArray:
    """Average precision (AUPRC): precision at each distinct threshold, weighted by the gain in recall.

    Args:
        score_N: Scores of N rows, higher means more likely present; finite.
        target_N: 1 present, 0 absent, NaN unknown (such rows do not count).
        weight_WN: Weights >= 0 of the rows in each of W weightings.

    Returns:
        (W,) average precision in [0, 1]; NaN where the positive or the negative rows have no weight.
    """
    known = np.flatnonzero(~np.isnan(target_N))
    order = known[np.argsort(-score_N[known], kind="stable")]
    last_T = np.flatnonzero(np.append(np.diff(score_N[order]) != 0, True)) if len(order) else np.zeros(0, int)
    out_W = np.empty(len(weight_WN))
    for start in range(0, len(weight_WN), _BLOCK):
        weight_BN = weight_WN[start : start + _BLOCK, order].astype(float)
        hit_BT = np.cumsum(weight_BN * target_N[order], axis=1)[:, last_T]
        all_BT = np.cumsum(weight_BN, axis=1)[:, last_T]
        precision_BT = np.divide(hit_BT, all_BT, out=np.zeros_like(hit_BT), where=all_BT > 0)
        gain_B = (np.diff(hit_BT, axis=1, prepend=0) * precision_BT).sum(1)
        total_B, hits_B = weight_BN.sum(1), (weight_BN * target_N[order]).sum(1)
        out_W[start : start + _BLOCK] = np.where(hits_B < total_B, _ratio(gain_B, hits_B), np.nan)
    return out_W


def _ratio(part_B: FloatArray, whole_B: FloatArray) -> FloatArray:
    """Part / whole, NaN where the whole is zero."""
    return np.divide(part_B, whole_B, out=np.full(len(part_B), np.nan), where=whole_B > 0)

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
        cumulative = _cumulative(weight_BN[:, negative])
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
    positive, negative = np.flatnonzero(target_N == 1), np.flatnonzero(target_N == 0)
    positive = positive[np.argsort(score_N[positive], kind="stable")]
    negative = negative[np.argsort(score_N[negative], kind="stable")]
    # rows below each positive; all others are at or above the threshold that takes it in
    hits_below_P, false_below_P = (np.searchsorted(score_N[rows], score_N[positive]) for rows in (positive, negative))
    out_W = np.empty(len(weight_WN))
    for start in range(0, len(weight_WN), _BLOCK):
        weight_BN = weight_WN[start : start + _BLOCK]
        hits, false = _cumulative(weight_BN[:, positive]), _cumulative(weight_BN[:, negative])
        hits_BP, false_BP = hits[:, -1:] - hits[:, hits_below_P], false[:, -1:] - false[:, false_below_P]
        precision_BP = np.divide(hits_BP, hits_BP + false_BP, out=np.zeros_like(hits_BP), where=hits_BP > 0)
        gain_B = np.einsum("bp,bp->b", weight_BN[:, positive].astype(float), precision_BP)
        out_W[start : start + _BLOCK] = np.where(false[:, -1] > 0, _ratio(gain_B, hits[:, -1]), np.nan)
    return out_W


def _cumulative(weight_BN: NDArray[np.number]) -> FloatArray:
    """Sums (B, N + 1) of the first 0 ... N weights of each weighting."""
    out = np.zeros((len(weight_BN), weight_BN.shape[1] + 1))
    np.cumsum(weight_BN, axis=1, dtype=float, out=out[:, 1:])
    return out


def _ratio(part_B: FloatArray, whole_B: FloatArray) -> FloatArray:
    """Part / whole, NaN where the whole is zero."""
    return np.divide(part_B, whole_B, out=np.full(len(part_B), np.nan), where=whole_B > 0)

"""Figures of detection under many weightings of the images at once.

Which detection finds which true box does not depend on the weights: images are matched once, all detections are sorted
once, and each bootstrap resample is then a cumulative sum. N images, K true boxes, P predicted boxes and scores of one
image, D detections of all images by falling score, T thresholds of the overlap, W weightings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gkmvlp.metrics.auroc import FloatArray

Bool = NDArray[np.bool_]
Index = NDArray[np.intp]
MOST = 100  # detections of an image that count, as in COCO
RECALLS = np.linspace(0, 1, 101)
FALSE_POSITIVES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)  # an image; Setio et al., LUNA16, 2017
_BLOCK = 16  # weightings at a time


class Image(NamedTuple):
    """One image, boxes xyxy in any common unit."""

    true_K4: FloatArray
    predicted_P4: FloatArray
    score_P: FloatArray


@dataclass(frozen=True)
class Matches:
    """Detections of all images in falling order of their scores.

    Attributes:
        image_D: Index of the image.
        hit_TD: Whether the detection finds a true box that no better one has found.
        last_D: Index of the last detection with the same score: no threshold divides equal scores.
        truths_N: Number of true boxes of each image.
    """

    image_D: Index
    hit_TD: Bool
    last_D: Index
    truths_N: NDArray[np.int64]


def overlaps(a_P4: FloatArray, b_K4: FloatArray) -> FloatArray:
    """Intersection over union (P, K) of boxes xyxy; 0 where both are without area."""
    low, high = np.maximum(a_P4[:, None, :2], b_K4[:, :2]), np.minimum(a_P4[:, None, 2:], b_K4[:, 2:])
    shared_PK = np.clip(high - low, 0, None).prod(-1)
    area_P, area_K = ((box[:, 2:] - box[:, :2]).prod(-1) for box in (a_P4, b_K4))
    union_PK = area_P[:, None] + area_K - shared_PK
    return np.divide(shared_PK, union_PK, out=np.zeros_like(shared_PK), where=union_PK > 0)


def find_boxes(image: Image, iou_T: FloatArray) -> Bool:
    """Which detections find a true box (T, P), as COCO matches (Lin et al., ECCV 2014).

    In falling order of the scores each detection takes the true box that it overlaps most among those not taken, if by
    ``iou_T`` or more.
    """
    overlap_PK = overlaps(image.predicted_P4, image.true_K4)
    hit_TP = np.zeros((len(iou_T), len(image.score_P)), bool)
    free_TK = np.ones((len(iou_T), len(image.true_K4)), bool)
    candidate_P = overlap_PK.max(1, initial=0) >= iou_T.min()
    for p in np.argsort(-image.score_P, kind="stable"):
        if not candidate_P[p]:
            continue
        open_TK = np.where(free_TK & (overlap_PK[p] >= iou_T[:, None]), overlap_PK[p], -1)
        best_T = open_TK.argmax(1)
        matched_T = np.flatnonzero(open_TK.max(1) >= 0)
        hit_TP[matched_T, p] = True
        free_TK[matched_T, best_T[matched_T]] = False
    return hit_TP


def strongest(image: Image) -> Image:
    """The image with its ``MOST`` detections of highest score."""
    strongest_P = np.argsort(-image.score_P, kind="stable")[:MOST]
    return Image(image.true_K4, image.predicted_P4[strongest_P], image.score_P[strongest_P])


def match(images: Sequence[Image], iou_T: FloatArray) -> Matches:
    """Matches the detections of every image.

    Args:
        images: N images with at most ``MOST`` detections each (``strongest``).
        iou_T: Least overlap of a hit.
    """
    score_D = np.concatenate([image.score_P for image in images])
    order_D = np.argsort(-score_D, kind="stable")
    image_D = np.repeat(np.arange(len(images)), [len(image.score_P) for image in images])[order_D]
    hit_TD = np.concatenate([find_boxes(image, iou_T) for image in images], axis=1)[:, order_D]
    last_D = np.searchsorted(-score_D[order_D], -score_D[order_D], side="right") - 1
    return Matches(image_D, hit_TD, last_D, np.array([len(image.true_K4) for image in images], np.int64))


def average_precision(matches: Matches, weight_WN: NDArray[np.number]) -> FloatArray:
    """Average precision at each overlap, interpolated at 101 recalls as in COCO.

    Equal scores count together; COCO would order them by image.

    Args:
        matches: Matched detections of N images.
        weight_WN: Weights >= 0 of the images in each of W weightings.

    Returns:
        (T, W) in [0, 1]; 0 without any detection; NaN where no true box has weight.
    """
    out_TW = np.full((len(matches.hit_TD), len(weight_WN)), np.nan)
    truths_W = weight_WN.astype(float) @ matches.truths_N
    hits = [np.flatnonzero(hit_D) for hit_D in matches.hit_TD]  # only they raise precision
    for start in range(0, len(weight_WN), _BLOCK):
        weight_BD = weight_WN[start : start + _BLOCK, matches.image_D]
        all_BD = np.cumsum(weight_BD, axis=1, dtype=np.int64 if weight_BD.dtype.kind in "ui" else float)
        for t, hit_H in enumerate(hits):
            end_H = matches.last_D[hit_H]
            found_BH = np.cumsum(weight_BD[:, hit_H], axis=1, dtype=float)
            found_BH = found_BH[:, np.searchsorted(hit_H, end_H, side="right") - 1]
            all_BH = all_BD[:, end_H]
            precision_BH = np.divide(found_BH, all_BH, out=np.zeros_like(found_BH), where=all_BH > 0)
            for b, (found_H, precision_H) in enumerate(zip(found_BH, precision_BH, strict=True)):
                if (truths := truths_W[start + b]) > 0:
                    out_TW[t, start + b] = interpolated(found_H / truths, precision_H)
    return out_TW


def interpolated(recall_H: FloatArray, precision_H: FloatArray) -> float:
    """Mean over 101 recalls of the highest precision at that recall or beyond."""
    highest_H = np.maximum.accumulate(precision_H[::-1])[::-1]
    return float(np.append(highest_H, 0)[np.searchsorted(recall_H, RECALLS, side="left")].mean())


def froc(images: Sequence[Image], weight_WN: NDArray[np.number]) -> FloatArray:
    """Mean sensitivity at ``FALSE_POSITIVES`` an image, between the points of the curve by straight lines.

    A true box is found by a detection whose centre lies in it and scored by the best of them; a detection whose centre
    lies in no true box is a false positive. Curve and mean are those of ``monai.metrics`` (CAMELYON16), whose curve
    leaves out its last point where every box was found.

    Args:
        images: N images.
        weight_WN: Weights >= 0 of the images in each of W weightings.

    Returns:
        (W,) in [0, 1]; NaN where no true box has weight.
    """
    events = [_found(image) for image in images]
    false_D, true_D = (np.concatenate([event[part] for event in events]) for part in (0, 1))
    false_image, true_image = (
        np.repeat(np.arange(len(images)), [len(event[part]) for event in events]) for part in (0, 1)
    )
    score_U = np.unique(np.concatenate([false_D, true_D]))[::-1]
    order_F, order_H = np.argsort(-false_D, kind="stable"), np.argsort(-true_D, kind="stable")
    ends_F, ends_H = (
        np.searchsorted(-scores, -score_U, side="right") for scores in (false_D[order_F], true_D[order_H])
    )
    truths_W = weight_WN.astype(float) @ np.array([len(image.true_K4) for image in images])
    out_W = np.full(len(weight_WN), np.nan)
    for w in np.flatnonzero(truths_W > 0):
        alarms_U = _running(weight_WN[w, false_image[order_F]])[ends_F] / weight_WN[w].sum(dtype=float)
        found_U = _running(weight_WN[w, true_image[order_H]])[ends_H] / truths_W[w]
        out_W[w] = np.interp(FALSE_POSITIVES, np.append(0, alarms_U), np.append(0, found_U)).mean()
    return out_W


def _running(weight_D: NDArray[np.number]) -> FloatArray:
    """Sums of the first 0, 1, ... weights."""
    return np.append(0.0, np.cumsum(weight_D, dtype=float))


def _found(image: Image) -> tuple[FloatArray, FloatArray]:
    """Scores of the false positives, and the best score of each true box that was found."""
    centre_P2 = (image.predicted_P4[:, :2] + image.predicted_P4[:, 2:]) / 2
    beyond_PK2, before_PK2 = image.true_K4[:, :2] <= centre_P2[:, None], centre_P2[:, None] < image.true_K4[:, 2:]
    inside_PK = np.logical_and.reduce(beyond_PK2 & before_PK2, axis=-1)
    best_K = np.where(inside_PK, image.score_P[:, None], -np.inf).max(0, initial=-np.inf)
    return image.score_P[~inside_PK.any(1)], best_K[inside_PK.any(0)]


def challenge_scores(image: Image, threshold_C: FloatArray, iou_T: FloatArray) -> FloatArray:
    """Score of one image by the rule of the RSNA Pneumonia Detection Challenge (2018), at each of C thresholds (C,).

    Mean over overlaps of TP / (TP + FP + FN) of the detections that reach the threshold; NaN, which leaves the image
    out, where there is neither truth nor detection; 0 for a detection on an image without truth.
    """
    above_CP = image.score_P >= threshold_C[:, None]
    # which box a detection takes does not depend on those that come after it
    found_CT = above_CP.astype(float) @ find_boxes(image, iou_T).T
    all_C1 = len(image.true_K4) + above_CP.sum(1, keepdims=True)
    share_CT = np.divide(found_CT, all_C1 - found_CT, out=np.full(found_CT.shape, np.nan), where=all_C1 > 0)
    return share_CT.mean(1)

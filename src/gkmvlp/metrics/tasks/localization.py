"""Figures of localization by boxes: mean average precision on every image, FROC, and the score of the RSNA challenge.

A row is one image and one label (column ``entity``), with its true boxes, the predicted ones and their scores. With
several labels the main figure is the mean over those that have a true box; the others are named and counted.
``map_40_75_legacy_mgca`` leaves images out by another's rule (see ``legacy_curve``): for comparison alone.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gkmvlp.errors import ResultsError
from gkmvlp.metrics import detection
from gkmvlp.metrics.assemble import Key, Scored, Task, fold_of
from gkmvlp.metrics.auroc import FloatArray
from gkmvlp.metrics.bootstrap import mean_curve, nanmean
from gkmvlp.metrics.detection import FALSE_POSITIVES, MOST, Image, challenge_scores

LOOSE = np.linspace(0.4, 0.75, 8)
STRICT = np.linspace(0.5, 0.95, 10)
_OVERLAPS = {"map_40_75": LOOSE, "map_coco": STRICT}
NAMES = ("map_40_75", "map_coco", "froc", "rsna_score", "map_40_75_legacy_mgca")
_COCO = f"coco, 101 recalls, {MOST} an image"
_PARTS = {
    "map_40_75": {"iou": "0.40:0.05:0.75", "match": _COCO, "images": "all"},
    "map_coco": {"iou": "0.50:0.05:0.95", "match": _COCO, "images": "all"},
    "froc": {"match": "centre in box", "images": "all", "false positives": ",".join(f"{x:g}" for x in FALSE_POSITIVES)},
    "rsna_score": {"iou": "0.40:0.05:0.75", "images": "with truth or prediction", "threshold": "validation"},
    "map_40_75_legacy_mgca": {"iou": "0.40:0.05:0.75", "match": _COCO, "images": "with truth and prediction",
                              "threshold": "validation"},
}  # fmt: skip


def images_of(rows: pd.DataFrame) -> list[Image]:
    """The rows as images; true boxes without area are left out.

    Raises:
        ResultsError: If a row has not one score a predicted box.
    """
    out = []
    for sample, *columns in zip(rows["sample_id"], rows["boxes"], rows["predicted"], rows["scores"], strict=True):
        true, predicted, score_P = (np.asarray(column, float) for column in columns)
        if len(predicted) != 4 * len(score_P):
            raise ResultsError(
                f"localization: {sample} has {len(predicted) // 4} predicted boxes and {len(score_P)} scores; "
                "write the predictions anew"
            )
        true_K4 = true.reshape(-1, 4)
        has_area_K = (true_K4[:, 2:] > true_K4[:, :2]).all(1)
        out.append(Image(true_K4[has_area_K], predicted.reshape(-1, 4), score_P))
    return out


def mean_average_precision(images: list[Image], iou_T: FloatArray, weight_WN: NDArray[np.number]) -> FloatArray:
    """Mean over overlaps of the average precision (W,) under each weighting of the images; NaN without true box."""
    matches = detection.match([detection.strongest(image) for image in images], iou_T)
    return detection.average_precision(matches, weight_WN).mean(0)


def challenge_curve(
    images: list[Image], threshold_N: FloatArray, unit_N: NDArray[np.intp], counts_VG: NDArray[np.uint16]
) -> Scored:
    """The challenge's score, over images with truth or prediction."""
    pairs = zip(images, threshold_N[:, None], strict=True)
    score_N = np.array([challenge_scores(image, threshold_1, LOOSE)[0] for image, threshold_1 in pairs])
    scored_N = ~np.isnan(score_N)
    return Scored(mean_curve(score_N[scored_N], unit_N[scored_N], counts_VG), scored_N)


def reaching(images: list[Image], threshold_N: FloatArray) -> list[Image]:
    """The images with the detections that reach each one's threshold."""
    above = [image.score_P >= threshold for image, threshold in zip(images, threshold_N, strict=True)]
    return [
        Image(image.true_K4, image.predicted_P4[above_P], image.score_P[above_P])
        for image, above_P in zip(images, above, strict=True)
    ]


def is_complete(images: list[Image]) -> NDArray[np.bool_]:
    """Whether an image has both truth and a detection (N,)."""
    return np.array([len(image.true_K4) > 0 < len(image.score_P) for image in images], bool)


def legacy_curve(images: list[Image], threshold_N: FloatArray, weight_WN: NDArray[np.number]) -> Scored:
    """Mean average precision by the rule of MGCA's code: images without a box or without a detection are skipped.

    Detections below the threshold do not count. An image where all is missed costs nothing, nor does an alarm on a
    healthy one. NaN where no image is left.
    """
    above = reaching(images, threshold_N)
    used_N = is_complete(above)
    if not used_N.any():
        return Scored(np.full(len(weight_WN), np.nan), used_N)
    used = [image for image, is_used in zip(above, used_N, strict=True) if is_used]
    return Scored(mean_average_precision(used, LOOSE, weight_WN[:, used_N]), used_N)


def best_threshold(images: list[Image]) -> float:
    """The threshold of highest challenge score, among 50 quantiles of the scores; to be chosen on validation images."""
    score_D = np.concatenate([image.score_P for image in images])
    if not len(score_D):
        return 0.5
    candidate_C = np.unique(np.quantile(score_D, np.linspace(0, 1, 50)))
    mean_C = nanmean(np.stack([challenge_scores(image, candidate_C, LOOSE) for image in images]))
    return float(candidate_C[int(np.argmax(np.nan_to_num(mean_C)))])


def _label(rows: pd.DataFrame, unit_N: NDArray[np.intp], counts_VG: NDArray[np.uint16]) -> dict[str, Scored]:
    """Every figure of the rows of one label; undefined without a true box."""
    images, weight_WN, all_N = images_of(rows), counts_VG[:, unit_N], np.ones(len(rows), bool)
    threshold_N = rows["threshold"].to_numpy(float)
    if not any(len(image.true_K4) for image in images):
        return dict.fromkeys(NAMES, Scored(np.full(len(counts_VG), np.nan), all_N))
    out = {name: Scored(mean_average_precision(images, iou_T, weight_WN), all_N) for name, iou_T in _OVERLAPS.items()}
    out["froc"] = Scored(detection.froc(images, weight_WN), all_N)
    out["rsna_score"] = challenge_curve(images, threshold_N, unit_N, counts_VG)
    return out | {"map_40_75_legacy_mgca": legacy_curve(images, threshold_N, weight_WN)}


def _score(block: pd.DataFrame, unit_N: NDArray[np.intp], counts_VG: NDArray[np.uint16]) -> dict[Key, Scored]:
    """The figures of each label, and as the main ones their means over the labels where they are defined."""
    label_N = block["entity"].to_numpy(str)
    labels = [str(label) for label in sorted(set(label_N))]
    of_labels: dict[Key, Scored] = {}
    for label in labels:
        rows_N = label_N == label
        for name, scored in _label(block[rows_N], unit_N[rows_N], counts_VG).items():
            used_N = np.zeros(len(block), bool)
            used_N[rows_N] = scored.rows_N
            of_labels[Key(name, label)] = Scored(scored.curve_V, used_N)
    out = {}
    for name in NAMES:
        all_scored = [of_labels[Key(name, label)] for label in labels]
        used = [scored for scored in all_scored if not np.isnan(scored.curve_V[0])] or all_scored
        curve_V = nanmean(np.stack([scored.curve_V for scored in used]))
        out[Key(name, None)] = Scored(curve_V, np.any([scored.rows_N for scored in used], axis=0))
    return out if len(labels) == 1 else out | of_labels  # one label is its own mean


def _notes(rows: pd.DataFrame) -> dict[Key, str]:
    """Boxes without area, labels that cannot be scored in all or some folds, models without any prediction."""
    seeds, images = rows["seed"].nunique(), images_of(rows)
    truths = pd.Series([len(image.true_K4) for image in images], index=rows.index)
    flat = int((rows["boxes"].map(len) // 4 - truths).sum()) // seeds
    shared = [f"true boxes without area, left out: {flat}"] if flat else []
    if not rows["scores"].map(len).any():
        shared.append(f"no prediction at all on {len(rows) // seeds} rows: nothing found")
    complete_N = is_complete(reaching(images, rows["threshold"].to_numpy(float)))
    of_figure = dict.fromkeys(NAMES, _gaps(rows, truths.to_numpy() > 0, "a true box"))
    of_figure["map_40_75_legacy_mgca"] = _gaps(rows, complete_N, "both a true box and a prediction that counts")
    notes = {
        Key(name, label): [*parts, *shared] for name, parts_of in of_figure.items() for label, parts in parts_of.items()
    }
    return {key: "; ".join(parts) for key, parts in notes.items() if parts}


def _gaps(rows: pd.DataFrame, has_N: NDArray[np.bool_], what: str) -> dict[str | None, list[str]]:
    """For the main figure (None) and the labels: which lack an image that has ``what``, in which of the folds."""
    has_image = pd.Series(has_N, index=rows.index).groupby([rows["entity"], fold_of(rows), rows["seed"]]).any()
    missing = (~has_image.groupby(level=[0, 1]).all()).groupby("entity").agg(["sum", "count"])
    none = missing.index[missing["sum"] == missing["count"]]
    some = missing[(missing["sum"] > 0) & (missing["sum"] < missing["count"])]
    of_label: dict[str | None, list[str]] = {None: []}
    if len(missing) > 1:
        of_label |= {str(label): [f"undefined: no image has {what}"] for label in none}
    of_label |= {str(label): [f"left out of {row['sum']} of {row['count']} folds without {what}"]
                 for label, row in some.iterrows()}  # fmt: skip
    if len(none) == len(missing):
        of_label[None].append(f"undefined: no image has {what}")
    elif len(none):
        of_label[None].append(f"left out, without {what}: {len(none)} of {len(missing)} ({', '.join(none)})")
    if len(some):
        named = ", ".join(f"{label} in {row['sum']}" for label, row in some.iterrows())
        of_label[None].append(f"left out in some of the folds, without {what}: {len(some)} ({named})")
    return of_label


TASK = Task(
    columns={"entity": "text", "boxes": "boxes", "predicted": "boxes", "scores": "numbers", "threshold": "number"},
    unit="image",
    score=_score,
    parts=lambda key: {**_PARTS[key.name], "average": "macro" if key.label is None else "none"},
    notes=_notes,
)

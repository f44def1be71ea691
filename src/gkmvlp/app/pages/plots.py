"""Plots of the result page that are drawn from predictions: ROC, precision and recall, reliability, boxes.

L labels, N rows, S side.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure as Plot
from numpy.typing import NDArray
from torchmetrics.functional.classification import binary_precision_recall_curve, binary_roc

from gkmvlp.geometry import Letterbox
from gkmvlp.metrics.detection import overlaps
from gkmvlp.metrics.tasks.region_detection import row_overlaps
from gkmvlp.tasks.parts.drawing import SHOWN_REGIONS, draw_boxes, panels

COLOURS = {"pretrained": "tab:blue", "variant:linear_probe": "tab:green", "scratch": "tab:orange",
           "uncalibrated": "tab:gray"}  # fmt: skip
OTHER = "tab:purple"
BINS = 10
Read = Callable[[str], tuple[NDArray[np.float32], Letterbox]]


def _models(table: pd.DataFrame) -> list[str]:
    """Models of the table in the order of ``COLOURS``, then any others; baselines only where there is nothing else.

    A run may be a baseline itself, as question answering without the image is: its own rows come first in its table.
    """
    everything = list(dict.fromkeys(table["model"]))
    names = {name for name in everything if not name.startswith("baseline:")}
    return [*(name for name in COLOURS if name in names), *sorted(names - COLOURS.keys())] or everything


def main_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the first of the table's models and of its first seed."""
    rows = table[table["model"].eq(_models(table)[0])]
    return rows[rows["seed"].eq(rows["seed"].min())].reset_index(drop=True)


def roc_and_precision(table: pd.DataFrame, most: int = 8) -> Plot:
    """One column a label: ROC above, precision over recall below; a line a model, its first seed.

    Args:
        table: Predictions of classification.
        most: How many labels are shown, the most frequent ones first.
    """
    known = table[table["target"].notna()]
    frequent = known[known["model"].eq(_models(table)[0])].groupby("entity")["target"].agg(["sum", "count"])
    both = frequent[(frequent["sum"] > 0) & (frequent["sum"] < frequent["count"])]
    labels = both["sum"].sort_values(ascending=False).index[:most]
    if labels.empty:
        return panels(0)[0]
    plot = Plot(figsize=(1.9 * len(labels), 4.2), layout="constrained")
    axes = np.asarray(plot.subplots(2, len(labels), squeeze=False))
    for label, (above, below) in zip(labels, axes.T, strict=True):
        for model in _models(table):
            score_N, target_N = _rows(known, model, label)
            false_N, true_N, _ = binary_roc(score_N, target_N)
            precision_N, recall_N, _ = binary_precision_recall_curve(score_N, target_N)
            above.plot(false_N, true_N, color=COLOURS.get(model, OTHER), linewidth=1, label=model)
            below.plot(recall_N, precision_N, color=COLOURS.get(model, OTHER), linewidth=1)
        above.plot([0, 1], [0, 1], color="grey", linewidth=0.6, linestyle="--")
        below.axhline(both.loc[label, "sum"] / both.loc[label, "count"], color="grey", linewidth=0.6, linestyle="--")
        above.set_title(label, fontsize=8, parse_math=False)
        for axis, names in ((above, ("false positives", "sensitivity")), (below, ("recall", "precision"))):
            axis.set(xlim=(0, 1), ylim=(0, 1.02), aspect="equal")
            axis.set_xlabel(names[0], fontsize=7)
            axis.set_ylabel(names[1], fontsize=7)
            axis.tick_params(labelsize=6)
    axes[0, 0].legend(fontsize=6)
    return plot


def _rows(known: pd.DataFrame, model: str, label: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores (N,) and targets (N,) of a model's first seed and one label."""
    rows = known[known["model"].eq(model) & known["entity"].eq(label)]
    rows = rows[rows["seed"].eq(rows["seed"].min())]
    return torch.tensor(rows["score"].to_numpy()), torch.tensor(rows["target"].to_numpy()).long()


def reliability(table: pd.DataFrame) -> Plot:
    """Share of present rows over mean probability in ten bins of equal width, all labels together; a line a model.

    Args:
        table: Predictions of classification whose scores are probabilities.
    """
    plot = Plot(figsize=(3.4, 3.2), layout="constrained")
    axis = plot.subplots()
    axis.plot([0, 1], [0, 1], color="grey", linewidth=0.6, linestyle="--")
    for model in _models(table):
        rows = table[table["model"].eq(model) & table["target"].notna()]
        bins = rows.groupby(np.clip((rows["score"] * BINS).astype(int), 0, BINS - 1))[["score", "target"]].mean()
        axis.plot(
            bins["score"], bins["target"], "o-", color=COLOURS.get(model, OTHER), markersize=3, linewidth=1, label=model
        )
    axis.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axis.set_xlabel("mean probability", fontsize=8)
    axis.set_ylabel("share present", fontsize=8)
    axis.legend(fontsize=7)
    return plot


def regions(table: pd.DataFrame, read: Read, count: int = 8) -> Plot:
    """Radiographs with true boxes of some regions (green) and found ones (red), least mean overlap first.

    Args:
        table: Predictions of region detection of one model and seed.
        read: Sample id -> image (S, S) in [0, 1] and its frame.
        count: How many radiographs.
    """
    overlap = pd.Series(row_overlaps(table), table.index).groupby(table["sample_id"]).mean()
    plot, axes = panels(min(count, len(overlap)))
    for axis, sample_id in zip(axes, overlap.sort_values().index[:count], strict=True):
        image_SS, frame = read(sample_id)
        rows = table[table["sample_id"].eq(sample_id) & table["entity"].isin(SHOWN_REGIONS)]
        axis.imshow(image_SS, cmap="gray", vmin=0, vmax=1)
        for name, colour in (("boxes", "lime"), ("predicted", "red")):
            draw_boxes(axis, frame.to_square(np.asarray(rows[name].to_list(), np.float32).reshape(-1, 4)), colour)
        axis.set_title(f"mean overlap {overlap[sample_id]:.2f}", fontsize=7)
    return plot


def detections(table: pd.DataFrame, read: Read, count: int = 8) -> Plot:
    """Radiographs with true boxes (green) and predicted ones (red, with score) of a label, the worst first.

    Worst are those with most true boxes that no prediction meets and most predictions on nothing. A predicted box is
    drawn from the threshold of its row on: every label and every fold chose one.

    Args:
        table: Predictions of localization of one model and seed.
        read: Sample id -> image (S, S) in [0, 1] and its frame.
        count: How many rows.
    """
    shown = [_above(row.boxes, row.predicted, row.scores, row.threshold) for row in table.itertuples()]
    order = sorted(range(len(shown)), key=lambda index: -_faults(*shown[index][:2]))
    chosen = [index for index in order if len(shown[index][0]) or len(shown[index][1])][:count]
    plot, axes = panels(len(chosen))
    for axis, index in zip(axes, chosen, strict=True):
        image_SS, frame = read(table.iloc[index]["sample_id"])
        true_K4, predicted_K4, score_K = shown[index]
        axis.imshow(image_SS, cmap="gray", vmin=0, vmax=1)
        axis.set_title(table.iloc[index]["entity"], fontsize=7)
        draw_boxes(axis, frame.to_square(true_K4), "lime")
        moved_K4 = frame.to_square(predicted_K4)
        draw_boxes(axis, moved_K4, "red")
        for (x, y, _, _), score in zip(moved_K4, score_K, strict=True):
            axis.text(x + 1, y + 1, f"{score:.2f}", fontsize=5, color="red", va="top")
    return plot


def _above(
    boxes: Sequence[float], predicted: Sequence[float], scores: Sequence[float], threshold: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """True boxes (K, 4), predicted boxes (N, 4) above the threshold, and their scores (N,)."""
    score_N = np.asarray(scores, np.float32)
    kept_N = score_N >= threshold
    return (
        np.asarray(boxes, np.float32).reshape(-1, 4),
        np.asarray(predicted, np.float32).reshape(-1, 4)[kept_N],
        score_N[kept_N],
    )


def _faults(true_K4: NDArray[np.float32], predicted_N4: NDArray[np.float32]) -> int:
    """True boxes without a prediction of overlap 0.4, and predictions without a true box of that overlap."""
    if not len(true_K4) or not len(predicted_N4):
        return len(true_K4) + len(predicted_N4)
    met_KN = overlaps(true_K4.astype(float), predicted_N4.astype(float)) >= 0.4
    return int((~met_KN.any(1)).sum() + (~met_KN.any(0)).sum())

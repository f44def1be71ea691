"""Trials of grounding: an image, a finding with boxes and a map; which threshold fits them, what is read off them.

K boxes, h x w grid of the patches, S side of the frame, T thresholds, N trials.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from gkmvlp.entities import of_label
from gkmvlp.geometry import Letterbox
from gkmvlp.metrics.tasks.grounding import iou
from gkmvlp.models.regions import coverage
from gkmvlp.tasks.parts.heat_maps import SHARES, Float, contrast_to_noise, enlarge, image_area, inside, peak, top_boxes

FOLDS = 5  # of test patients, where only they have boxes


@dataclass(frozen=True)
class Trial:
    """A label that is present in an image with boxes.

    Attributes:
        sample_id: The image.
        patient_id: Its patient.
        label: The data set's name of the finding.
        frame: From the original image to the square.
        box_K4: Its boxes xyxy in pixels of the frame.
        map_hw: Where the finding is said to be.
    """

    sample_id: str
    patient_id: str
    label: str
    frame: Letterbox
    box_K4: Float
    map_hw: Float


def training_trials(data: Any, labels: Sequence[str], side: int) -> list[Trial]:
    """The boxes of training images as trials without a map; an image is read only where its size is not known."""
    trials = []
    for sample in data.upright([sample for sample in data.rows("train") if sample.finding_K4.any()]):
        if sample.size is None:
            frame = data.read(sample)[1]
        else:
            width, height = sample.size
            frame = Letterbox.fit(width, height, side, data.resize_mode)
        finding_K = np.where(sample.finding_K4.any(1), sample.fields["finding"], -1)
        for index in sorted(set(finding_K) - {-1}):
            box_K4 = frame.to_square(sample.finding_K4[finding_K == index]).clip(0, side)
            empty = np.zeros((0, 0), np.float32)
            trials.append(Trial(sample.sample_id, sample.patient_id, labels[index], frame, box_K4, empty))
    return trials


def folds_of(trials: Sequence[Trial]) -> list[tuple[list[Trial], list[Trial]]]:
    """Each fold of patients with all the other folds."""
    place = {patient: rank % FOLDS for rank, patient in enumerate(sorted({trial.patient_id for trial in trials}))}
    parts = [[trial for trial in trials if place[trial.patient_id] == fold] for fold in range(FOLDS)]
    return [(part, [trial for other in parts if other is not part for trial in other]) for part in parts if part]


def prior_maps(trials: Sequence[Trial], side: int, grid: tuple[int, ...]) -> dict[str, Float]:
    """Label -> how much of each patch lies in its boxes, the mean over trials; "" -> the mean over all trials."""
    covered: dict[str, list[Float]] = {}
    for trial in trials:
        box_1K4 = torch.from_numpy(trial.box_K4 / side)[None]
        map_hw = coverage(box_1K4, (grid[0], grid[1]))[0].amax(0).view(*grid).numpy()
        for name in ("", trial.label):
            covered.setdefault(name, []).append(map_hw)
    flat = {"": np.zeros(grid, np.float32)}  # of no trial at all
    return flat | {name: np.mean(maps, axis=0, dtype=np.float32) for name, maps in covered.items()}


def with_maps(trials: Sequence[Trial], maps: Mapping[str, Float]) -> list[Trial]:
    """The same trials with the map of their label, or that of "" where the label has none."""
    return [replace(trial, map_hw=maps.get(trial.label, maps[""])) for trial in trials]


def best_threshold(trials: Sequence[Trial], side: int) -> int:
    """Which of ``SHARES`` gives the largest mean IoU of the top box; the middle one where there is no trial."""
    if not trials:
        return len(SHARES) // 2
    iou_NT = []
    for trial in trials:
        box_T4 = top_boxes(enlarge(trial.map_hw, side), image_area(trial.frame, side)).astype(float)
        iou_NT.append([iou(box_4, trial.box_K4.astype(float)).max() for box_4 in box_T4])
    return int(np.mean(iou_NT, axis=0).argmax())


def trial_row(trial: Trial, side: int, threshold: int) -> dict[str, Any]:
    """One row of the predictions; point and boxes in pixels of the original image."""
    map_SS, area_SS = enlarge(trial.map_hw, side), image_area(trial.frame, side)
    row, column = peak(map_SS, area_SS)
    point_4 = np.array([column + 0.5, row + 0.5] * 2, np.float32)
    top_4 = top_boxes(map_SS, area_SS)[threshold]
    original_N4 = trial.frame.to_original(np.stack([point_4, top_4, *trial.box_K4])).astype(float)
    found = of_label(trial.label)
    return {
        "sample_id": trial.sample_id,
        "patient_id": trial.patient_id,
        "entity": found.name if found else trial.label,
        "lateral": found is not None and found.lateral,
        "boxes": original_N4[2:].ravel().tolist(),
        "x": original_N4[0, 0],
        "y": original_N4[0, 1],
        "top_box": original_N4[1].tolist(),
        "cnr": contrast_to_noise(map_SS, inside(trial.box_K4, side), area_SS),
        "threshold": SHARES[threshold],
    }


def empty_row(sample_id: str, patient_id: str, label: str) -> dict[str, Any]:
    """A row that is no trial: it keeps a file without trials readable, and its figures null."""
    nowhere = {"boxes": [], "x": np.nan, "y": np.nan, "top_box": [], "cnr": np.nan, "threshold": np.nan}
    return {"sample_id": sample_id, "patient_id": patient_id, "entity": label, "lateral": False, **nowhere}

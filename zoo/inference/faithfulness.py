"""Whether what a model says of a finding rests on the finding: hidden and mirrored radiographs, read again.

N images, B images read at once, S side of the frame, K boxes, R regions, E entities.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from gkmvlp.anatomy import REGION_INDEX
from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.pipeline.dataset import SampleDataset
from gkmvlp.data_modules.pipeline.quiet import one_opencv_thread_a_worker
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.data_modules.pipeline.splits import unit_hash
from gkmvlp.entities import of_label
from gkmvlp.errors import ConfigError
from gkmvlp.geometry import Letterbox
from gkmvlp.metrics.assemble import BASELINE
from gkmvlp.metrics.counterfactual import Fill, Float, elsewhere, hidden, mirrored_regions, side_of_boxes
from gkmvlp.models.gk_mvlp import ImageMemory
from gkmvlp.tasks.parts.heat_maps import Mask, image_area, inside
from gkmvlp.zoo.inference.outputs import Output, name_in
from gkmvlp.zoo.inference.prediction import hot_box
from gkmvlp.zoo.inference.predictor import Predictor

BATCH = 32
DRAWS = 4  # random places of a region, whose mean stands against it
MOST = 0.5  # share of the image that a region may cover: of a larger one there is no other place
_LUNGS = [REGION_INDEX["right lung"], REGION_INDEX["left lung"]]
_OTHER = {"right": "left", "left": "right"}
Row = dict[str, Any]


@dataclass(frozen=True)
class Trial:
    """A finding that is present in an image with boxes.

    Attributes:
        sample_id: The image.
        patient_id: Its patient.
        name: What the model calls the finding.
        entity: Name of the entity, or the data set's where it is none.
        lateral: Whether it can lie on either side.
        image_SS: The image in its frame.
        frame: From the original image to the frame.
        box_K4: Its boxes in pixels of the frame.
        region_R4: Region boxes as fractions of the frame.
        mask_R: Which regions have a box.
    """

    sample_id: str
    patient_id: str
    name: str
    entity: str
    lateral: bool
    image_SS: Float
    frame: Letterbox
    box_K4: Float
    region_R4: Float
    mask_R: Mask

    @property
    def side(self) -> int:
        """Side of the frame in pixels."""
        return len(self.image_SS)

    @property
    def area_SS(self) -> Mask:
        """Where the image is."""
        return image_area(self.frame, self.side)

    @property
    def image_4(self) -> Float:
        """The box of the image in pixels of the frame."""
        return self.frame.to_square(np.array([[0, 0, self.frame.width, self.frame.height]], np.float32))[0]

    @property
    def chest_4(self) -> Float:
        """The box around both lungs in pixels of the frame; that of the image where their regions have no box."""
        if not self.mask_R[_LUNGS].all():
            return self.image_4
        lung_24 = self.region_R4[_LUNGS] * np.float32(self.side)
        return np.concatenate([lung_24[:, :2].min(0), lung_24[:, 2:].max(0)])


def boxed_rows(data: DataModule, split: str) -> list[Sample]:
    """Rows with boxes of findings, in the order of a hash of their ids: the first of them are a sample.

    Args:
        data: The data set, set up.
        split: ``test``, or ``all`` for a model that never saw the data.

    Raises:
        ConfigError: If there is none.
    """
    samples = data.samples if split == "all" else data.rows(split)
    rows = [row for row in samples if row.finding_K4 is not None and row.finding_K4.any()]
    if not rows:
        raise ConfigError(f"{data.name}: no {split} image has a box of a finding; take a data set with boxes")
    return sorted(rows, key=lambda row: unit_hash(row.sample_id, "faithfulness"))


def trials_of(
    predictor: Predictor, data: DataModule, rows: Sequence[Sample], stand_ins: Mapping[str, str]
) -> Iterator[Trial]:
    """The trials of rows, image by image: labels in the data set's order that the model has a name for."""
    labels: Sequence[str] = data.labels  # type: ignore[attr-defined]
    names = {label: name for label in labels if (name := name_in(predictor, label, stand_ins)) is not None}
    if not names:
        raise ConfigError(
            f"the model knows none of the labels {', '.join(labels)}: name stand-ins by --as LABEL=ENTITY"
        )
    dataset = SampleDataset(rows, data.read, predictor.regions)
    workers = {"num_workers": data.num_workers, "worker_init_fn": one_opencv_thread_a_worker}
    for items in DataLoader(dataset, BATCH, collate_fn=list, **workers):  # type: ignore[arg-type]
        for item in items:
            yield from _trials(item, labels, names)


def _trials(item: Mapping[str, Any], labels: Sequence[str], names: Mapping[str, str]) -> Iterator[Trial]:
    image_SS = item["image"][0].numpy()
    box_K4 = (item["finding_box"] * len(image_SS)).numpy()
    finding_K = np.where(item["finding_mask"].numpy(), item["finding"], -1)
    for index in sorted(set(finding_K) - {-1}):
        if (label := labels[index]) in names:
            found = of_label(label)
            yield Trial(
                item["sample_id"], item["patient_id"], names[label], found.name if found else label,
                found is not None and found.lateral, image_SS, Letterbox(*item["letterbox"].tolist()),
                box_K4[finding_K == index], item["region_box"].numpy(), item["region_mask"].numpy(),
            )  # fmt: skip


class Shown(NamedTuple):
    """An image as it is shown to the model, (S, S), with its regions."""

    image_SS: Float
    region_R4: Float
    mask_R: Mask


def counterfactual_rows(
    predictor: Predictor, outputs: Mapping[str, Output], trials: Sequence[Trial], fill: Fill
) -> tuple[list[Row], dict[str, int]]:
    """Rows of ``metrics.tasks.faithfulness``, those of the baseline too, and how many trials each region left out.

    Args:
        predictor: The model.
        outputs: From ``outputs_of``.
        trials: What is hidden.
        fill: What hides it.
    """
    shown: list[Shown] = []
    kept: list[tuple[Trial, str]] = []
    left_out: dict[str, int] = {}
    for trial in trials:
        for region, box_K4 in _regions(predictor, trial).items():
            if inside(box_K4, trial.side)[trial.area_SS].mean() > MOST:
                left_out[region] = left_out.get(region, 0) + 1
                continue
            kept.append((trial, region))
            shown += _variants(trial, region, box_K4, fill)
    names = [trial.name for trial, _ in kept for _ in range(2 + DRAWS)]
    rows: list[Row] = []
    for name, said_N in ask(predictor, outputs, shown, names).items() if kept else ():
        for (trial, region), (whole, without, *others) in zip(kept, said_N.reshape(len(kept), -1), strict=True):
            row = {"sample_id": trial.sample_id, "patient_id": trial.patient_id, "entity": trial.entity,
                   "output": name, "region": region, "whole": whole}  # fmt: skip
            rows.append({**row, "model": "model", "hidden": without})
            rows.append({**row, "model": f"{BASELINE}random_region", "hidden": float(np.mean(others))})
    return rows, left_out


def _regions(predictor: Predictor, trial: Trial) -> dict[str, Float]:
    """What is hidden: the true boxes, and where the prompt looks, where the model has prompts that look."""
    found = of_label(trial.name)
    name = found.name if found else trial.name
    memory = encode(predictor, [Shown(trial.image_SS, trial.region_R4, trial.mask_R)])
    if not isinstance(memory, ImageMemory) or name not in predictor.entities:
        return {"boxes": trial.box_K4}
    map_P = memory.grounded.patch_attention[0, predictor.entities.index(name)]
    map_hw = map_P.unflatten(-1, memory.features.grid).float().cpu().numpy()
    return {"boxes": trial.box_K4, "attended": hot_box(map_hw, trial.side, trial.frame)}


def _variants(trial: Trial, region: str, box_K4: Float, fill: Fill) -> list[Shown]:
    """The image whole, with the region hidden, and with as many pixels hidden elsewhere, ``DRAWS`` times."""
    rng = np.random.default_rng(int(2**53 * unit_hash(f"{trial.sample_id}/{trial.entity}/{region}")))
    places = [box_K4, *(elsewhere(box_K4, trial.chest_4, trial.image_4, rng) for _ in range(DRAWS))]
    images = [trial.image_SS, *(hidden(trial.image_SS, inside(p, trial.side), trial.area_SS, fill) for p in places)]
    return [Shown(image_SS, trial.region_R4, trial.mask_R) for image_SS in images]


def laterality_rows(predictor: Predictor, outputs: Mapping[str, Output], trials: Sequence[Trial]) -> list[Row]:
    """Rows of ``metrics.tasks.laterality``: of findings that can lie on either side, with all boxes on one."""
    asked = {name: output for name, output in outputs.items() if output.takes_sides}
    sided = [(trial, side) for trial in trials if trial.lateral if (side := side_of_boxes(trial.box_K4, trial.image_4))]
    if not asked or not sided:
        return []
    shown, names = [], []
    for trial, side in sided:
        turned_SS = np.ascontiguousarray(trial.image_SS[:, ::-1])
        turned = Shown(turned_SS, *mirrored_regions(trial.region_R4, trial.mask_R))
        shown += [Shown(trial.image_SS, trial.region_R4, trial.mask_R)] * 2 + [turned] * 2
        names += [f"{one} {trial.name}" for one in (side, _OTHER[side], _OTHER[side], side)]
    rows = []
    for name, said_N in ask(predictor, asked, shown, names).items():
        for (trial, side), (true, other, turned_true, turned_other) in zip(sided, said_N.reshape(-1, 4), strict=True):
            row = {"sample_id": trial.sample_id, "patient_id": trial.patient_id, "entity": trial.entity, "side": side}
            rows.append({**row, "output": name, "margin": true - other, "mirrored": turned_true - turned_other})
    return rows


def ask(
    predictor: Predictor, outputs: Mapping[str, Output], shown: Sequence[Shown], names: Sequence[str]
) -> dict[str, NDArray[np.float64]]:
    """What a model says of N images, by output, (N,); ``names`` are what each is asked of."""
    parts: dict[str, list[NDArray[np.float64]]] = {name: [] for name in outputs}
    for start in range(0, len(shown), BATCH):
        memory = encode(predictor, shown[start : start + BATCH])
        for name, output in outputs.items():
            asked = [output.wording.format(name=one) for one in names[start : start + BATCH]]
            parts[name].append(output.ask(memory, asked))
    return {name: np.concatenate(blocks) for name, blocks in parts.items()}


def encode(predictor: Predictor, shown: Sequence[Shown]) -> ImageMemory:
    """Images as memory."""
    image_BSS, region_BR4, mask_BR = (np.stack(part) for part in zip(*shown, strict=True))
    batch: dict[str, Tensor] = {
        "image": torch.from_numpy(image_BSS)[:, None].to(predictor.device),
        "region_box": torch.from_numpy(region_BR4).to(predictor.device),
        "region_mask": torch.from_numpy(mask_BR).to(predictor.device),
    }
    return predictor.encode_images(cast(Any, batch))

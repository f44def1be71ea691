"""Grounding without training: where a prompt of the grounded-knowledge module looks, against boxes of its finding.

B batch, E entities, K boxes, h x w grid of the patches.
"""

from typing import Any

import numpy as np
import pandas as pd
from lightning import LightningDataModule

from gkmvlp.batch import BoxBatch
from gkmvlp.entities import entity, of_label
from gkmvlp.errors import ConfigError
from gkmvlp.geometry import Letterbox
from gkmvlp.models.config import Architecture
from gkmvlp.tasks.base import Task
from gkmvlp.tasks.parts.grounding_trials import (
    FOLDS,
    Trial,
    best_threshold,
    empty_row,
    folds_of,
    prior_maps,
    training_trials,
    trial_row,
    with_maps,
)
from gkmvlp.tasks.parts.optimization import OptimizerConfig

MIN_ATTENTION = 1e-12  # attention below it counts as it: hard routing makes zeros


class Grounding(Task):
    """Scores the patch attention of the backbone as it is, heads averaged, last layer, on boxes of findings.

    Its logarithm is the map, as similarities are elsewhere: the softmax that sharpens it is for mixing values.
    The baseline ``prior_box`` reads no image: the mean map of the label's training boxes takes the place of the
    attention. The threshold of the top box is the one of the largest mean IoU on validation trials, for the baseline
    likewise. Where boxes lie on test images alone, five folds of their patients are made, and the others stand for both
    splits.

    Args:
        architecture: What the backbone must be; ``null`` takes its own.
        backbone: Folder of a backbone; ``null`` measures one that was not trained.
        label_to_entity: Label to the entity whose prompt is read where the backbone has none of the label's own.
        seed: Names the run in its predictions.
    """

    is_trained = False

    def __init__(
        self,
        architecture: Architecture | None = None,
        backbone: str | None = None,
        label_to_entity: dict[str, str] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(architecture, backbone, OptimizerConfig())
        self.prompts, self.seed = label_to_entity or {}, seed
        self.trials: list[Trial] = []

    def prepare(self, datamodule: LightningDataModule) -> None:
        """Loads the backbone and finds the prompt of each label.

        Raises:
            ConfigError: If ``label_to_entity`` names no entity, or no label has a prompt in the backbone.
        """
        super().prepare(datamodule)
        names = self.architecture.knowledge.entities
        self.labels: tuple[str, ...] = tuple(datamodule.labels)  # type: ignore[attr-defined]
        self.prompt_of: dict[str, str] = {}
        for label in self.labels:
            found = of_label(label)
            candidates = [found.name] if found is not None else []
            if label in self.prompts:
                candidates.append(entity(self.prompts[label]).name)
            if available := [name for name in candidates if name in names]:
                self.prompt_of[label] = available[0]
        if not self.prompt_of:
            raise ConfigError(
                f"none of the labels {', '.join(self.labels)} has a prompt in the backbone: set label_to_entity"
            )

    def on_test_epoch_start(self) -> None:  # noqa: D102
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        self.trials, self.without_prompt = [], dict[str, int]()
        self.validation: list[Trial] = []
        if any(sample.finding_K4.any() for sample in data.rows("validate")):
            for batch in data.val_dataloader():
                self.validation += self.trials_of(self.transfer_batch_to_device(batch, self.device, 0))

    def test_step(self, batch: BoxBatch, batch_idx: int) -> None:  # noqa: D102
        self.trials += self.trials_of(batch)
        for label in np.asarray(self.labels)[batch["finding"][batch["finding_mask"]].cpu().numpy()]:
            if label not in self.prompt_of:
                self.without_prompt[label] = self.without_prompt.get(label, 0) + 1

    def trials_of(self, batch: BoxBatch) -> list[Trial]:
        """The trials of a batch, images in order, labels in theirs."""
        image = self.encode_images(batch)
        attention_BEP = image.grounded.patch_attention.float().clamp_min(MIN_ATTENTION)
        map_BEhw = attention_BEP.log().unflatten(-1, image.features.grid).cpu().numpy()
        box_BK4 = (batch["finding_box"] * self.architecture.image_size).cpu().numpy()
        finding_BK = batch["finding"].where(batch["finding_mask"], -1).cpu().numpy()
        trials = []
        for b, sample_id in enumerate(batch["sample_id"]):
            frame = Letterbox(*batch["letterbox"][b].tolist())
            for index in sorted(set(finding_BK[b]) - {-1}):
                label = self.labels[index]
                if label in self.prompt_of:
                    column = self.architecture.knowledge.entities.index(self.prompt_of[label])
                    box_K4, map_hw = box_BK4[b][finding_BK[b] == index], map_BEhw[b, column]
                    trials.append(Trial(sample_id, batch["patient_id"][b], label, frame, box_K4, map_hw))
        return trials

    def on_test_epoch_end(self) -> None:  # noqa: D102
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        training = training_trials(data, self.labels, self.architecture.image_size)
        if not self.trials:
            first = data.rows("test")[0]
            predictions = [{**empty_row(first.sample_id, first.patient_id, self.labels[0]), "model": self.model_name}]
        elif training and self.validation:
            predictions = self.score_trials(self.trials, self.validation, training)
        else:
            folds = folds_of(self.trials)
            parts = [self.score_trials(part, self.validation or rest, training or rest) for part, rest in folds]
            predictions = [row for part in parts for row in part]
        table = pd.DataFrame(predictions).assign(seed=self.seed)
        self.save_predictions("grounding", table, **self.description(bool(training)))

    def description(self, has_training: bool) -> dict[str, Any]:
        """Metadata of the predictions: how maps and threshold came about, what was left out."""
        stand_ins = {label: name for label, name in self.prompts.items() if self.prompt_of.get(label) == name}
        signature = {
            "layers": "last",
            "map": f"log attention, bicubic to {self.architecture.image_size}, image area",
            "prompts": ", ".join(f"{label} as {name}" for label, name in sorted(stand_ins.items())) or "own",
            "threshold": f"share of range, chosen on {'validation' if self.validation else 'other test folds'}",
        }
        notes = [f"without a prompt, left out: {label} ({n} boxes)" for label, n in sorted(self.without_prompt.items())]
        if not has_training:
            notes.append(f"prior_box from the other of {FOLDS} folds of test patients: training images have no boxes")
        return {"signature": signature, "note": "; ".join(notes) or None}

    def score_trials(self, part: list[Trial], chosen_on: list[Trial], training: list[Trial]) -> list[dict[str, Any]]:
        """Rows of the model and of the baseline.

        Args:
            part: Trials to score, at least one.
            chosen_on: Trials on which the thresholds are chosen.
            training: Trials whose boxes make the baseline.
        """
        side = self.architecture.image_size
        priors = prior_maps(training, side, part[0].map_hw.shape)
        rows = []
        for name, read, learned in (
            (self.model_name, part, chosen_on),
            ("baseline:prior_box", with_maps(part, priors), with_maps(chosen_on, priors)),
        ):
            threshold = best_threshold(learned, side)
            rows += [{**trial_row(trial, side, threshold), "model": name} for trial in read]
        return rows

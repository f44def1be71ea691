"""A trained model opened from its folder: backbone, head, calibration and density, together on one device."""

from pathlib import Path
from typing import Self, cast

import torch
from torch import nn

from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints import heads
from gkmvlp.checkpoints.backbone import Backbone
from gkmvlp.checkpoints.calibration_file import Calibration, Scores, read_calibration, write_calibration
from gkmvlp.checkpoints.card_texts import row_of
from gkmvlp.checkpoints.density_file import Density, read_density, write_density
from gkmvlp.checkpoints.heads import Head
from gkmvlp.checkpoints.hub import HubModel
from gkmvlp.data_modules.pipeline.samples import BoxSource, RegionPolicy
from gkmvlp.errors import BackboneError
from gkmvlp.hardware import device_named
from gkmvlp.models.heads.answer_head import AnswerHead
from gkmvlp.models.heads.category_head import CategoryHead
from gkmvlp.models.heads.label_head import LabelHead
from gkmvlp.notices import NO_PATIENT, trained_on_patients
from gkmvlp.zoo.inference.preprocess import Preprocess
from gkmvlp.zoo.inference.readings import Reader


class LoadedModel(HubModel):
    """A backbone, or a model fine-tuned for one task, with everything that prepares an image for it.

    Args:
        backbone: Model and tokenizer.
        head: How questions are answered, reports written, labels scored or boxes predicted; None for a bare backbone.
        device: Where it runs.
        calibration: What its scores mean; None where nobody measured it.
        density: Where the images that it was trained on lie; None where nobody measured it.
    """

    def __init__(
        self,
        backbone: Backbone,
        head: Head | None,
        device: torch.device,
        calibration: Calibration | None = None,
        density: Density | None = None,
    ) -> None:
        self.backbone, self.head, self.device, self.info = backbone, head, device, backbone.info
        self.calibration, self.density = calibration, density
        self.architecture = backbone.model.architecture
        self.model = backbone.model.to(device).eval()
        if isinstance(head, AnswerHead) and head.classifier is not None:
            head.classifier.to(device).eval()
        if isinstance(head, nn.Module):
            head.to(device).eval()
        self.entities = list(self.architecture.knowledge.entities)
        self.notice = None if trained_on_patients(backbone.info) else NO_PATIENT
        self.preprocess = Preprocess(self.architecture)
        self.region_boxes: BoxSource = "fitted" if backbone.info.get("region_boxes") == "fitted" else "atlas"
        self.regions = RegionPolicy(self.region_boxes, backbone.atlas)

    @classmethod
    def open_folder(cls, folder: Path, device: str | None = None) -> Self:  # type: ignore[override]
        """What lies in a folder."""
        backbone = backbones.load(folder)
        model = cls(backbone, heads.load(folder, backbone), device_named(device))
        model.calibration = read_calibration(folder, model.scored)
        model.density = read_density(folder, model.architecture.text.hidden_size)
        return model

    def write_folder(self, folder: Path) -> None:
        """Writes the whole folder anew."""
        heads.save(self.backbone, self.head, folder)
        if self.calibration is not None:
            write_calibration(folder, self.calibration)
        if self.density is not None:
            write_density(folder, self.density)

    def __repr__(self) -> str:
        what = f"{self.system}, {self.reads_as}, trained on {self.info.get('trained_on', 'unknown data')}"
        return f"{type(self).__name__}({what}, {self.architecture.image_size} px, {self.device})"

    @property
    def system(self) -> str:  # noqa: D102
        return self.backbone.system

    @property
    def reads_as(self) -> str:
        """The word by which ``gkmvlp predict`` uses it, by what it was trained for."""
        return row_of(str(self.info.get("task") or "pretraining"), self.system).reads_as

    @property
    def probabilities(self) -> str:  # noqa: D102
        return super().probabilities if self.calibration is None else self.calibration.summary

    @property
    def temperature(self) -> float:
        """By which scores of answers or classes become probabilities: that of the calibration, or 1."""
        answers = self.calibration.answers if self.calibration else None
        return answers.temperature if answers else 1.0

    @property
    def scored(self) -> dict[Scores, list[str]]:
        """Kind of score that the model gives of findings -> their names."""
        if isinstance(self.head, LabelHead):
            return {"labels": list(self.head.labels)}
        return {"entities": self.entities, "zero_shot": self.entities} if self.head is None else {}

    @property
    def choices(self) -> tuple[str, ...]:
        """The known answers, or classes, of which a text with an image gets one; empty where the model knows none."""
        if isinstance(self.head, CategoryHead):
            return self.head.classes
        is_choosing = isinstance(self.head, AnswerHead) and self.head.mode != "generate"
        return tuple(cast(AnswerHead, self.head).answers) if is_choosing else ()

    def reader(self, kind: Scores, at: str | None = None) -> Reader:
        """What makes probabilities of scores; ``at`` names an operating point (see ``Reader``)."""
        return Reader(self.calibration, kind, at)


def require_backbone(loaded: LoadedModel, what: str) -> None:
    """Refuses a fine-tuned model where only a bare backbone has what is asked.

    Raises:
        BackboneError: If the model has a head.
    """
    if loaded.head is not None:
        raise BackboneError(
            f"a model fine-tuned for {heads.knowledge_of(loaded.head)} has no {what}: name the backbone it came from"
        )


def lacking_head(what: str, target: str) -> BackboneError:
    """The error of a model without the head that was asked.

    Args:
        what: What a model with it does.
        target: Of ``make``, which fine-tunes one.
    """
    return BackboneError(
        f"only a model fine-tuned for {what}: fine-tune a backbone (make {target}) "
        "and name the folder model/ that this leaves"
    )

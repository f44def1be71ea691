"""Report generation: the decoder reads the image's memory and writes the report.

B images, E entities.
"""

from collections import Counter
from dataclasses import asdict
from typing import Any, cast

import pandas as pd
import torch
from torch import Tensor
from torchmetrics.classification import BinaryF1Score

from gkmvlp.batch import ImageBatch, StudyBatch
from gkmvlp.checkpoints import heads
from gkmvlp.checkpoints.backbone import Backbone
from gkmvlp.metrics.report_entities import present
from gkmvlp.models.config import Architecture
from gkmvlp.models.generation import DecodingConfig, generate_texts
from gkmvlp.models.lora import Adaptation
from gkmvlp.tasks.fine_tuning import FineTuning
from gkmvlp.tasks.parts.optimization import OptimizerConfig


class ReportGeneration(FineTuning):
    """Writes reports, and leaves ``model/``, which ``gkmvlp predict`` reads, in the run's folder.

    Args:
        architecture: What to build from scratch, or what the backbone must be; ``null`` takes the backbone's own.
        backbone: Folder of a backbone; ``null`` starts from scratch.
        optimizer: How weights move.
        scratch_lr: Peak learning rate where ``backbone`` is null; without it that of ``optimizer``.
        freeze_image_branch: Only the text model is trained. From scratch this has no effect.
        cache_image_memory: Compute what language reads of an image once: for small models, with
            ``freeze_image_branch`` and without augmentation. Regions are those of the first look.
        label_smoothing: Share of each target token spread over the vocabulary.
        decoding: How a report is written, in validation, test and ``gkmvlp predict``.
        adapter: ``lora`` trains small matrices beside the backbone's layers instead of these; or its options.
        seed: Names the run in its predictions, and starts the chance of ``decoding.strategy: sample``.
    """

    monitor = ("val/entity_f1", "max")

    def __init__(
        self,
        architecture: Architecture | None = None,
        backbone: str | None = None,
        optimizer: OptimizerConfig = OptimizerConfig(),  # noqa: B008 - jsonargparse reads defaults of dataclasses
        scratch_lr: float | None = None,
        freeze_image_branch: bool = False,
        cache_image_memory: bool = False,
        label_smoothing: float = 0.1,
        decoding: DecodingConfig = DecodingConfig(),  # noqa: B008
        adapter: Adaptation = None,
        seed: int = 0,
    ) -> None:
        super().__init__(
            architecture, backbone, optimizer, scratch_lr, freeze_image_branch, seed, cache_image_memory, adapter
        )
        self.label_smoothing, self.decoding = label_smoothing, decoding
        self.entity_f1 = BinaryF1Score()

    def training_step(self, batch: StudyBatch, batch_idx: int) -> Tensor:  # noqa: D102
        memory = self.encode_images_cached(batch, batch["sample_id"]).memory
        loss = self.text_loss(batch["text"], memory, label_smoothing=self.label_smoothing)
        self.log("train/loss", loss, batch_size=len(batch["text"]))
        return loss

    def generate(self, batch: ImageBatch) -> tuple[list[str], list[float]]:
        """A report of each image, and its log-likelihood in nats."""
        encoded, backbone = self.encode_images_cached(batch, batch["sample_id"]), cast(Backbone, self.backbone)
        return generate_texts(
            backbone.model,
            backbone.tokenizer,
            encoded.memory,
            decoding=self.decoding,
            generator=self.generator,
            present_BE=encoded.present,
        )

    def on_validation_epoch_start(self) -> None:
        """Every validation, and the test, draws alike."""
        self.generator = torch.Generator(self.device).manual_seed(self.seed)

    def validation_step(self, batch: StudyBatch, batch_idx: int) -> None:  # noqa: D102
        texts = self.generate(batch)[0], batch["text"]
        generated_BE, reference_BE = (torch.from_numpy(present(each)) for each in texts)
        self.entity_f1(generated_BE.int().flatten().to(self.device), reference_BE.int().flatten().to(self.device))
        self.log("val/entity_f1", self.entity_f1, on_epoch=True, batch_size=len(batch["text"]))

    def on_test_epoch_start(self) -> None:
        """Finds the baseline's report: the most frequent one of the training studies."""
        self.on_validation_epoch_start()
        self.predictions = []
        texts = self.trainer.datamodule.texts()  # type: ignore[attr-defined]
        self.most_common = Counter(texts).most_common(1)[0][0]

    def test_step(self, batch: StudyBatch, batch_idx: int) -> None:  # noqa: D102
        for b, (text, score) in enumerate(zip(*self.generate(batch), strict=True)):
            row: dict[str, Any] = {"sample_id": batch["sample_id"][b], "patient_id": batch["patient_id"][b]}
            row |= {"study_id": batch["study_id"][b], "seed": self.seed, "target": batch["text"][b]}
            self.predictions.append({**row, "model": self.model_name, "prediction": text, "score": score})
            baseline = {"model": "baseline:most_common_report", "prediction": self.most_common, "score": float("nan")}
            self.predictions.append({**row, **baseline})

    def on_test_epoch_end(self) -> None:  # noqa: D102
        sections = getattr(self.trainer.datamodule, "sections", "both")  # type: ignore[attr-defined]
        signature = {"sections": sections}
        self.save_predictions(
            "report_generation", pd.DataFrame(self.predictions), signature=signature, decoding=asdict(self.decoding)
        )

    def on_fit_end(self) -> None:
        """Leaves the model of the best epoch."""
        if (best := self.best_backbone(task="report_generation", backbone=self.backbone_ref)) is not None:
            heads.save(best, self.decoding, self.run_dir / "model")

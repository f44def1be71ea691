"""Localization: boxes of findings by a RetinaNet on the encoder's patches.

B batch, K true boxes of an image, L labels, H halves of the frame, h x w grid of patches.
"""

from typing import Any

import numpy as np
import pandas as pd
import torch
from lightning import LightningDataModule
from torch import Tensor

from gkmvlp.batch import BoxBatch
from gkmvlp.checkpoints import heads
from gkmvlp.errors import ConfigError
from gkmvlp.geometry import Letterbox, original_boxes
from gkmvlp.losses.detection import focal_loss, giou_loss
from gkmvlp.metrics.detection import Image
from gkmvlp.metrics.tasks.localization import LOOSE, best_threshold, mean_average_precision
from gkmvlp.models.config import Architecture
from gkmvlp.models.heads.box_head import BoxHead
from gkmvlp.models.heads.detector import Detections, DetectorConfig, Truth
from gkmvlp.models.lora import Adaptation
from gkmvlp.tasks.fine_tuning import FineTuning
from gkmvlp.tasks.parts.optimization import OptimizerConfig

HALVES = 2  # of the frame: the prior box of a label is one in each


class Localization(FineTuning):
    """Finds the boxes of labels, and leaves ``model/``, which ``gkmvlp predict`` reads, in the run's folder.

    Args:
        architecture: What to build from scratch, or what the backbone must be; ``null`` takes the backbone's own.
        backbone: Folder of a backbone; ``null`` starts from scratch.
        optimizer: How weights move.
        scratch_lr: Peak learning rate where ``backbone`` is null; without it that of ``optimizer``.
        freeze_image_branch: The image encoder of the backbone is not trained. From scratch this has no effect.
        use_attention_maps: The pyramid also reads where the knowledge prompts look, and how present their entities are.
        detector: Levels, anchors and what is kept.
        adapter: ``lora`` trains small matrices beside the backbone's layers instead of these; or its options.
        seed: Names the run in its predictions; ``seed_everything`` decides what is drawn.
    """

    monitor = ("val/map_40_75", "max")
    prior_LH4: Tensor
    boxes_LH: Tensor

    def __init__(
        self,
        architecture: Architecture | None = None,
        backbone: str | None = None,
        optimizer: OptimizerConfig = OptimizerConfig(),  # noqa: B008 - jsonargparse reads defaults of dataclasses
        scratch_lr: float | None = None,
        freeze_image_branch: bool = False,
        use_attention_maps: bool = False,
        detector: DetectorConfig = DetectorConfig(),  # noqa: B008
        adapter: Adaptation = None,
        seed: int = 0,
    ) -> None:
        super().__init__(architecture, backbone, optimizer, scratch_lr, freeze_image_branch, seed, adapter=adapter)
        self.knowledge, self.config = use_attention_maps, detector
        self.labels: tuple[str, ...] = ()
        self.images: list[list[Image]] = []

    @property
    def model_name(self) -> str:  # noqa: D102
        return "variant:frozen" if self.is_frozen else super().model_name

    def prepare(self, datamodule: LightningDataModule) -> None:
        """Loads the backbone and puts a detector of the DataModule's labels on it.

        Raises:
            ConfigError: If the data has no boxes of findings.
        """
        if self.backbone is not None:
            return
        data: Any = datamodule
        if all(sample.finding_K4 is None for sample in data.samples):
            raise ConfigError(f"localization learns from boxes of findings, {data.name} has none: use RsnaPneumonia")
        super().prepare(datamodule)
        self.labels = data.labels
        self.head = BoxHead(self.model, self.labels, self.config, self.knowledge, focal_loss, giou_loss)
        # what training leaves for the test: mean true boxes, and how many there were
        self.register_buffer("prior_LH4", torch.zeros(len(self.labels), HALVES, 4))
        self.register_buffer("boxes_LH", torch.zeros(len(self.labels), HALVES))

    def maps(self, batch: BoxBatch) -> Tensor:
        """What the detector reads, (B, channels, h, w) float32."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.is_frozen):
            if not self.knowledge:
                return self.head.maps(self.model, self.model.vision(batch["image"]), None)
            image = self.encode_images(batch)
            return self.head.maps(self.model, image.features, image.grounded)

    def truths(self, batch: BoxBatch) -> list[Truth]:
        """The true boxes of each image, in pixels of the frame."""
        side = self.architecture.image_size
        rows = zip(batch["finding_box"], batch["finding"], batch["finding_mask"], strict=True)
        return [Truth(box_K4[mask_K] * side, label_K[mask_K]) for box_K4, label_K, mask_K in rows]

    def training_step(self, batch: BoxBatch, batch_idx: int) -> Tensor:  # noqa: D102
        truths = self.truths(batch)
        self.update_prior(truths)
        losses = self.head.detector.losses(self.maps(batch), truths)
        values = {f"train/{name}": loss.detach() for name, loss in losses.items()}
        self.log_dict(values, batch_size=len(truths))
        return torch.stack([loss.to(self.device) for loss in losses.values()]).sum()

    def update_prior(self, truths: list[Truth]) -> None:
        """Adds true boxes to the mean box of their label and half of the frame, for the baseline."""
        for box_K4, label_K in truths:
            half_K = (box_K4[:, 0] + box_K4[:, 2] > self.architecture.image_size).long()
            self.boxes_LH.index_put_((label_K, half_K), torch.ones_like(box_K4[:, 0]), accumulate=True)
            step_K4 = (box_K4 - self.prior_LH4[label_K, half_K]) / self.boxes_LH[label_K, half_K][:, None]
            self.prior_LH4.index_put_((label_K, half_K), step_K4, accumulate=True)

    def validation_step(self, batch: BoxBatch, batch_idx: int) -> None:  # noqa: D102
        detections = self.head.detector.detect(self.maps(batch))
        pairs = zip(self.truths(batch), detections, strict=True)
        self.images += [[as_image(*pair, label) for label in range(len(self.labels))] for pair in pairs]

    def on_validation_epoch_end(self) -> None:
        """The mean average precision over the labels that have a box; the threshold of each label."""
        values = []
        for label, images in enumerate(zip(*self.images, strict=True)):
            weight_1N = np.ones((1, len(images)), np.uint16)
            values.append(mean_average_precision(list(images), LOOSE, weight_1N)[0])
            self.head.threshold_L[label] = best_threshold(list(images))
        self.images = []
        defined = [value for value in values if not np.isnan(value)]
        # a number: GPUs have no mean of tensors that lie in main memory
        self.log("val/map_40_75", float(np.mean(defined)) if defined else 0.0, sync_dist=True)

    def on_test_epoch_start(self) -> None:  # noqa: D102
        self.predictions = []

    def test_step(self, batch: BoxBatch, batch_idx: int) -> None:  # noqa: D102
        detections = self.head.detector.detect(self.maps(batch))
        for b, (truth, detected) in enumerate(zip(self.truths(batch), detections, strict=True)):
            frame = Letterbox(*batch["letterbox"][b].tolist())
            for label, name in enumerate(self.labels):
                image = as_image(truth, detected, label)
                row: dict[str, Any] = {key: batch[key][b] for key in ("sample_id", "patient_id")}  # type: ignore[literal-required]
                row |= {"entity": name, "seed": self.seed, "boxes": original_boxes(frame, image.true_K4)[0].ravel()}
                prior_H4 = self.prior_LH4[label][self.boxes_LH[label] > 0].cpu().numpy()
                baseline = image._replace(predicted_P4=prior_H4, score_P=np.ones(len(prior_H4)))
                for model, output in ((self.model_name, image), ("baseline:prior_box", baseline)):
                    threshold = float(self.head.threshold_L[label]) if output is image else 1.0
                    box_P4, inside_P = original_boxes(frame, output.predicted_P4)
                    boxes = {"predicted": box_P4[inside_P].ravel(), "scores": output.score_P[inside_P]}
                    self.predictions.append({**row, **boxes, "model": model, "threshold": threshold})

    def on_test_epoch_end(self) -> None:  # noqa: D102
        self.save_predictions("localization", pd.DataFrame(self.predictions))

    def on_fit_end(self) -> None:
        """Leaves the model of the best epoch."""
        if (best := self.best_backbone(task="localization", backbone=self.backbone_ref)) is not None:
            heads.save(best, self.head, self.run_dir / "model")


def as_image(truth: Truth, detected: Detections, label: int) -> Image:
    """Truth and detections of one label, in pixels of the frame."""
    true_K, predicted_P = truth.label_K == label, detected.label_P == label
    parts = truth.box_K4[true_K], detected.box_P4[predicted_P], detected.score_P[predicted_P]
    return Image(*(part.double().cpu().numpy() for part in parts))

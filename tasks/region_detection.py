"""Region detection: the boxes of the 29 regions from the image alone.

B batch, R regions.
"""

from typing import Any

import numpy as np
import pandas as pd
import torch
from lightning import LightningDataModule
from torch import Tensor

from gkmvlp.anatomy import REGIONS
from gkmvlp.batch import ImageBatch
from gkmvlp.checkpoints import heads
from gkmvlp.errors import ConfigError
from gkmvlp.geometry import Letterbox
from gkmvlp.losses.regions import region_boxes
from gkmvlp.metrics.tasks.region_detection import row_overlaps
from gkmvlp.models.config import Architecture
from gkmvlp.models.heads.region_head import RegionHead
from gkmvlp.models.lora import Adaptation
from gkmvlp.tasks.fine_tuning import FineTuning
from gkmvlp.tasks.parts.optimization import OptimizerConfig


class RegionDetection(FineTuning):
    """Finds regions; learns from data with boxes of regions (``region_boxes: dataset``).

    Leaves ``model/`` in the run's folder, from which ``gkmvlp data regions`` writes the boxes of any data set.

    Args:
        architecture: What to build from scratch, or what the backbone must be; ``null`` takes the backbone's own.
        backbone: Folder of a backbone; ``null`` starts from scratch.
        optimizer: How weights move.
        scratch_lr: Peak learning rate where ``backbone`` is null; without it that of ``optimizer``.
        freeze_image_branch: The image encoder of the backbone is not trained. From scratch this has no effect.
        adapter: ``lora`` trains small matrices beside the backbone's layers instead of these; or its options.
        seed: Names the run in its predictions; ``seed_everything`` decides what is drawn.
    """

    monitor = ("val/region_iou", "max")

    def __init__(
        self,
        architecture: Architecture | None = None,
        backbone: str | None = None,
        optimizer: OptimizerConfig = OptimizerConfig(),  # noqa: B008 - jsonargparse reads defaults of dataclasses
        scratch_lr: float | None = None,
        freeze_image_branch: bool = False,
        adapter: Adaptation = None,
        seed: int = 0,
    ) -> None:
        super().__init__(architecture, backbone, optimizer, scratch_lr, freeze_image_branch, seed, adapter=adapter)

    @property
    def model_name(self) -> str:  # noqa: D102
        return "variant:frozen" if self.is_frozen else super().model_name

    def prepare(self, datamodule: LightningDataModule) -> None:
        """Loads the backbone and starts the regions from the atlas.

        Raises:
            ConfigError: If the data would show the atlas for the truth.
        """
        if self.backbone is not None:
            return
        if datamodule.boxes != "dataset":  # type: ignore[attr-defined]
            raise ConfigError("region detection learns from boxes of regions: set data.init_args.region_boxes=dataset")
        super().prepare(datamodule)
        data: Any = datamodule
        self.atlas = {view: torch.from_numpy(box_R4).float() for view, box_R4 in data.regions.atlas.items()}
        self.views = dict(zip(data.samples.values("sample_id"), data.samples.values("view"), strict=True))
        self.head = RegionHead(self.architecture.text.hidden_size, self.atlas["PA"])

    def forward(self, batch: ImageBatch) -> tuple[Tensor, Tensor]:
        """Boxes (B, R, 4) xyxy in fractions of the frame, and log odds (B, R) that the region has one."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.is_frozen):
            patches_BPD = self.model.vision(batch["image"]).patches
        return self.head(patches_BPD)

    def training_step(self, batch: ImageBatch, batch_idx: int) -> Tensor:  # noqa: D102
        box_BR4, presence_BR = self(batch)
        losses = region_boxes(box_BR4, presence_BR, batch["region_box"], batch["region_mask"])
        values = {f"train/{name}": loss.detach() for name, loss in losses.items()}
        self.log_dict(values, batch_size=len(batch["image"]))
        return torch.stack(list(losses.values())).sum()

    def validation_step(self, batch: ImageBatch, batch_idx: int) -> None:  # noqa: D102
        self.predictions += self.predicted_rows(batch)

    def on_validation_epoch_end(self) -> None:  # noqa: D102
        table = pd.DataFrame([row for row in self.predictions if row["model"] == self.model_name])
        self.predictions = []
        self.log("val/region_iou", float(row_overlaps(table).mean()) if len(table) else 0.0, sync_dist=True)

    def predicted_rows(self, batch: ImageBatch) -> list[dict[str, Any]]:
        """One row an image and region with a true box, in original pixels, and the same of the atlas of its view."""
        box_BR4, presence_BR = self(batch)
        side = self.architecture.image_size
        rows = []
        for b, frame in enumerate(batch["letterbox"].tolist()):
            view = self.views.get(batch["sample_id"][b], "")
            sources = batch["region_box"][b], box_BR4[b], self.atlas.get(view, self.atlas["PA"])
            true_R4, predicted_R4, atlas_R4 = (
                Letterbox(*frame).to_original(source.float().cpu().numpy() * side) for source in sources
            )
            for r in np.flatnonzero(batch["region_mask"][b].cpu().numpy()):
                row: dict[str, Any] = {key: batch[key][b] for key in ("sample_id", "patient_id")}  # type: ignore[literal-required]
                row |= {"entity": REGIONS[r], "seed": self.seed, "boxes": true_R4[r]}
                score = float(presence_BR[b, r].sigmoid())
                rows.append({**row, "model": self.model_name, "predicted": predicted_R4[r], "score": score})
                rows.append({**row, "model": "baseline:prior_box", "predicted": atlas_R4[r], "score": 1.0})
        return rows

    def on_test_epoch_start(self) -> None:  # noqa: D102
        self.predictions = []

    def test_step(self, batch: ImageBatch, batch_idx: int) -> None:  # noqa: D102
        self.predictions += self.predicted_rows(batch)

    def on_test_epoch_end(self) -> None:  # noqa: D102
        self.save_predictions("region_detection", pd.DataFrame(self.predictions))

    def on_fit_end(self) -> None:
        """Leaves the model of the best epoch."""
        if (best := self.best_backbone(task="region_detection", backbone=self.backbone_ref)) is not None:
            heads.save(best, self.head, self.run_dir / "model")

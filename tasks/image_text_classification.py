"""Image-text classification: a text reads its image, and one class of several is named.

B batch, L classes, T tokens, D width.
"""

from collections import Counter
from typing import Any, cast

import pandas as pd
import torch
from lightning import LightningDataModule
from torch import Tensor
from torch.nn import functional as F

from gkmvlp.batch import ImageBatch, ImageTextBatch
from gkmvlp.checkpoints import heads
from gkmvlp.checkpoints.backbone import Backbone
from gkmvlp.errors import BackboneError, require_choice
from gkmvlp.models.config import Architecture, ArlArchitecture, BaseArchitecture, TextPooling
from gkmvlp.models.heads.category_head import CategoryHead
from gkmvlp.models.lora import Adaptation
from gkmvlp.tasks.fine_tuning import GREY, FineTuning
from gkmvlp.tasks.parts.answering import question_memory
from gkmvlp.tasks.parts.optimization import OptimizerConfig


class ImageTextClassification(FineTuning):
    """Names the class of an image with a text, and leaves ``model/`` in the run's folder, for ``gkmvlp predict``.

    A linear layer reads the text's states after these read the image.

    Args:
        architecture: What to build from scratch, or what the backbone must be; ``null`` takes the backbone's own.
        backbone: Folder of a backbone; ``null`` starts from scratch.
        optimizer: How weights move.
        scratch_lr: Peak learning rate where ``backbone`` is null; without it that of ``optimizer``.
        freeze_image_branch: Only the text model is trained. From scratch this has no effect.
        pooling: What the layer reads: the state of the text's ``first`` token, or the ``mean`` of all.
        text_only: Baseline: the image is replaced by uniform grey.
        adapter: ``lora`` trains small matrices beside the backbone's layers instead of these; or its options.
        seed: Names the run in its predictions; ``seed_everything`` decides what is drawn.
    """

    monitor = ("val/accuracy", "max")
    architecture_class = BaseArchitecture

    def __init__(
        self,
        architecture: Architecture | ArlArchitecture | None = None,
        backbone: str | None = None,
        optimizer: OptimizerConfig = OptimizerConfig(),  # noqa: B008 - jsonargparse reads defaults of dataclasses
        scratch_lr: float | None = None,
        freeze_image_branch: bool = False,
        pooling: TextPooling = "first",
        text_only: bool = False,
        adapter: Adaptation = None,
        seed: int = 0,
    ) -> None:
        require_choice("model.init_args", TextPooling, pooling=pooling)
        super().__init__(architecture, backbone, optimizer, scratch_lr, freeze_image_branch, seed, adapter=adapter)
        self.pooling: TextPooling = pooling
        self.text_only = text_only
        self.classes: list[str] = []

    @property
    def model_name(self) -> str:  # noqa: D102
        return "baseline:text_only" if self.text_only else super().model_name

    def prepare(self, datamodule: LightningDataModule) -> None:
        """Loads the backbone and puts a layer for the classes of training on it."""
        if self.backbone is not None:
            return
        super().prepare(datamodule)
        self.classes = datamodule.classes()  # type: ignore[attr-defined]
        self.index = {name: index for index, name in enumerate(self.classes)}
        self.head = CategoryHead(self.classes, self.architecture.text.hidden_size, self.pooling)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:  # noqa: D102
        super().on_save_checkpoint(checkpoint)
        checkpoint["classes"] = self.classes

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Compares classes.

        Raises:
            BackboneError: If the checkpoint was trained on other classes.
        """
        theirs = checkpoint["classes"]
        if theirs != self.classes:
            raise BackboneError(
                f"the checkpoint has {len(theirs)} classes, the data {len(self.classes)}, "
                f"{len(set(theirs) & set(self.classes))} in common: use the data set and label it was trained on"
            )
        super().on_load_checkpoint(checkpoint)

    def forward(self, batch: ImageTextBatch) -> Tensor:
        """Score of each class, (B, L) float32."""
        image = torch.full_like(batch["image"], GREY) if self.text_only else batch["image"]
        shown = cast(ImageBatch, {**batch, "image": image})
        memory = self.encode_images_now(shown).memory
        state_BTD, mask_BT = question_memory(cast(Backbone, self.backbone), batch["text"], memory)
        scores: Tensor = self.head(state_BTD, mask_BT)
        return scores

    def training_step(self, batch: ImageTextBatch, batch_idx: int) -> Tensor:  # noqa: D102
        target_B = torch.tensor([self.index[name] for name in batch["category"]], device=self.device)
        loss = F.cross_entropy(self(batch), target_B)
        self.log("train/loss", loss, batch_size=len(target_B))
        return loss

    def predicted(self, batch: ImageTextBatch) -> list[str]:
        """The likeliest class of each row."""
        return [self.classes[index] for index in self(batch).argmax(1).tolist()]

    def validation_step(self, batch: ImageTextBatch, batch_idx: int) -> None:  # noqa: D102
        right = sum(guess == name for guess, name in zip(self.predicted(batch), batch["category"], strict=True))
        count = len(batch["category"])
        self.log("val/accuracy", right / count, batch_size=count, sync_dist=True, on_epoch=True)

    def on_test_epoch_start(self) -> None:
        """Collects the baseline's class: the one that training has most often."""
        self.predictions = []
        rows = self.trainer.datamodule.rows("train")  # type: ignore[attr-defined]
        self.majority = Counter(row.fields["category"] for row in rows).most_common(1)[0][0]

    def test_step(self, batch: ImageTextBatch, batch_idx: int) -> None:  # noqa: D102
        for b, guess in enumerate(self.predicted(batch)):
            target = batch["category"][b]
            row: dict[str, Any] = {key: batch[key][b] for key in ("sample_id", "patient_id")}  # type: ignore[literal-required]
            row |= {"target": target, "in_vocabulary": target in self.index, "seed": self.seed}
            self.predictions.append({**row, "model": self.model_name, "prediction": guess})
            self.predictions.append({**row, "model": "baseline:majority", "prediction": self.majority})

    def on_test_epoch_end(self) -> None:  # noqa: D102
        self.save_predictions(
            "image_text_classification", pd.DataFrame(self.predictions), signature={"classes": str(len(self.classes))}
        )

    def on_fit_end(self) -> None:
        """Leaves the model of the best epoch; the baseline without an image leaves none."""
        task = {"task": "image_text_classification", "backbone": self.backbone_ref}
        best = None if self.text_only else self.best_backbone(**task)
        if best is not None:
            heads.save(best, self.head, self.run_dir / "model")

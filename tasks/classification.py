"""Multi-label classification: fine-tuning, linear probe, and zero-shot by image-text contrast.

B batch, N rows, L labels.
"""

from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from lightning import LightningDataModule
from numpy.typing import NDArray
from torch import Tensor

from gkmvlp.batch import ImageBatch, LabelBatch
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints import heads
from gkmvlp.entities import of_label
from gkmvlp.errors import BackboneError, ConfigError, require_choice
from gkmvlp.losses.labels import multilabel_bce
from gkmvlp.metrics.auroc import weighted_auroc
from gkmvlp.models.config import Architecture
from gkmvlp.models.gk_mvlp import GkMvlp
from gkmvlp.models.heads.label_head import Features, label_head, label_logits
from gkmvlp.models.lora import Adaptation
from gkmvlp.models.tokenizer import Tokens
from gkmvlp.tasks.fine_tuning import FineTuning
from gkmvlp.tasks.parts.entity_predictions import zero_shot_scores, zero_shot_texts
from gkmvlp.tasks.parts.optimization import OptimizerConfig


class Classification(FineTuning):
    """Says which labels an image has, and leaves ``model/``, which ``gkmvlp predict`` reads, in the run's folder.

    Args:
        architecture: What to build from scratch, or what the backbone must be; ``null`` takes the backbone's own.
        backbone: Folder of a backbone; ``null`` starts from scratch.
        optimizer: How weights move.
        scratch_lr: Peak learning rate where ``backbone`` is null; without it that of ``optimizer``. Each start
            gets the rate that validation chose for it.
        linear_probe: Only the head is trained. Without a backbone there is nothing to freeze, and all is trained.
        head_inputs: What the head reads: the pooled image, the entities' log odds, or both.
        adapter: ``lora`` trains small matrices beside the backbone's layers instead of these; or its options.
        seed: Names the run in its predictions; ``seed_everything`` decides what is drawn.

    Raises:
        ConfigError: If both a probe and an adapter are asked for.
    """

    monitor = ("val/auroc_macro", "max")

    def __init__(
        self,
        architecture: Architecture | None = None,
        backbone: str | None = None,
        optimizer: OptimizerConfig = OptimizerConfig(),  # noqa: B008 - jsonargparse reads defaults of dataclasses
        scratch_lr: float | None = None,
        linear_probe: bool = False,
        head_inputs: Features = "both",
        adapter: Adaptation = None,
        seed: int = 0,
    ) -> None:
        if linear_probe and adapter is not None:
            raise ConfigError("linear_probe trains the head alone: leave out adapter, or set linear_probe=false")
        require_choice("model.init_args", Features, head_inputs=head_inputs)
        super().__init__(architecture, backbone, optimizer, scratch_lr, linear_probe, seed, adapter=adapter)
        self.features: Features = head_inputs
        self.validation_outputs: list[Tensor] = []
        self.zero_shot: tuple[GkMvlp, Tokens, Tokens] | None = None

    @property
    def model_name(self) -> str:  # noqa: D102
        return "variant:linear_probe" if self.is_frozen else super().model_name

    def prepare(self, datamodule: LightningDataModule) -> None:
        """Loads the backbone and puts a head for the DataModule's labels on it."""
        if self.backbone is not None:
            return
        super().prepare(datamodule)
        self.labels: tuple[str, ...] = datamodule.labels  # type: ignore[attr-defined]
        self.head = label_head(self.labels, self.architecture, self.features)
        if self.is_frozen:
            self.model.requires_grad_(False).eval()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:  # noqa: D102
        super().on_save_checkpoint(checkpoint)
        checkpoint["labels"] = list(self.labels)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Compares labels.

        Raises:
            BackboneError: If the checkpoint was trained on other labels, or in another order.
        """
        theirs = checkpoint["labels"]
        if theirs != list(self.labels):
            raise BackboneError(
                f"the checkpoint's labels are {', '.join(theirs)}, those of the data {', '.join(self.labels)}: "
                "set data.init_args.labels to the checkpoint's"
            )
        super().on_load_checkpoint(checkpoint)

    def forward(self, batch: ImageBatch) -> Tensor:
        """Log odds of each label, (B, L) float32."""
        return label_logits(self.model, self.head, self.encode_images(batch)).float()

    def training_step(self, batch: LabelBatch, batch_idx: int) -> Tensor:  # noqa: D102
        loss = multilabel_bce(self(batch), batch["label"])
        self.log("train/loss", loss, batch_size=len(batch["label"]))
        return loss

    def on_validation_epoch_start(self) -> None:  # noqa: D102
        self.validation_outputs = []

    def validation_step(self, batch: LabelBatch, batch_idx: int) -> None:  # noqa: D102
        self.validation_outputs.append(torch.stack([self(batch), batch["label"]], dim=-1))

    def on_validation_epoch_end(self) -> None:
        """Logs the mean AUROC over labels that have both classes."""
        gathered = cast(Tensor, self.all_gather(torch.cat(self.validation_outputs)))
        output_NL2 = gathered.reshape(-1, len(self.labels), 2).cpu().double().numpy()
        once = np.ones((1, len(output_NL2)))
        columns = (output_NL2[:, index].T for index in range(len(self.labels)))
        area_L = np.array([weighted_auroc(score_N, target_N, once)[0] for score_N, target_N in columns])
        defined = area_L[~np.isnan(area_L)]
        self.log("val/auroc_macro", float(defined.mean()) if len(defined) else 0.5)

    def on_test_epoch_start(self) -> None:
        """Takes the backbone once more as pre-training left it, which is what zero-shot asks."""
        self.columns: dict[str, list[Any]] = {name: [] for name in ("sample_id", "patient_id", "target", "score")}
        self.similarity_BL: list[Tensor] = []
        self.zero_shot = None
        if self.backbone_ref is not None:
            names = [found.name if (found := of_label(label)) else label.lower() for label in self.labels]
            present, absent = zero_shot_texts(names)
            model = backbones.load(self.backbone_ref).model.to(self.device).eval()
            self.zero_shot = model, self.tokens(present), self.tokens(absent)

    def test_step(self, batch: LabelBatch, batch_idx: int) -> None:  # noqa: D102
        self.columns["sample_id"] += batch["sample_id"]
        self.columns["patient_id"] += batch["patient_id"]
        self.columns["target"].append(batch["label"].cpu())
        self.columns["score"].append(self(batch).double().sigmoid().cpu())
        if self.zero_shot is not None:
            model, *sentences = self.zero_shot
            image_BD = model.embed_image(model.vision(batch["image"]))
            self.similarity_BL.append(zero_shot_scores(model, image_BD, *sentences).float().cpu())

    def on_test_epoch_end(self) -> None:
        """Writes what the model says, what the training labels' shares say, and zero-shot of the backbone."""
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        score_NL = torch.cat(self.columns["score"]).numpy()
        rows = [self.table(score_NL, self.model_name)]
        if training := list(data.rows("train").values("label")):
            share_L = prevalence(np.stack(training))
            rows.append(self.table(np.broadcast_to(share_L, score_NL.shape), "baseline:prevalence"))
        self.save_predictions("classification", pd.concat(rows), label_fraction=data.train_fraction)
        if self.similarity_BL and self.backbone is not None:
            trained_on = self.backbone.info.get("trained_on")
            self.save_predictions(
                "zero_shot", self.table(torch.cat(self.similarity_BL).numpy(), "pretrained"), trained_on=trained_on
            )

    def table(self, score_NL: NDArray[np.floating[Any]], model: str) -> pd.DataFrame:
        """One row an image and label, image by image."""
        count = len(self.labels)
        return pd.DataFrame(
            {
                "sample_id": np.repeat(self.columns["sample_id"], count),
                "patient_id": np.repeat(self.columns["patient_id"], count),
                "entity": np.tile(self.labels, len(score_NL)),
                "model": model,
                "seed": self.seed,
                "target": torch.cat(self.columns["target"]).double().numpy().ravel(),
                "score": score_NL.astype(float).ravel(),
            }
        )

    def on_fit_end(self) -> None:
        """Leaves the model of the best epoch."""
        if (best := self.best_backbone(task="classification", backbone=self.backbone_ref)) is not None:
            heads.save(best, self.head, self.run_dir / "model")


def prevalence(label_NL: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Share of present among the known labels (L,); one half where none is known."""
    known_L = (~np.isnan(label_NL)).sum(0)
    return np.divide(np.nansum(label_NL, 0), known_L, out=np.full(label_NL.shape[1], 0.5), where=known_L > 0)

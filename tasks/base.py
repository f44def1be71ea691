"""What all tasks share: a backbone, an optimizer, and predictions that end up in the run's folder."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, Generic, cast

import numpy as np
import pandas as pd
import torch
from lightning import LightningDataModule, LightningModule
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor
from typing_extensions import TypeVar

from gkmvlp.batch import ImageBatch
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints.backbone import Backbone, Model, lineage, seen_patients, with_patients
from gkmvlp.checkpoints.pickles import load_pickle
from gkmvlp.checkpoints.systems import system_name, systems_of
from gkmvlp.errors import BackboneError, ConfigError, TrainingError
from gkmvlp.losses.lm import next_token_loss, next_token_positions
from gkmvlp.metrics.groups import with_group_columns
from gkmvlp.metrics.results.partial import named
from gkmvlp.metrics.results.predictions import write_predictions
from gkmvlp.models.config import Architecture, BaseArchitecture
from gkmvlp.models.gk_mvlp import ImageMemory
from gkmvlp.models.memory import Memory, ProjectedMemory
from gkmvlp.models.protocol import TextDecoder
from gkmvlp.models.tokenizer import Tokens, tokenize
from gkmvlp.task_ids import TaskId
from gkmvlp.tasks.parts.optimization import OptimizerConfig, build_optimizer

FRAME = ("image_size", "resize_mode", "intensity")  # how the data must make images for a model


def text_keys(texts: list[str], device: torch.device) -> Tensor:
    """64-bit keys (B,) int64 of texts, equal for texts that differ only in case and blanks."""
    digests = [blake2b(" ".join(text.lower().split()).encode(), digest_size=8).digest() for text in texts]
    return torch.tensor([int.from_bytes(digest, "big", signed=True) for digest in digests], device=device)


def training_texts(datamodule: object) -> list[str]:
    """The texts of a DataModule's training rows; none where it has no ``texts``, which only some tasks need."""
    return list(getattr(datamodule, "texts", list)())


Arch = TypeVar("Arch", bound=BaseArchitecture, default=Architecture)


class Task(LightningModule, Generic[Model, Arch]):
    """Base of the tasks.

    Args:
        architecture: What to build, or what the backbone must be; ``null`` takes the backbone's own.
        backbone: Folder of a backbone to start from; ``null`` starts from scratch.
        optimizer: How weights move.

    Raises:
        ConfigError: If both are ``null``.
        BackboneError: If the backbone is of a system that cannot do the task.
    """

    monitor: tuple[str, str] = ("val/loss", "min")
    is_trained = True  # on rows of the DataModule; False for a task that evaluates a backbone as it is
    architecture_class: type[BaseArchitecture] = Architecture  # of the systems that can do the task

    def __init__(self, architecture: BaseArchitecture | None, backbone: str | None, optimizer: OptimizerConfig) -> None:
        super().__init__()
        if architecture is None:
            if backbone is None:
                raise ConfigError("from scratch the model needs an architecture: --model.init_args.architecture=FILE")
            architecture = backbones.architecture_of(backbone)
        if not isinstance(architecture, self.architecture_class):
            raise BackboneError(
                f"{type(self).__name__} has no way to use a backbone of system {system_name(architecture)} "
                f"({backbone}): name one of {' or '.join(systems_of(self.architecture_class))}"
            )
        self.architecture = cast(Arch, architecture)  # as ``architecture_class`` says
        self.backbone_ref = backbone
        self.optimizer = optimizer
        self.backbone: Backbone[Model] | None = None
        self.predictions: list[dict[str, Any]] = []

    @property
    def is_scratch(self) -> bool:
        """Whether no backbone was given."""
        return self.backbone_ref is None

    def prepare(self, datamodule: LightningDataModule) -> None:
        """Builds or loads the backbone; the tokenizer of a fresh one is trained on the DataModule's texts."""
        if self.backbone is not None:
            return
        if self.backbone_ref is None:
            self.backbone = backbones.build(self.architecture, training_texts(datamodule))
            if self.backbone.weights:
                rank_zero_only(print)(self.backbone.weights, flush=True)
        else:
            self.backbone = self.load_backbone(self.backbone_ref)
        self.model = self.backbone.model
        self.architecture = cast(Arch, self.model.architecture)  # with the sizes of the BERT that a config names
        self.tokenizer = self.backbone.tokenizer
        check_image_format(self.architecture, datamodule)

    def load_backbone(self, reference: str) -> Backbone[Model]:
        """The backbone of a folder, checked against the config's architecture; prints how many tensors it loads.

        Raises:
            BackboneError: If the architectures differ.
        """
        backbone = backbones.load(reference)
        theirs, ours = (system_name(one) for one in (backbone.model.architecture, self.architecture))
        if theirs != ours:
            raise BackboneError(
                f"backbone {reference} is of system {theirs}, the architecture is of {ours}: name a backbone of {ours}"
            )
        differing = backbone.model.architecture.differences(self.architecture)
        if differing:
            own = backbone.model.architecture
            frame = [name for name in FRAME if getattr(own, name) != getattr(self.architecture, name)]
            options = ["model.init_args.architecture=null"]
            options += [f"data.init_args.{name}={getattr(own, name)}" for name in frame]
            raise BackboneError(
                f"backbone {reference} is of another architecture ({', '.join(differing)} differ): "
                f"{' with '.join(options)} takes the backbone's own; from scratch, take a config of it"
            )
        tensors = len(backbone.model.state_dict())
        print(f"backbone {reference}: {tensors} of {tensors} tensors taken", flush=True)
        return backbone

    def setup(self, stage: str) -> None:  # noqa: D102
        self.prepare(self.trainer.datamodule)  # type: ignore[attr-defined]

    def configure_optimizers(self) -> Any:  # noqa: D102
        optimizer, scheduler = build_optimizer(self, self.optimizer, self.total_steps())
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def total_steps(self) -> int:
        """Optimizer steps of the whole run.

        Lightning's own estimate starts the workers, in a resumed run before it knows the epoch: epoch 0 would be shown
        again.

        Raises:
            ConfigError: If the run has no end.
        """
        trainer = self.trainer
        batches, limit = len(trainer.datamodule.train_dataloader()), trainer.limit_train_batches  # type: ignore[attr-defined]
        batches = min(batches, limit) if isinstance(limit, int) else int(batches * limit)
        by_epochs = -(-batches // trainer.accumulate_grad_batches) * (trainer.max_epochs or -1)
        bounds = [steps for steps in (by_epochs, trainer.max_steps) if steps >= 0]
        if not bounds:
            raise ConfigError("the schedule needs an end: set trainer.max_epochs or trainer.max_steps")
        return min(bounds)

    def on_fit_start(self) -> None:  # noqa: D102
        self.rng_seed = torch.initial_seed()

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Reseeds each step from (seed, epoch, batch, rank), so that a resumed run draws the same random numbers."""
        place = (self.rng_seed, self.current_epoch, batch_idx, self.global_rank)
        torch.manual_seed(int(np.random.SeedSequence(place).generate_state(1, np.uint64)[0]))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keeps the tokenizer beside the weights that learned its ids."""
        checkpoint["tokenizer"] = self.tokenizer.get_vocab()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Compares tokenizers: with another one every word would have another word's weights.

        Raises:
            BackboneError: If the checkpoint was trained with another tokenizer.
        """
        if checkpoint["tokenizer"] != self.tokenizer.get_vocab():
            raise BackboneError(
                "the checkpoint was trained with another tokenizer, one of other training texts: use the data it was "
                "trained on, or name its backbone folder by --model.init_args.backbone"
            )

    def read_texts(self, texts: list[str]) -> Any:
        """Texts as the model's ``begin`` takes them, on its device."""
        assert self.backbone is not None
        return self.backbone.read_texts(texts, self.device)

    def tokens(self, texts: list[str], decode: bool = False) -> Tokens:
        """Texts as tokens on the model's device."""
        batch = tokenize(self.tokenizer, texts, self.architecture.text.max_length, decode)
        return Tokens(*(tensor.to(self.device) for tensor in batch))

    def text_loss(
        self,
        texts: list[str],
        memory: Memory | ProjectedMemory | Tensor,
        memory_mask_BM: Tensor | None = None,
        *,
        label_smoothing: float,
    ) -> Tensor:
        """How little the decoder expects texts, a scalar in nats: scored at the places that predict a token alone.

        Args:
            texts: B texts.
            memory: What the decoder reads.
            memory_mask_BM: (B, M) bool, True where it may be read; None allows all.
            label_smoothing: Share of the target spread evenly over the vocabulary.
        """
        tokens = self.tokens(texts, decode=True)
        at_BT = next_token_positions(tokens.mask)
        logits_NV = cast(TextDecoder, self.model).decode(tokens, memory, memory_mask_BM, at_BT)
        return next_token_loss(logits_NV, tokens.ids, at_BT, label_smoothing=label_smoothing)

    def encode_images(self, batch: ImageBatch, **options: Any) -> ImageMemory:
        """Encodes the images of a batch; options as of the model's ``encode_image``.

        GK-MVLP's is an ``ImageMemory``; of other systems ``gkmvlp.models.protocol.EncodedImage`` says what there is.
        """
        images = batch["image"], batch["region_box"], batch["region_mask"]
        return cast(ImageMemory, self.model.encode_image(*images, **options))

    @property
    def best_checkpoint(self) -> str:
        """File of the best checkpoint; "" where there is none."""
        return str(getattr(self.trainer.checkpoint_callback, "best_model_path", ""))

    def best_state(self) -> dict[str, Tensor]:
        """Tensors of the best checkpoint, which must be there."""
        content = load_pickle(Path(self.best_checkpoint), "run the fit anew", self.device)
        return cast("dict[str, Tensor]", content["state_dict"])

    def load_best_checkpoint(self) -> None:
        """Takes the weights of the best checkpoint, where there is one."""
        if self.best_checkpoint:
            self.load_state_dict(self.best_state(), strict=True)

    def best_backbone(self, **task_info: Any) -> Backbone[Model] | None:
        """The backbone of the best epoch; None where nothing is to be saved: on other ranks, and in a trial run.

        Args:
            **task_info: Keys of ``info`` that are the task's; with any, those of the backbone it started from stay too.

        Raises:
            TrainingError: If the fit ended before its first step.
        """
        if not self.trainer.is_global_zero or self.trainer.fast_dev_run:  # type: ignore[attr-defined]
            return None
        if self.trainer.global_step == 0:
            raise TrainingError("the fit ended before its first step: no model is left; give it more steps or time")
        assert self.backbone is not None
        self.load_best_checkpoint()
        best = self.to_backbone()
        return replace(best, info={**self.backbone.info, **task_info, **best.info}) if task_info else best

    def to_backbone(self) -> Backbone[Model]:
        """The backbone as this run leaves it; ``info`` says what it was trained on, first to last."""
        assert self.backbone is not None
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        before = self.backbone.info
        info = {
            "trained_on": lineage(before, data.name),
            "manifest": data.manifest()["hash"],
            "patients": with_patients(before, data.name, data.rows("train").values("patient_id")),
        }
        if data.boxes == "fitted":  # who reads images with it later fits the atlas too
            info["region_boxes"] = data.boxes
        return replace(self.backbone, info=info, atlas=data.regions.atlas)

    @property
    def run_dir(self) -> Path:
        """Folder of the run."""
        return Path(self.trainer.default_root_dir)

    @property
    def model_name(self) -> str:
        """Name of this model in its predictions."""
        return "scratch" if self.is_scratch else "pretrained"

    def on_test_start(self) -> None:  # noqa: D102
        if self.trainer.is_global_zero and (note := self.patient_overlap_note()):
            print(f"note: {note}: gkmvlp data audit names them", flush=True)
        self._print_partial("test", self.tested_rows)

    def on_validation_start(self) -> None:  # noqa: D102
        if self.trainer.state.fn == "validate":
            self._print_partial("validation", partial_rows(self.trainer.num_val_batches, self.trainer.val_dataloaders))

    @property
    def tested_rows(self) -> str | None:
        """How many of the test rows are read (see ``partial_rows``); None where all are."""
        return partial_rows(self.trainer.num_test_batches, self.trainer.test_dataloaders)

    def _print_partial(self, split: str, part: str | None) -> None:
        """Says that figures will be of a part of a split, and of how many rows."""
        if self.trainer.is_global_zero and part:
            print(f"partial: {part} {split} rows are read; figures are of these alone", flush=True)

    def patient_overlap_note(self) -> str | None:
        """What a reader must know of test patients that the backbone was trained on; None where it saw none."""
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        patients = set(data.rows("test").values("patient_id"))
        overlap = len(seen_patients(self.backbone.info, data.name, patients)) if self.backbone else 0
        return f"the backbone was trained on {overlap:,} of these {len(patients):,} test patients" if overlap else None

    def training_note(self) -> str | None:
        """What a reader must know of how the model was trained; None where that is as ever."""
        return None

    def prediction_metadata(self) -> dict[str, Any]:
        """Metadata of predictions that do not depend on the task."""
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        info = self.backbone.info if self.backbone else {}
        trained_on = lineage(info, data.name) if self.is_trained else info.get("trained_on")
        return {
            "data": data.name,
            "split": named(data.split_name, self.tested_rows),
            "boxes": data.boxes,
            "credentialed": data.credentialed,
            "trained_on": trained_on,
        }

    def save_predictions(self, task: TaskId, table: pd.DataFrame, **meta: Any) -> None:
        """Writes ``predictions/<task>.parquet`` of the run, on rank 0."""
        if self.trainer.is_global_zero:
            part = self.tested_rows
            partial = part and f"partial: {part} test rows"
            notes = filter(None, (partial, self.patient_overlap_note(), self.training_note(), meta.get("note")))
            metadata = {"task": task, **self.prediction_metadata(), **meta, "note": "; ".join(notes) or None}
            data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
            table = with_group_columns(table, data.known_groups("test"))
            write_predictions(self.run_dir / "predictions" / f"{task}.parquet", table, metadata)


def partial_rows(batches: Sequence[int | float], loader: Any) -> str | None:
    """How many rows of a loader are read, like ``32 of 451``; None where all are.

    Args:
        batches: Batches that are taken, of the one loader; empty outside an evaluation.
        loader: The loader of all rows.
    """
    if not batches or loader is None:
        return None
    total = len(loader.dataset)
    count = min(int(min(batches[0], total)) * loader.batch_size, total)
    return f"{count:,} of {total:,}" if count < total else None


def check_image_format(architecture: BaseArchitecture, datamodule: object) -> None:
    """Compares how the model expects images with how the DataModule makes them.

    Raises:
        ConfigError: If size, fit or intensity differ.
    """
    for key in FRAME:
        expected, actual = getattr(architecture, key), getattr(datamodule, key, None)
        if actual is not None and actual != expected:
            raise ConfigError(
                f"the model reads {key}: {expected}, the data gives {actual}: set data.init_args.{key}={expected}"
            )

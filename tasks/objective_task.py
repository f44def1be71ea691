"""What pre-trainings share: a sum of objectives, each with a weight and steps at which it is due."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, Literal, cast

import torch
from lightning.pytorch.strategies import ModelParallelStrategy
from torch import Tensor

from gkmvlp.batch import StudyBatch
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints.backbone import Backbone, Model
from gkmvlp.errors import ConfigError
from gkmvlp.tasks.base import Arch, Task
from gkmvlp.tasks.parts.objectives import BaseObjectives
from gkmvlp.tasks.parts.optimization import OptimizerConfig
from gkmvlp.tasks.parts.sharding import SHARDED, is_sharded, shard

Stage = Literal["train", "val", "test"]


class ObjectiveTask(Task[Model, Arch], Generic[Model, Arch]):
    """Base of pre-trainings; each leaves ``backbone/`` in the run's folder.

    Args:
        architecture: What to build, or what the backbone must be; ``null`` takes the backbone's own.
        objectives: Their weights and choices.
        optimizer: How weights move.
        backbone: Folder of a backbone to go on from; ``null`` starts fresh.
        seed: Names the run in its predictions.

    Raises:
        ConfigError: If there are steps at which no objective is due.
    """

    objectives: BaseObjectives

    def __init__(
        self,
        architecture: Arch | None,
        objectives: BaseObjectives,
        optimizer: OptimizerConfig,
        backbone: str | None,
        seed: int,
    ) -> None:
        super().__init__(architecture, backbone, optimizer)
        if not objectives.always_due:
            raise ConfigError(
                "a step without objective has no loss: give one weight above 0, every_n_steps: 1 and start_step: 0"
            )
        self.objectives, self.seed = objectives, seed

    @property
    def model_name(self) -> str:  # noqa: D102
        return "pretrained"

    def configure_model(self) -> None:
        """Spreads the task over all processes (FSDP2) where the strategy is Lightning's for that."""
        strategy, model = self.trainer.strategy, cast(Any, self.model)  # its networks are in no protocol of tasks
        if isinstance(strategy, ModelParallelStrategy) and not is_sharded(self):
            shard(self, [model.vision.model, model.text], strategy)

    def losses(self, batch: StudyBatch, due: set[str]) -> dict[str, Tensor]:
        """The objectives that are due, unweighted.

        Args:
            batch: A batch.
            due: Names of objectives.
        """
        raise NotImplementedError

    def shared_step(self, batch: StudyBatch, stage: Stage, due: set[str]) -> Tensor:
        """Weighted sum of the objectives that are due, logged under ``{stage}/``."""
        losses = self.losses(batch, due)
        total = torch.stack([getattr(self.objectives, name).weight * loss for name, loss in losses.items()]).sum()
        values = {f"{stage}/{name}": loss.detach() for name, loss in losses.items()} | {f"{stage}/loss": total.detach()}
        options: dict[str, Any] = {"batch_size": len(batch["text"]), "sync_dist": stage != "train"}
        self.log_dict(values, on_step=stage == "train", on_epoch=stage != "train", **options)
        return total

    def enabled(self) -> set[str]:
        """Objectives that are switched on."""
        return {name for name in self.objectives.names if getattr(self.objectives, name).weight > 0}

    def training_step(self, batch: StudyBatch, batch_idx: int) -> Tensor:  # noqa: D102
        return self.shared_step(batch, "train", self.objectives.due(self.global_step))

    def validation_step(self, batch: StudyBatch, batch_idx: int) -> None:  # noqa: D102
        # unnamed, every GPU's state is kept, with a warning
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices):  # negatives and masks are drawn alike at every validation
            torch.manual_seed(batch_idx)
            self.shared_step(batch, "val", self.enabled())

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Says whether the fit is sharded, too."""
        super().on_save_checkpoint(checkpoint)
        checkpoint[SHARDED] = is_sharded(self)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Takes the dimension from a number that a sharded fit gave one, or gives it."""
        super().on_load_checkpoint(checkpoint)
        theirs = checkpoint.get("state_dict", {})  # which a sharded fit has taken already
        for name, own in self.named_parameters():
            if own.numel() == 1 and name in theirs:
                theirs[name] = theirs[name].reshape(own.shape)

    def best_backbone(self, **task_info: Any) -> Backbone[Model] | None:
        """As of any task; of a sharded one, the first process puts the model together."""
        if not is_sharded(self):
            return super().best_backbone(**task_info)
        # all processes take part in putting the last weights together
        last = {} if self.best_checkpoint else self.trainer.strategy.lightning_module_state_dict()
        if not self.trainer.is_global_zero or self.trainer.fast_dev_run:  # type: ignore[attr-defined]
            return None
        state, start, backbone = last or self.best_state(), "model.", self.to_backbone()
        tensors = {name.removeprefix(start): tensor for name, tensor in state.items() if name.startswith(start)}
        model = backbones.filled(
            self.architecture, self.tokenizer, tensors, Path(self.best_checkpoint or "what was trained")
        )
        return replace(backbone, model=model)

    def on_fit_end(self) -> None:
        """Leaves the backbone of the best epoch."""
        if (best := self.best_backbone()) is not None:
            backbones.save(best, self.run_dir / "backbone")

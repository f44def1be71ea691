"""What Lightning's strategy for FSDP2 is told in our runs, and what it is not let do."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.strategies import ModelParallelStrategy
from lightning.pytorch.utilities.model_helpers import is_overridden

from gkmvlp.errors import ConfigError
from gkmvlp.tasks.parts.sharding import SHARDED


def shard_over_all(trainer: Trainer, model: LightningModule) -> None:
    """Lets a ``ModelParallelStrategy`` cut the model into as many parts as there are processes.

    Its own choice is one part a machine, and layers shared by the processes of one, for which no task is made.

    Raises:
        ConfigError: If the task cannot be cut, or is compiled, or the strategy names other parts or checkpoints in
            pieces.
    """
    strategy = trainer.strategy
    if not isinstance(strategy, ModelParallelStrategy):
        return
    if not is_overridden("configure_model", model):
        raise ConfigError(
            f"{type(model).__name__} cannot be sharded (ModelParallelStrategy), pre-training alone can: take "
            "--trainer.strategy=ddp"
        )
    if (backend := getattr(model, "compile_backend", None)) is not None:
        raise ConfigError(
            f"compile_backend: null was expected in a sharded fit (ModelParallelStrategy), got {backend!r}"
        )
    world = trainer.world_size
    parts = strategy._data_parallel_size, strategy._tensor_parallel_size
    if parts[0] not in ("auto", world) or parts[1] not in ("auto", 1):
        raise ConfigError(
            f"ModelParallelStrategy: data_parallel_size {world} (the processes) and tensor_parallel_size 1 were "
            f"expected, got {parts[0]} and {parts[1]}: leave both out"
        )
    if strategy._save_distributed_checkpoint:
        raise ConfigError(
            "ModelParallelStrategy: checkpoints in pieces are read by no command here: add "
            "--trainer.strategy.save_distributed_checkpoint=false"
        )
    strategy._data_parallel_size, strategy._tensor_parallel_size = world, 1


def check_same_kind(trainer: Trainer, path: Path, content: Mapping[str, Any]) -> None:
    """Whether a fit can go on from a checkpoint: moments are numbered otherwise in those of sharded fits.

    Args:
        trainer: Of the fit.
        path: The checkpoint.
        content: What lies in it.

    Raises:
        ConfigError: If one of both is sharded and the other is not.
    """
    was = bool(content.get(SHARDED))
    if was != isinstance(trainer.strategy, ModelParallelStrategy):
        kind = "a sharded fit" if was else "a fit that was not sharded"
        remedy = "a ModelParallelStrategy" if was else "the strategy of that fit"
        raise ConfigError(
            f"checkpoint {path} is of {kind}, and its moments fit no other: go on with {remedy} (--trainer.strategy), "
            "or begin anew from that fit's backbone (--model.init_args.backbone)"
        )

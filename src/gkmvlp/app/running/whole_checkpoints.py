"""Checkpoint files that are whole or not there."""

import os
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.plugins.io import TorchCheckpointIO
from lightning.pytorch.strategies import DDPStrategy, ModelParallelStrategy, SingleDeviceStrategy

from gkmvlp.app.running.trainer_checks import ANOTHER_CHECKPOINT
from gkmvlp.checkpoints.pickles import damage
from gkmvlp.errors import BackboneError, TrainingError


class WholeCheckpoints(TorchCheckpointIO):
    """Writes beside the checkpoint, to the disk, and then renames: a fit that is killed leaves the one before.

    Lightning's own writes into the folder for temporary files and moves from there, which on another disk is a copy
    that can be cut off.

    Attributes:
        read: Path and content of a checkpoint that was read already, for the first one that is asked for.
    """

    read: tuple[Path, dict[str, Any]] | None = None

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write one.

        Raises:
            TrainingError: If the disk is full, or cannot be written.
        """
        if "://" in str(path):  # of another store, which fsspec writes
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        file = Path(path)
        part = file.with_name(f".{file.name}.partial")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as stream:
                torch.save(checkpoint, stream)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(file)
        except (OSError, RuntimeError) as error:  # torch's writer gives a full disk as a RuntimeError
            part.unlink(missing_ok=True)
            reason = " ".join(str(error).split())
            state = f"{file} is as it was" if file.exists() else f"there is no {file}"
            raise TrainingError(
                f"a checkpoint cannot be written ({reason}): {state}; make room on its disk, and go on from the newest "
                f"in {file.parent} by --ckpt_path"
            ) from error

    def load_checkpoint(self, path: Any, *args: Any, **options: Any) -> dict[str, Any]:
        """Read one; options as Lightning's.

        Raises:
            BackboneError: If it is not as it was written.
        """
        held, self.read = self.read, None
        if held is not None and held[0].resolve() == Path(path).resolve():
            return held[1]
        if "://" not in str(path) and (told := damage(Path(path), ANOTHER_CHECKPOINT)) is not None:
            raise BackboneError(told)
        return super().load_checkpoint(path, *args, **options)


def write_whole(trainer: Trainer) -> None:
    """Lets a Trainer write checkpoints so, where they are single files and the user has no way of their own."""
    strategy = trainer.strategy
    is_one_file = isinstance(strategy, SingleDeviceStrategy | DDPStrategy | ModelParallelStrategy)
    if is_one_file and type(strategy.checkpoint_io) is TorchCheckpointIO:
        strategy.checkpoint_io = WholeCheckpoints()


def hand_over(trainer: Trainer, path: Path, content: dict[str, Any]) -> None:
    """Spares a Trainer the reading of a checkpoint that was checked, where it reads one by ``WholeCheckpoints``."""
    strategy = trainer.strategy
    if isinstance(strategy, SingleDeviceStrategy | DDPStrategy) and isinstance(
        strategy.checkpoint_io, WholeCheckpoints
    ):
        strategy.checkpoint_io.read = path, content

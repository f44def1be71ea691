"""Fits that end as ``kill -9`` ends them, having written down what they saw, or as a full disk does."""

import json
import os
import signal
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer


class Killed(Callback):
    """Ends the process at the first ``hook`` from step ``step`` on; a step of -1 lets it run through.

    Args:
        log: File that gets a line for each step: its number, and the rows it is shown.
        step: Number of the step, counted from 0.
        hook: Where in the step.
    """

    # Lightning gives every callback a "log" of its own
    def __init__(self, log: str, step: int = -1, hook: str = "") -> None:
        self.file, self.step, self.hook = Path(log), step, hook

    def end(self, trainer: Trainer, hook: str) -> None:
        if self.hook == hook and 0 <= self.step <= trainer.global_step:
            os.kill(os.getpid(), signal.SIGKILL)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        with self.file.open("a") as file:
            file.write(json.dumps([trainer.global_step, batch["sample_id"]]) + "\n")
        self.end(trainer, "on_train_batch_start")

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Any) -> None:
        self.end(trainer, "on_before_optimizer_step")

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        self.end(trainer, "on_train_batch_end")

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.end(trainer, "on_validation_start")

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        self.end(trainer, "on_save_checkpoint")


class Filler(Callback):
    """Leaves no byte on the run's disk after ``step`` steps.

    Args:
        step: How many steps are made before.
    """

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        if trainer.global_step == self.step:
            size = 1 << 16
            with (Path(trainer.default_root_dir) / "ballast").open("wb", buffering=0) as file:
                while size:
                    try:
                        file.write(bytes(size))
                    except OSError:
                        size //= 2

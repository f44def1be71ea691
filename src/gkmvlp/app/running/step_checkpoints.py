"""Checkpoints inside an epoch, for a fit that may be killed at any step."""

import os
import shutil
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from gkmvlp.errors import ConfigError


class StepCheckpoints(Callback):
    """Writes ``checkpoints/step=N.ckpt`` every so many steps, and names the newest ``last.ckpt`` too.

    A fit that goes on from one of them shows the rows and draws the numbers that it would have, had it not been
    stopped: rows are shuffled and augmented by (seed, epoch, row), chance inside a step is drawn by (seed, epoch,
    batch, rank). Where validation follows a step, or the epoch ends with it, the next step is taken instead: Lightning
    would not validate a fit that goes on from there. No ``ModelCheckpoint``: the first of those says which is the best.

    Args:
        every_n_steps: Steps of the optimizer between two checkpoints.
        keep: How many are kept; ``last.ckpt`` takes no space of its own.
    """

    def __init__(self, every_n_steps: int, keep: int = 3) -> None:
        if every_n_steps < 1 or keep < 1:
            raise ConfigError(f"StepCheckpoints takes numbers from 1, got every_n_steps {every_n_steps}, keep {keep}")
        self.every_n_steps, self.keep = every_n_steps, keep
        self._seen = self._saved = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count on from the step that the fit goes on from."""
        self._seen = self._saved = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write one where it is due; gradients that wait for more batches are in no checkpoint, so none is due then."""
        step = trainer.global_step
        has_stepped, self._seen = step > self._seen, step
        is_due = step // self.every_n_steps > self._saved // self.every_n_steps
        if not (has_stepped and is_due) or _is_followed_by_validation(trainer):
            return
        if trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        folder = Path(trainer.default_root_dir, "checkpoints")
        file = folder / f"step={step}.ckpt"
        self._saved = step
        trainer.save_checkpoint(file)
        if trainer.is_global_zero:
            _name_twice(file, folder / "last.ckpt")
            # by time: those of an earlier fit in this folder go first
            for old in sorted(folder.glob("step=*.ckpt"), key=lambda each: each.stat().st_mtime_ns)[: -self.keep]:
                old.unlink()


def _is_followed_by_validation(trainer: Trainer) -> bool:
    """Whether the batch that just ended is the last of its epoch, or one that validation comes after."""
    loop = trainer.fit_loop.epoch_loop
    place = loop.total_batch_idx if trainer.check_val_every_n_epoch is None else loop.batch_idx
    between = trainer.val_check_batch
    return loop.batch_progress.is_last_batch or bool(between and (place + 1) % between == 0)


def _name_twice(file: Path, name: Path) -> None:
    """A second name of a file, in one step; a copy where the file system has no such names."""
    part = name.with_name(f".{name.name}.partial")
    part.unlink(missing_ok=True)
    try:
        os.link(file, part)
    except OSError:
        shutil.copyfile(file, part)
    part.replace(name)

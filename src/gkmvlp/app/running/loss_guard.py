"""Stops a fit at a loss that is no number, or far above what it was, before the weights follow it."""

import math
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from gkmvlp.errors import TrainingError

WARMUP = 100  # steps before a spike is one
SHOWN = 5  # rows of the batch that are named


class LossGuard(Callback):
    """Looks at the loss of every step before it is differentiated.

    Args:
        spike: How many times the running mean a loss may be. Objectives that are due every n-th step make the sum rise
            several times over, so this is far above what a sound run shows.
    """

    def __init__(self, spike: float = 20.0) -> None:
        self.spike = spike
        self.mean, self.seen = 0.0, 0
        self._batch: Any = None

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Keep the batch, for its names."""
        self._batch = batch

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        """Compare.

        Raises:
            TrainingError: If the loss is not finite, or ``spike`` times its running mean.
        """
        value = float(loss.detach())
        is_spike = self.seen >= WARMUP and value > self.spike * self.mean
        if not math.isfinite(value) or is_spike:
            than = f", {value / self.mean:.0f} times its mean" if is_spike else ""
            raise TrainingError(
                f"loss {value:g}{than} at step {trainer.global_step}{self._names()}: weights are as before that step; "
                "look at the rows (gkmvlp data check), or lower optimizer.lr or set trainer.gradient_clip_val, and go "
                "on from checkpoints/last.ckpt by --ckpt_path"
            )
        self.seen += 1
        self.mean += (abs(value) - self.mean) / min(self.seen, WARMUP)

    def _names(self) -> str:
        """The first rows of the batch, where it names them."""
        names = list(self._batch.get("sample_id", [])) if isinstance(self._batch, dict) else []
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        return f", rows {', '.join(names[:SHOWN])}{more}" if names else ""

"""When a fit is validated: at least once, however short it is."""

from lightning.pytorch import Callback, LightningModule, Trainer


class ValidatedAtLeastOnce(Callback):
    """Moves the first validation to the last step of a fit that would end before it.

    The figure of a validation chooses ``best.ckpt``; a trial of a few steps, or of few rows, would leave none.
    """

    def __init__(self) -> None:
        self._asked: int | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep an interval in batches from Lightning's check, which stops where an epoch is shorter."""
        interval = trainer.val_check_interval
        if isinstance(interval, int) and trainer.check_val_every_n_epoch is not None:
            self._asked, trainer.val_check_interval = interval, 1.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Set the interval that was asked for, or the longest that this fit has."""
        epoch = trainer.num_training_batches
        if self._asked is not None:
            trainer.val_check_interval, trainer.val_check_batch = self._asked, min(self._asked, epoch)
            if self._asked > epoch and trainer.is_global_zero:
                print(
                    f"note: val_check_interval {self._asked} is more than the {epoch} batches of an epoch: "
                    "validation runs at the end of epochs",
                    flush=True,
                )
        every, last = trainer.check_val_every_n_epoch, _batches(trainer)
        between = trainer.val_check_batch
        if last is None or between is None or not trainer.enable_validation:
            return
        first = between if every is None else (every - 1) * epoch + between
        if last < first:
            trainer.check_val_every_n_epoch, trainer.val_check_batch = None, last


def _batches(trainer: Trainer) -> int | None:
    """Training batches until the fit ends by its epochs or steps; None where that is not known."""
    epoch, every = trainer.num_training_batches, trainer.accumulate_grad_batches
    if not isinstance(epoch, int) or epoch == 0:
        return None
    ends = [epoch * trainer.max_epochs] if trainer.max_epochs and trainer.max_epochs > 0 else []
    if trainer.max_steps >= 0:
        whole, rest = divmod(trainer.max_steps, -(-epoch // every))
        ends.append(whole * epoch + rest * every)
    return min(ends, default=None)

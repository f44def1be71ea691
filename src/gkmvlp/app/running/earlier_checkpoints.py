"""Checkpoints of an earlier fit in the folder are not taken for those of this one."""

from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

NAMES = ("best", "last")  # what is tested, and gone on from
_EARLIER = "earlier-"


class EarlierCheckpoints(Callback):
    """Renames ``best.ckpt`` and ``last.ckpt`` where a fit begins anew and will not write them itself.

    Without validation nothing writes ``best.ckpt``: that of the fit before would be tested in place of this one's last.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Rename them, once and on one rank; a fit that goes on has a step behind it."""
        if trainer.global_step or not trainer.is_global_zero:
            return
        written = {each.filename for each in trainer.checkpoint_callbacks if isinstance(each, ModelCheckpoint)}
        for name in NAMES:
            file = Path(trainer.default_root_dir, "checkpoints", f"{name}.ckpt")
            if name not in written and file.is_file():
                copy = file.replace(file.with_name(_EARLIER + file.name))
                print(f"note: {file} is of an earlier fit, and is now {copy.name}", flush=True)

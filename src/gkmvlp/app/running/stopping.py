"""What SIGTERM and SIGINT (Ctrl-C) do to a run: it ends after the step that it is in, with a whole checkpoint."""

import os
import shlex
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.strategies.launchers import _SubprocessScriptLauncher
from lightning.pytorch.utilities.exceptions import SIGTERMException

CHECKPOINT = Path("checkpoints", "last.ckpt")  # in the run's folder
_CODE = 128  # shells report 128 + signal
_EVERY = 10  # steps from one agreement to the next; each makes the host wait for the devices of all processes


class Stopping(Callback):
    """Handles the signals of one command, and writes the checkpoint that a stopped fit goes on from.

    Lightning leaves a fit after the running step once SIGTERM came; the first SIGINT is handed on as that. A second
    one, or a signal outside training, ends the command where it stands.

    Several processes agree after every tenth step, and after the last one of an epoch or validation, whether one of
    them was told to end, and leave after the same one. Lightning's handler would speak to the others from
    wherever it interrupts a process, amid what they exchange there.

    Attributes:
        received: The signal that came first, or None.
        is_stepping: Whether Lightning is in the training loop, which ends by itself.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self.is_stepping = False
        self._told = ""
        self._interrupts = 0
        self._process = os.getpid()
        self._is_child = False  # of a process of this command, which reports for both
        self._left_together = False

    @property
    def line(self) -> str:
        """What the user is told."""
        name = self.received.name if self.received else ""
        return f"stopped by {name}{self._told}"

    @property
    def exit_code(self) -> int:
        """What the command ends with after a signal.

        Lightning kills the process that started this one where it ends with another code than 0, and takes 0 as done:
        that is so where all leave together; elsewhere the others would wait for this one without end.
        """
        return 0 if self._is_child and self._left_together else _CODE + int(self.received or 0)

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The handler of both signals; Lightning calls the handlers that it finds after its own.

        Raises:
            KeyboardInterrupt: Where the command does not end by itself.
        """
        if os.getpid() != self._process:  # a worker of a DataLoader, forked from this process, which ends it
            return
        self.received = self.received or signal.Signals(number)
        self._interrupts += number == signal.SIGINT
        if not self.is_stepping or (number == signal.SIGINT and self._interrupts > 1):
            raise KeyboardInterrupt
        if number == signal.SIGINT:
            signal.raise_signal(signal.SIGTERM)

    def on_sanity_check_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        self._take_over(trainer)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        self._take_over(trainer)
        self.is_stepping = True

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Ends the fit in all processes after this step, if it is one to agree after and one of them is to end."""
        if (batch_idx + 1) % _EVERY == 0 or trainer.is_last_batch:
            self._agree(trainer)

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """The same inside a validation of the fit."""
        if self.is_stepping and (batch_idx + 1) % _EVERY == 0:
            self._agree(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The same after it."""
        if self.is_stepping:
            self._agree(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        self.is_stepping = False

    def _take_over(self, trainer: Trainer) -> None:
        """Takes Lightning's handler of SIGTERM from several processes; Lightning puts back what was there before it."""
        if trainer.world_size == 1:
            return
        launcher = trainer.strategy.launcher
        if isinstance(launcher, _SubprocessScriptLauncher):  # its children count as created externally
            is_own = isinstance(launcher.cluster_environment, LightningEnvironment)
            self._is_child = is_own and trainer.local_rank > 0
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self.handle)

    def _agree(self, trainer: Trainer) -> None:
        """Lets every process know that one is to end, which Lightning then looks at after the step."""
        if trainer.world_size == 1:
            return
        if trainer.strategy.reduce_boolean_decision(self.received is not None, all=False):
            self.received = self.received or signal.SIGTERM
            trainer._signal_connector.received_sigterm = True

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Write ``last.ckpt`` where the fit ended between two steps, and say how to go on."""
        was_stepping, self.is_stepping = self.is_stepping, False
        if self.received is None:
            return
        root = Path(trainer.default_root_dir)
        file = root / CHECKPOINT
        if was_stepping and isinstance(exception, SIGTERMException) and trainer.checkpoint_callbacks:
            trainer.save_checkpoint(file, weights_only=False)
        self._left_together = was_stepping and isinstance(exception, SIGTERMException)
        if trainer.state.fn == "fit":
            self._told = f" at step {trainer.global_step}: {_how_to_go_on(root, file)}"


def _how_to_go_on(root: Path, file: Path) -> str:
    """Names the last checkpoint and the command that continues it, or the one that begins anew."""
    config = shlex.quote(str(root / "config.yaml"))
    if not file.is_file():
        return f"there is no checkpoint to go on from; begin anew with: gkmvlp fit --config={config}"
    return f"{file} is complete; go on with: gkmvlp fit --config={config} --ckpt_path={shlex.quote(str(file))}"

"""What every run gets around Lightning's Trainer: record, checkpoints, logger, progress bar, a quiet log."""

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, TextIO, runtime_checkable

from lightning.fabric.utilities.warnings import PossibleUserWarning
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint, ProgressBar, TQDMProgressBar
from lightning.pytorch.cli import SaveConfigCallback
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from lightning.pytorch.plugins import LayerSync
from lightning.pytorch.strategies import DDPStrategy

from gkmvlp.app.running.earlier_checkpoints import EarlierCheckpoints
from gkmvlp.app.running.loss_guard import LossGuard
from gkmvlp.app.running.sync_batch_norm import SyncNorms
from gkmvlp.app.running.validation_schedule import ValidatedAtLeastOnce
from gkmvlp.data_modules.pipeline.ledger import require_same
from gkmvlp.hardware import best_precision
from gkmvlp.metrics.results.metric_result import write_text

CURVES = "curves"  # folder of the tables in the run's folder


@runtime_checkable
class Accountable(Protocol):
    """A DataModule that can say what it read; its ``setup`` may be called more than once."""

    def prepare_data(self) -> None:
        """Lightning's: what one process of a machine does for all."""
        ...

    def setup(self, stage: str) -> None:
        """Lightning's: read the splits of a stage."""
        ...

    def manifest(self) -> dict[str, Any]:
        """What is in which split, and what was dropped and why."""
        ...

    def write_manifest(self, path: Path) -> None:
        """Write that as JSON."""
        ...

    def summary_lines(self) -> list[str]:
        """The same for a reader, a line each."""
        ...


class RunRecord(SaveConfigCallback):
    """Writes ``config.yaml`` and ``manifest.json`` into the run's folder when the run starts.

    The config of a fit is never overwritten by a later test in the same folder: that one is ``config-test.yaml``.
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write both files, once and on one rank; a test reads the rows that its fit knew.

        Raises:
            DataError: If the fit in this folder saw other rows in its splits.
        """
        root, fn = Path(trainer.default_root_dir), trainer.state.fn
        later = fn.value if fn is not None and fn != "fit" else None
        if later and (root / "checkpoints").is_dir():
            require_manifest(trainer)
        if self.already_saved or not trainer.is_global_zero:
            return
        root.mkdir(parents=True, exist_ok=True)
        file = root / "config.yaml"
        if later and file.exists():
            file = root / f"config-{later}.yaml"
        self.parser.save(self.config, str(file), skip_unset=False, overwrite=True, multifile=False)
        write_manifest(trainer)
        self.already_saved = True

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say how large the model is; Lightning's summary counts operations of a forward that tasks do not have."""
        if trainer.is_global_zero:
            sizes = [(p.numel(), p.requires_grad) for p in pl_module.parameters()]
            whole, trained = sum(size for size, _ in sizes), sum(size for size, learns in sizes if learns)
            print(f"parameters: {whole / 1e6:.1f} M, trained {trained / 1e6:.1f} M", flush=True)


class StderrProgressBar(TQDMProgressBar):
    """Lightning's bars on stderr, so that stdout can be read by a program."""

    def init_sanity_tqdm(self) -> Any:  # noqa: D102
        with contextlib.redirect_stdout(sys.stderr):
            return super().init_sanity_tqdm()

    def init_train_tqdm(self) -> Any:  # noqa: D102
        with contextlib.redirect_stdout(sys.stderr):
            return super().init_train_tqdm()

    def init_validation_tqdm(self) -> Any:  # noqa: D102
        with contextlib.redirect_stdout(sys.stderr):
            return super().init_validation_tqdm()

    def init_test_tqdm(self) -> Any:  # noqa: D102
        with contextlib.redirect_stdout(sys.stderr):
            return super().init_test_tqdm()


def write_manifest(trainer: Trainer) -> None:
    """Write ``manifest.json`` into the run's folder, where the DataModule accounts for what it read."""
    datamodule, root = getattr(trainer, "datamodule", None), Path(trainer.default_root_dir)
    if isinstance(datamodule, Accountable):
        datamodule.write_manifest(root / "manifest.json")
        if getattr(datamodule, "credentialed", False):
            keep_out_of_git(root)


def keep_out_of_git(folder: Path) -> None:
    """Give a folder a ``.gitignore``, unless it has one: what is made from credentialed data is not for others."""
    if not (folder / ".gitignore").exists():
        write_text(folder / ".gitignore", "# made from credentialed data\n*\n")


def require_manifest(trainer: Trainer) -> None:
    """Compare the manifest in the run's folder with what the files give now.

    Raises:
        DataError: If they differ.
    """
    datamodule, path = getattr(trainer, "datamodule", None), Path(trainer.default_root_dir) / "manifest.json"
    if isinstance(datamodule, Accountable) and path.is_file():
        require_same(path, datamodule.manifest(), "name another folder by --trainer.default_root_dir")


def trainer_arguments(config: dict[str, Any], model: LightningModule, subcommand: str) -> dict[str, Any]:
    """Arguments of the Trainer that a config left open.

    Args:
        config: Arguments of the Trainer after parsing.
        model: The task; ``monitor = (name, "min" | "max")`` says which figure chooses the best checkpoint.
        subcommand: ``fit``, ``validate`` or ``test``.
    """
    root = Path(config["default_root_dir"] or ".")
    callbacks: list[Callback] = list(config["callbacks"] or [])
    chosen: dict[str, Any] = {"callbacks": callbacks}
    if config["precision"] is None:
        chosen["precision"] = best_precision(str(config["accelerator"]))
    if config["sync_batchnorm"]:
        plugins = config["plugins"] or []
        plugins = list(plugins) if isinstance(plugins, list | tuple) else [plugins]
        own = [] if any(isinstance(plugin, LayerSync) for plugin in plugins) else [SyncNorms()]
        chosen["plugins"] = [*plugins, *own]
    if config["enable_model_summary"] is None:
        chosen["enable_model_summary"] = False  # see RunRecord
    if isinstance(config["val_check_interval"], float) and config["check_val_every_n_epoch"] is None:
        chosen["check_val_every_n_epoch"] = 1  # a share of an epoch, where a config counts batches over all of them
    chosen["logger"] = _loggers(config["logger"], root, subcommand)
    if subcommand == "fit":
        callbacks += [ValidatedAtLeastOnce(), *([] if config["fast_dev_run"] else [EarlierCheckpoints()])]
        if not any(isinstance(callback, LossGuard) for callback in callbacks):
            callbacks.append(LossGuard())
    # in a fast_dev_run Lightning drops a checkpoint callback after its last.ckpt is written
    wants_checkpoint = (
        subcommand == "fit" and config["enable_checkpointing"] is not False and not config["fast_dev_run"]
    )
    if wants_checkpoint and not any(isinstance(callback, ModelCheckpoint) for callback in callbacks):
        monitor = None if config["limit_val_batches"] == 0 else getattr(model, "monitor", None)
        callbacks += _checkpoints(root / "checkpoints", monitor)
    shows = config["enable_progress_bar"]
    if shows is None:
        shows = sys.stderr.isatty() or os.environ.get("GKMVLP_PROGRESS") == "1"
        chosen["enable_progress_bar"] = shows
    if shows and not any(isinstance(callback, ProgressBar) for callback in callbacks):
        callbacks.append(StderrProgressBar())
    return chosen


def allow_unused(trainer: Trainer) -> None:
    """Lets several devices train objectives that run every k-th step: others leave their parameters without gradient.

    The name of a strategy for that, ``ddp_find_unused_parameters_true``, need not be known; one that says otherwise
    stays.
    """
    if isinstance(trainer.strategy, DDPStrategy):
        trainer.strategy._ddp_kwargs.setdefault("find_unused_parameters", True)


def _loggers(config: Any, root: Path, subcommand: str) -> list[Logger]:
    """The loggers asked for, TensorBoard's where none is named, and in a fit the tables that the page's curves are of.

    A fit that goes on, or begins anew, gets a table of its own: ``curves/version_N/metrics.csv``.
    """
    chosen = TensorBoardLogger(save_dir=root, name="tensorboard", version="") if config in (None, True) else config
    loggers = list(chosen) if isinstance(chosen, list | tuple) else [chosen] if chosen else []
    return [*loggers, CSVLogger(save_dir=root, name=CURVES)] if subcommand == "fit" else loggers


def _checkpoints(folder: Path, monitor: tuple[str, str] | None) -> list[ModelCheckpoint]:
    """``best.ckpt`` by the monitored figure, and ``last.ckpt`` after every epoch; a rerun overwrites both.

    Two callbacks: the ``save_last`` of one that watches a figure leaves out the epochs that did not improve it.
    """
    last = ModelCheckpoint(dirpath=folder, filename="last", enable_version_counter=False, save_on_train_epoch_end=True)
    if monitor is None:
        return [last]
    name, mode = monitor
    best = ModelCheckpoint(dirpath=folder, filename="best", monitor=name, mode=mode, enable_version_counter=False)
    return [best, last]


class _Log(logging.StreamHandler[TextIO]):
    """Ends the program where nobody reads on, as ``print`` does; logging alone would tell of it and go on."""

    def handleError(self, record: logging.LogRecord) -> None:
        if isinstance(error := sys.exc_info()[1], BrokenPipeError):
            raise error
        super().handleError(record)


@contextlib.contextmanager
def quiet_log() -> Iterator[None]:
    """Lightning's log on stdout without its advertisements; warnings that name no fault are off."""
    handler = _Log(sys.stdout)
    handler.addFilter(lambda record: not any(word in record.getMessage() for word in ("litlogger", "litmodels")))
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    before = [(logger.handlers, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers, logger.propagate = [handler], False
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=PossibleUserWarning)
            warnings.filterwarnings("ignore", message=".*Checkpoint directory .* exists and is not empty")
            # a test makes a checkpoint callback of its own, which finds the state of the fit's
            warnings.filterwarnings("ignore", message="The dirpath has changed")
            # jsonargparse renamed what lightning calls
            warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"lightning\.")
            # --ckpt_path=last where there is none: said in one line of ours
            warnings.filterwarnings("ignore", message=".*there is no last checkpoint available")
            # a test needs no checkpoint callback
            warnings.filterwarnings("ignore", message="Be aware that when using `ckpt_path`, callbacks")
            # two workers on one core still fetch ahead
            warnings.filterwarnings("ignore", message="This DataLoader will create")
            # inside lightning, for torch to mend
            warnings.filterwarnings("ignore", message=".*LeafSpec")
            # what lightning gathers by
            warnings.filterwarnings("ignore", message=".*all_gather is deprecated")
            yield
    finally:
        for logger, (handlers, propagate) in zip(loggers, before, strict=True):
            logger.handlers, logger.propagate = handlers, propagate

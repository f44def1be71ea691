"""``fit``, ``validate`` and ``test``: LightningCLI with our defaults, errors in one line and a record of the run."""

import os
import sys
from argparse import ArgumentError
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.strategies import ModelParallelStrategy
from lightning.pytorch.utilities import rank_zero_only

import gkmvlp.data_modules
import gkmvlp.tasks
from gkmvlp.app.command_line.cli_errors import CLASS_PATH, explain, hint, one_line
from gkmvlp.app.command_line.config_keys import init_keys, nested_keys
from gkmvlp.app.command_line.faults import causes
from gkmvlp.app.command_line.meant_words import mended
from gkmvlp.app.command_line.outputs import require_writable
from gkmvlp.app.running.config_parser import Parser, integers_first, known_classes
from gkmvlp.app.running.configs import config_words, described_data, with_files
from gkmvlp.app.running.folder_lock import FolderLock
from gkmvlp.app.running.forwarding import handling
from gkmvlp.app.running.plain_yaml import require_plain_words
from gkmvlp.app.running.released_weights import ReleasedWeights
from gkmvlp.app.running.sharded_fits import check_same_kind, shard_over_all
from gkmvlp.app.running.step_checkpoints import StepCheckpoints  # noqa: F401  a config names it by its short name
from gkmvlp.app.running.stopping import Stopping
from gkmvlp.app.running.trainer_checks import checked_checkpoint, require_batches, require_numbers, require_steps
from gkmvlp.app.running.trainer_defaults import (
    Accountable,
    RunRecord,
    allow_unused,
    quiet_log,
    trainer_arguments,
    write_manifest,
)
from gkmvlp.app.running.user_errors import user_error
from gkmvlp.app.running.whole_checkpoints import hand_over, write_whole
from gkmvlp.errors import ConfigError, UsageError
from gkmvlp.on_demand import import_all

import_all(gkmvlp.data_modules)  # classes of these two packages answer to their short names in a config
import_all(gkmvlp.tasks)

_PARTS: dict[str, type] = {"data": LightningDataModule, "model": LightningModule}  # of a config
CHECKPOINT_WORDS = ("last", "hpc")  # what Lightning itself finds as --ckpt_path
_BEST = "best"  # what it knows within the process of a fit alone: that of the run's folder is meant


class Cli(LightningCLI):
    """LightningCLI for any LightningModule and DataModule; see ``run``.

    Args:
        words: The command line from the subcommand on.
        options: Those of LightningCLI.
    """

    def __init__(self, words: list[str], **options: Any) -> None:
        self.called = words[0]
        super().__init__(args=words, parser_class=Parser, **options)

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]
        """The one that is called alone: each has a parser of all that the Trainer takes."""
        return {self.called: LightningCLI.subcommands()[self.called]}

    def add_core_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """LightningCLI's, where 1 is a whole number and 1.0 a share; see ``integers_first``."""
        super().add_core_arguments_to_parser(parser)
        for action in parser._actions:
            if (hint := getattr(action, "_typehint", None)) is not None:
                action._typehint = integers_first(hint)  # type: ignore[attr-defined]

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parse the words; errors become one line with the nearest key.

        Raises:
            UsageError: If a key, class, value or file is wrong.
        """
        words = args if isinstance(args, list) else []
        try:
            self.config = parser.parse_args(words)
        except ArgumentError as error:
            if (own := user_error(error)) is not None:
                raise own from error
            if scripts := [word for word in words if word.endswith(".py")]:  # it was read as YAML
                raise UsageError(f"{scripts[0]}: {CLASS_PATH}") from error
            keys = {action.dest for child in self._subcommand_parsers.values() for action in child._actions}
            configs, known = [Path(word) for _, word in config_words(words)], known_classes()
            keys |= nested_keys(known.values()) | init_keys(known.values(), _PARTS)
            raise UsageError(explain(str(error), keys, known, configs)) from error
        require_plain_words(words, self.config[self.config.subcommand])
        seed = self.config[self.config.subcommand].get("seed_everything")
        if isinstance(seed, int) and not 0 <= seed < 2**32:
            raise ConfigError(f"seed_everything must be from 0 to {2**32 - 1}, got {seed}")
        self._forget_foreign_name(words)

    def _forget_foreign_name(self, words: list[str]) -> None:
        """Another DataModule than a config's does not take the config's name of the data: phantoms are named there."""
        data = self.config[self.config.subcommand].get("data")
        if data is None or not data.get("init_args.dataset_name"):
            return
        descriptions = [described_data(Path(word)) for _, word in config_words(words)]
        own = data.class_path.rpartition(".")[2]
        named = [owner.rpartition(".")[2] for owner, name in descriptions if name == data.init_args.dataset_name]
        if named and own not in named and not any("dataset_name" in word for word in words):
            data.init_args.dataset_name = None

    def _parse_ckpt_path(self) -> None:
        """The config says what the model is; a checkpoint gives weights only, so that an option is never overruled.

        Raises:
            UsageError: If the checkpoint does not exist.
        """
        chosen = self.config[self.config.subcommand]
        if chosen.get("ckpt_path") == _BEST:
            root = chosen.get("trainer.default_root_dir") or "."
            chosen["ckpt_path"] = str(Path(root, "checkpoints", "best.ckpt"))
        word = chosen.get("ckpt_path")
        if word == "":  # a variable of a script that is not set
            raise UsageError("--ckpt_path is empty: name a checkpoint, or leave the option out")
        folder = Path(chosen.get("trainer.default_root_dir") or ".", "checkpoints")
        if word == "last" and not any(folder.glob("last*.ckpt")):
            rank_zero_only(print)(f"note: no last.ckpt in {folder} to go on from", flush=True)
        is_path = bool(word) and word not in CHECKPOINT_WORDS  # a folder may bear the name of such a word
        if is_path and (inside := sorted(Path(word).glob("checkpoints/*.ckpt")) + sorted(Path(word).glob("*.ckpt"))):
            raise UsageError(f"--ckpt_path {word} is a folder: name a checkpoint in it, such as {inside[-1]}")
        if is_path and not Path(word).exists():
            near = [str(file) for file in Path(word).parent.glob("*.ckpt")] if Path(word).parent.is_dir() else []
            raise UsageError(f"no checkpoint {word}{hint(word, near)}")

    def before_instantiate_classes(self) -> None:
        """Stop before any work where the run's folder cannot be written, or a number cannot work."""
        root = Path(self._get(self.config, "trainer.default_root_dir") or ".")
        require_writable(root, "--trainer.default_root_dir")
        require_numbers(self._get(self.config, "trainer"))

    def instantiate_classes(self) -> None:
        """Build DataModule, task and Trainer.

        Raises:
            ConfigError: If a class refuses its arguments with a ``ValueError``.
        """
        try:
            super().instantiate_classes()
        except ValueError as error:
            if user_error(error) is not None:
                raise
            *_, innermost = causes(error)
            if not isinstance(innermost, ValueError):
                raise
            raise ConfigError(one_line(innermost)) from error

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """The Trainer with logger, checkpoints and progress bar where the config left them open."""
        config = self._get(self.config_init, "trainer")
        chosen = trainer_arguments(config, self.model, str(self.subcommand))
        trainer: Trainer = super().instantiate_trainer(**chosen, **kwargs)
        allow_unused(trainer)
        shard_over_all(trainer, self.model)
        write_whole(trainer)
        return trainer

    def _run_subcommand(self, subcommand: str) -> None:
        """Run it; a fit that writes holds its folder from the reading of its data on.

        Raises:
            ConfigError: If another fit writes into this folder.
        """
        tries = self.trainer.fast_dev_run  # type: ignore[attr-defined]
        writes = subcommand == "fit" and self.trainer.is_global_zero and not tries
        lock: AbstractContextManager[object] = (
            FolderLock(Path(self.trainer.default_root_dir)) if writes else nullcontext()
        )
        with lock:
            super()._run_subcommand(subcommand)

    def before_fit(self) -> None:
        """Stop where nothing would be trained, before anything is read."""
        require_steps(self.trainer)
        self._prepare("fit")

    def before_validate(self) -> None:
        """Stop where nothing would be read."""
        require_batches(self.trainer, "limit_val_batches")
        self._prepare("validate")

    def before_test(self) -> None:
        """Stop where nothing would be read."""
        require_batches(self.trainer, "limit_test_batches")
        self._prepare("test")

    def after_fit(self) -> None:  # noqa: D102
        self._account()

    def after_validate(self) -> None:  # noqa: D102
        self._account()

    def after_test(self) -> None:  # noqa: D102
        self._account()

    def _prepare(self, stage: str) -> None:
        """Read the data and fit the task to it before the Trainer writes anything: an error leaves no trace."""
        if isinstance(self.datamodule, Accountable):
            self.datamodule.prepare_data()
            self.datamodule.setup(stage)
            if stage == "fit" and self.trainer.limit_val_batches:  # what chooses best.ckpt must be there
                self.datamodule.setup("validate")
        if callable(prepare := getattr(self.model, "prepare", None)):
            prepare(self.datamodule)
        word = self._get(self.config, "ckpt_path")
        is_filled = any(isinstance(each, ReleasedWeights) for each in self.trainer.callbacks)  # type: ignore[attr-defined]
        if stage != "fit" and not word and not is_filled and getattr(self.model, "is_trained", False):
            rank_zero_only(print)("note: no --ckpt_path: nothing that a fit trains was trained", flush=True)
        if word == "last":  # the newest, as Lightning chooses
            files = Path(self.trainer.default_root_dir, "checkpoints").glob("last*.ckpt")
            word = max(files, key=os.path.getmtime, default=None)
        if word and word not in CHECKPOINT_WORDS:
            is_sharded = isinstance(self.trainer.strategy, ModelParallelStrategy)  # type: ignore[attr-defined]
            content = checked_checkpoint(self.model, Path(word), mmap=is_sharded)
            if stage == "fit":
                check_same_kind(self.trainer, Path(word), content)
            hand_over(self.trainer, Path(word), content)

    def _account(self) -> None:
        """Last lines of a run: what was read, dropped and why. The manifest now knows what the run dropped."""
        if not self.trainer.is_global_zero or self._get(self.config, "trainer.fast_dev_run"):
            return
        write_manifest(self.trainer)
        if isinstance(self.datamodule, Accountable):
            print(*self.datamodule.summary_lines(), sep="\n")
        root = self.trainer.default_root_dir
        print(f"written to {root}" + f"; gkmvlp evaluate {root} makes figures of it" * (self.subcommand == "test"))


def run(words: list[str]) -> int:
    """Run ``fit``, ``validate`` or ``test``.

    Args:
        words: The command line from the subcommand on; ``--config zoo://NAME`` names a config of the package.

    Raises:
        GkmvlpError: For everything that a user can mend.
    """
    _note_other_owners()
    _require_filled(words)
    strict = {"exit_on_error": False, "allow_abbrev": False}
    stopping = Stopping()
    with quiet_log(), handling(stopping.handle):
        try:
            Cli(
                mended(with_files(words)),
                seed_everything_default=0,
                save_config_callback=RunRecord,
                trainer_defaults={"default_root_dir": "outputs/run", "callbacks": [stopping]},
                parser_kwargs={"prog": "gkmvlp", **strict, words[0]: dict(strict)},
                auto_configure_optimizers=False,
            )
        except BaseException as error:
            if stopping.received is not None:
                if getattr(rank_zero_only, "rank", 0) == 0:
                    print(f"gkmvlp: {stopping.line}", file=sys.stderr)
                return stopping.exit_code
            if not isinstance(error, Exception) or (own := user_error(error)) is None:
                raise
            raise own from error
    return 0


def _require_filled(words: list[str]) -> None:
    """Check that no option is empty, as a variable of a script that is not set is; names of loggers may be.

    Raises:
        UsageError: If one is.
    """
    for word, behind in zip(words, [*words[1:], "."], strict=True):
        key, equals, value = word.partition("=")
        is_option = key.startswith("--") and not key.startswith(("--trainer.logger", "--trainer.callbacks"))
        if is_option and key != "--ckpt_path" and not (value if equals else behind).strip():
            raise UsageError(f"{key} is empty: name what is meant, or leave it out")


def _note_other_owners() -> None:
    """Say in one line if another installed package claims the script ``lightning`` too."""
    if os.environ.get("LOCAL_RANK", "0") != "0":
        return
    claims = {point.dist.name for point in entry_points(group="console_scripts", name="lightning") if point.dist}
    if others := sorted(claims - {"gkmvlp"}):
        print(f"note: {', '.join(others)} claims the script lightning too; gkmvlp is this program", file=sys.stderr)

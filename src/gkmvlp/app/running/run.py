"""One run, described: a config, its folder, its seed and what differs from the config; rendered into command words."""

import argparse
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

from gkmvlp.errors import UsageError

Overrides = Mapping[str, object]  # config key -> value


@dataclass(frozen=True)
class Run:
    """A training or test of a config.

    Attributes:
        config: ``zoo://NAME`` or a file.
        folder: Where it writes.
        overrides: Config key -> value in place of the config's, as ``{"trainer.max_epochs": 1}``; None is YAML's null.
        seed: Of initialisation, order and dropout; also the name of the run in its predictions. None leaves the
            config's.
    """

    config: str
    folder: Path
    overrides: Overrides = field(default_factory=dict)
    seed: int | None = None

    def but(self, overrides: Overrides) -> Self:
        """The same run with further overrides."""
        return replace(self, overrides=merged(self.overrides, overrides))

    def with_checkpoint(self, file: Path) -> Self:
        """The same run with the weights of a checkpoint."""
        return self.but({"ckpt_path": file})

    @property
    def best_checkpoint(self) -> Path:
        """What its fit leaves: the checkpoint that validation chose."""
        return self.folder / "checkpoints" / "best.ckpt"

    def tested_checkpoint(self) -> Path:
        """What is tested after its fit: the checkpoint that validation chose, or the last where there is that alone."""
        best, last = self.best_checkpoint, self.best_checkpoint.with_name("last.ckpt")
        if best.is_file() or not last.is_file():
            return best
        print(f"no {best.name}: the fit was never validated, so nothing chose one; {last} is tested", flush=True)
        return last

    def values(self) -> Overrides:
        """Every key that is given beside config and folder: the overrides, then those of the seed."""
        seeds = {} if self.seed is None else dict.fromkeys(SEED_KEYS, self.seed)
        return merged(self.overrides, seeds)

    def words(self, stage: str) -> list[str]:
        """The command line from the subcommand on.

        Args:
            stage: ``fit``, ``validate`` or ``test``.
        """
        places = [f"--config={self.config}", f"--trainer.default_root_dir={self.folder}"]
        return [stage, *places, *words_of(self.values())]


SEED_KEYS = ("seed_everything", "model.init_args.seed", "data.init_args.seed")


def data_overrides(**values: object) -> dict[str, object]:
    """Overrides of arguments of the DataModule."""
    return {f"data.init_args.{name}": value for name, value in values.items()}


def model_overrides(**values: object) -> dict[str, object]:
    """Overrides of arguments of the task."""
    return {f"model.init_args.{name}": value for name, value in values.items()}


def merged(*parts: Overrides) -> dict[str, object]:
    """Overrides of several sources; of the same key the last counts, at its place.

    The place matters: a key may stand above another, as ``architecture`` above ``architecture.knowledge``.
    """
    overrides: dict[str, object] = {}
    for part in parts:
        for key, value in part.items():
            overrides.pop(key, None)
            overrides[key] = value
    return overrides


def of_trainer(overrides: Overrides) -> dict[str, object]:
    """The overrides of the Trainer, which hold for any config."""
    return {key: value for key, value in overrides.items() if key.startswith("trainer.")}


class Setting(NamedTuple):
    """One ``--set``: a config key and its value, of one stage of an experiment or of all (None)."""

    stage: str | None
    key: str
    value: str


def setting_of(stages: tuple[str, ...] = ()) -> Callable[[str], Setting]:
    """The ``type`` of ``--set [STAGE:]KEY=VALUE``.

    Args:
        stages: Names of the stages that may stand before a key.
    """

    def read(word: str) -> Setting:
        name, equals, value = word.partition("=")
        stage, colon, key = name.rpartition(":")
        if colon and stage not in stages:
            form = f"before the colon one of {', '.join(stages)}" if stages else "KEY=VALUE without a stage"
            raise argparse.ArgumentTypeError(f"{word}: {form} was expected")
        if not equals or not key or key.startswith("-"):
            raise argparse.ArgumentTypeError(f"{word}: KEY=VALUE was expected, such as trainer.max_epochs=1")
        return Setting(stage or None, key, value)

    return read


def overrides_of(settings: Iterable[Setting], stage: str | None = None) -> dict[str, object]:
    """The overrides of a stage: those that name it, and those that name none."""
    return _collected((each.key, each.value) for each in settings if each.stage in (None, stage))


def _collected(pairs: Iterable[tuple[str, str]]) -> dict[str, object]:
    """Overrides in the order in which a user gave them; of the same key the last counts, and KEY+ adds to a list."""
    overrides: dict[str, object] = {}
    for key, value in pairs:
        if key in overrides and key.endswith("+"):  # as trainer.callbacks+=A
            value = f"[{str(overrides[key]).removeprefix('[').removesuffix(']')}, {value}]"
        overrides = merged(overrides, {key: value})
    return overrides


def parse_overrides(words: Iterable[str]) -> dict[str, object]:
    """The overrides that a user gave as options, ``--key=value`` or ``--key value``.

    Raises:
        UsageError: If a word is neither.
    """
    pairs: list[tuple[str, str]] = []
    waiting: str | None = None  # a key whose value is the next word
    for word in words:
        key, equals, value = word.partition("=")
        if waiting is not None:
            pairs.append((waiting, word))
            waiting = None
        elif not key.startswith("--"):
            raise UsageError(f"{word}: an option --KEY=VALUE was expected, such as --trainer.max_epochs=1")
        elif equals:
            pairs.append((key.removeprefix("--"), value))
        else:
            waiting = key.removeprefix("--")
    if waiting is not None:
        raise UsageError(f"--{waiting}: a value was expected, as in --{waiting}=VALUE")
    return _collected(pairs)


def parse_init_args(words: list[str]) -> dict[str, Any]:
    """Arguments of a data set's class from options, ``--data.init_args.KEY=VALUE`` or ``--KEY VALUE``; YAML values.

    Raises:
        UsageError: If a word is no such option.
    """
    if not words:
        return {}
    if not words[0].startswith("--"):
        raise UsageError(f"unrecognized argument {words[0]}: --KEY VALUE of the data set's class was expected")
    import yaml
    from jsonargparse import get_loader

    load = get_loader("yaml")  # as fit reads them: 1e-3 is a number
    values: dict[str, Any] = {}
    for key, value in parse_overrides(words).items():
        name = key.removeprefix("data.init_args.")
        if not name.isidentifier() or not value:
            raise UsageError(f"unrecognized argument --{key}: --KEY VALUE of the data set's class was expected")
        try:
            values[name] = load(str(value))
        except yaml.YAMLError:
            values[name] = value
    return values


def rendered(value: object) -> str:
    """A value as the command line takes it: texts and paths as they are, all else as JSON."""
    return str(value) if isinstance(value, str | Path) else json.dumps(value)


def words_of(overrides: Overrides) -> list[str]:
    """Overrides as the command line takes them."""
    return [f"--{key}={rendered(value)}" for key, value in overrides.items()]

"""Configs by name or path: ``zoo://NAME`` is a YAML file of the installed ``gkmvlp.zoo``."""

import difflib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from gkmvlp.app.command_line.cli_errors import hint
from gkmvlp.app.running.plain_yaml import require_plain
from gkmvlp.errors import UsageError

SCHEME = "zoo://"
CONFIG_OPTIONS = ("--config", "-c", "--trainer")  # options of fit, validate and test that take a config file


def zoo_folder() -> Path:
    """The folder of the installed configs."""
    return Path(str(files("gkmvlp.zoo")))


def zoo_configs() -> dict[str, Path]:
    """Names and files of the configs that come with the package, trainer presets (``_base/...``) last."""
    folder = zoo_folder()
    files = [*sorted(folder.glob("*.yaml")), *sorted(folder.glob("_base/*.yaml"))]
    return {str(file.relative_to(folder).with_suffix("")): file for file in files}


def config_file(reference: str) -> Path:
    """The file behind ``zoo://NAME`` or a path.

    Raises:
        UsageError: If there is none; the nearest existing file or name is given.
    """
    configs = zoo_configs()
    if reference.startswith(SCHEME):
        name = reference.removeprefix(SCHEME).removesuffix(".yaml")
        if name not in configs:
            raise UsageError(f"no config {reference}{hint(reference, [SCHEME + known for known in configs])}")
        return configs[name]
    path = Path(reference)
    if path.is_dir():
        raise UsageError(f"no config file {reference}: it is a folder")
    if not path.is_file():
        raise UsageError(f"no config file {reference}{_nearest(path, configs)}")
    return path


def by_name(reference: str) -> Path:
    """Like ``config_file``, and a bare NAME of the zoo will do."""
    known = reference in zoo_configs() and not Path(reference).is_file()
    return config_file(SCHEME + reference if known else reference)


def config_words(words: list[str]) -> Iterator[tuple[int, str]]:
    """Places and values of the options that take a config file, in both spellings."""
    for place, word in enumerate(words):
        option, equals, value = word.partition("=")
        if option in CONFIG_OPTIONS and equals:
            yield place, value
        elif word in CONFIG_OPTIONS and place + 1 < len(words):
            yield place + 1, words[place + 1]


def described_data(config: Path) -> tuple[str, str | None]:
    """Class of the DataModule that a config file names, "" without one, and the ``dataset_name`` it gives."""
    data = _values_in(config, "config").get("data")
    if not isinstance(data, dict):
        return str(data or ""), None
    init_args = data.get("init_args")
    return str(data.get("class_path") or ""), init_args.get("dataset_name") if isinstance(init_args, dict) else None


def data_class(config: Path) -> str:
    """The DataModule that a config file names: see ``class_name``; "" where it names none."""
    return class_name(described_data(config)[0])


def class_name(path: str) -> str:
    """Name of a class of this package, path of any other, from its path in a config."""
    package, _, name = path.rpartition(".")
    return name if package.partition(".")[0] in ("", "gkmvlp") else path


def with_files(words: list[str]) -> list[str]:
    """The words with every config resolved to an existing file.

    Raises:
        UsageError: If a config does not exist, or holds no keys with values, each once.
    """
    resolved = list(words)
    for place, value in config_words(words):
        file = config_file(value)
        require_plain(file)
        resolved[place] = words[place].replace(value, str(file))
    return resolved


def _nearest(path: Path, configs: dict[str, Path]) -> str:
    """Hint at the file in the same folder, or the config of the zoo, whose name is nearest."""
    beside = {file.stem: str(file) for file in path.parent.glob("*.y*ml")} if path.parent.is_dir() else {}
    known = {name: SCHEME + name for name in configs} | beside
    near = difflib.get_close_matches(path.stem, known, n=1, cutoff=0.5)
    return f"; did you mean {known[near[0]]}?" if near else "; gkmvlp zoo configs list shows those of the zoo"


def model_arguments_in(config: str) -> dict[str, Any]:
    """The arguments that a config gives its task."""
    return dict(yaml.safe_load(by_name(config).read_text(encoding="utf-8"))["model"]["init_args"])


def architecture_in(config: str) -> dict[str, Any]:
    """The architecture that a config gives, itself or by the name of a file beside it; empty where it gives none."""
    architecture = model_arguments_in(config).get("architecture")
    if isinstance(architecture, str):
        architecture = yaml.safe_load((by_name(config).parent / architecture).read_text(encoding="utf-8"))
    return dict(architecture or {})


def mapping_in(reference: str, what: str) -> dict[str, Any]:
    """The keys and values of a YAML file.

    Args:
        reference: ``zoo://NAME`` or a path.
        what: What it should hold, for the error.

    Raises:
        UsageError: If there is no such file, or it holds something else.
    """
    return _values_in(config_file(reference), what)


def _values_in(file: Path, what: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: no {what}, it is no YAML ({' '.join(str(error).split())})") from error
    if not isinstance(content, dict):
        raise UsageError(f"{file}: no {what}, keys with values were expected")
    return content

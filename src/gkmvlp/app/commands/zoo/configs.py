"""List, show or copy the configs that come with the package."""

import argparse
import re
import shutil
from itertools import takewhile
from pathlib import Path

from gkmvlp.app.running.configs import SCHEME, by_name, zoo_configs
from gkmvlp.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``list``, ``show NAME`` and ``copy NAME [DEST]``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="list | show NAME | copy NAME [DEST]")
    actions.add_parser("list", help="names and what each is for")
    show = actions.add_parser("show", help="print one config")
    copy = actions.add_parser("copy", help="copy one config, with the trainer preset it refers to")
    for action in (show, copy):
        action.add_argument("name", metavar="NAME")
    copy.add_argument("dest", metavar="DEST", nargs="?", type=Path, default=Path("."), help="folder or file (.)")


def run(arguments: argparse.Namespace) -> int:
    """Do it."""
    if arguments.action == "list":
        configs = zoo_configs()
        width = max(map(len, configs)) + len(SCHEME) + 2
        for name, file in configs.items():
            print(f"{SCHEME + name:<{width}}{_purpose(file)}")
        return 0
    source = by_name(arguments.name)
    if arguments.action == "show":
        print(source.read_text(encoding="utf-8"), end="")
        return 0
    for origin, target in _copies(source, arguments.dest):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(origin, target)
        print(target)
    return 0


def _purpose(file: Path) -> str:
    """The comment that a config begins with, up to a semicolon or full stop: behind it stand variants."""
    lines = takewhile(lambda line: line.startswith("#"), file.read_text(encoding="utf-8").splitlines())
    comment = " ".join(line.removeprefix("#").strip() for line in lines)
    return re.split(r"; |\.(?: |$)", comment)[0]


def _copies(source: Path, dest: Path) -> list[tuple[Path, Path]]:
    """Source and target of a config and of the presets that it names by relative path.

    Raises:
        ConfigError: If a target exists with another content.
    """
    target = dest / source.name if dest.is_dir() or dest.suffix not in (".yaml", ".yml") else dest
    presets = sorted(set(re.findall(r"_base/\w+\.yaml", source.read_text(encoding="utf-8"))))
    copies = [(source, target), *((source.parent / preset, target.parent / preset) for preset in presets)]
    for origin, copy in copies:
        if copy.exists() and copy.read_bytes() != origin.read_bytes():
            raise ConfigError(f"{copy} exists and differs: name another DEST or remove it")
    return copies

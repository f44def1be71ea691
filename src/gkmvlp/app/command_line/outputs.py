"""Options that name what is written: a file whose suffix says what, and places that can be written at all."""

import argparse
import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from gkmvlp.errors import ConfigError


def file_of(*suffixes: str) -> Callable[[str], Path]:
    """The ``type`` of an option whose file has one of the suffixes.

    Args:
        *suffixes: Like ``.parquet``.
    """

    def read(word: str) -> Path:
        if (path := Path(word)).suffix.lower() not in suffixes:
            raise argparse.ArgumentTypeError(f"{word}: a name that ends in {' or '.join(suffixes)} was expected")
        return path

    return read


def require_writable(folder: Path, option: str) -> None:
    """Checks that a folder, or the nearest one above it that is there, can be written into; leaves nothing behind.

    Args:
        folder: The folder, which need not be there.
        option: The option that names it.

    Raises:
        ConfigError: If it cannot.
    """
    folder = folder.absolute()
    existing = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        reason = os.strerror(errno.ENOTDIR) if not existing.is_dir() else error.strerror
        raise ConfigError(f"output folder {folder} cannot be written ({reason}): name another by {option}") from error


def require_writable_file(path: Path, option: str) -> None:
    """Checks that a file can be written under its name, see ``require_writable``.

    Raises:
        ConfigError: If it cannot.
    """
    if path.is_dir():
        raise ConfigError(f"{path} cannot be written ({os.strerror(errno.EISDIR)}): name another {option}")
    require_writable(path.parent, option)

"""What ``torch.save`` wrote, compared with the checksums in it: ``torch.load`` reads past them."""

import lzma
import zipfile
import zlib
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from gkmvlp.errors import BackboneError

_BROKEN = (OSError, EOFError, RuntimeError, LookupError, TypeError, ValueError, UnpicklingError, NotImplementedError)


def load_pickle(path: Path, remedy: str, map_location: Any = "cpu", mmap: bool = False) -> Any:
    """The content of a checkpoint; no code in it is run.

    Args:
        path: The file. Files of torch before 1.6 are no zip and hold no checksums.
        remedy: What an error advises.
        map_location: As of ``torch.load``.
        mmap: As of ``torch.load``.

    Raises:
        BackboneError: If the file is cut off, or is not as it was written.
    """
    if (told := damage(path, remedy)) is not None:
        raise BackboneError(told)
    try:
        return torch.load(path, map_location=map_location, weights_only=True, mmap=mmap)
    except torch.OutOfMemoryError:  # the file is not to blame
        raise
    except OSError as error:
        raise BackboneError(f"{path} cannot be read ({error.strerror or error}): {remedy}") from error
    except _BROKEN as error:
        reason = " ".join(str(error).split())[:160]
        raise BackboneError(f"{path} is no whole checkpoint ({reason}): {remedy}") from error


def damage(path: Path, remedy: str) -> str | None:
    """What an error says of a file that is not as it was written; None of any other."""
    part = damaged_part(path)
    return None if part is None else f"{path} is damaged ({part} is not as it was written): {remedy}"


def damaged_part(path: Path) -> str | None:
    """Name of the first record of a zip whose bytes differ from its checksum; None where all agree, or it is no zip."""
    try:
        if not zipfile.is_zipfile(path):
            return None
        with zipfile.ZipFile(path) as file:
            return file.testzip()
    except (*_BROKEN, zipfile.BadZipFile, zlib.error, lzma.LZMAError) as error:  # a bit names another compression
        return " ".join(str(error).split())

"""Image files of a data set: found in nested folders and with endings in any case, and named where they are missing."""

import os
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from gkmvlp.errors import DataError

ENDINGS = (".dcm", ".dicom", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")


def is_file(path: str | Path) -> bool:
    """Whether there is such a file; a name that no file can have is none."""
    return os.path.isfile(path)  # Path.is_file raises where the name is too long


def image_files(folder: Path) -> Iterator[Path]:
    """Images below a folder, by their ending, folder by folder in order of name; hidden files and folders are skipped.

    Links to folders are followed, each folder once.

    Raises:
        PermissionError: If one of them may not be read: its images would be left out without a word. ``lost+found``,
            which the system keeps on every disk, holds none.
    """
    visited: set[str] = set()
    for base, folders, names in os.walk(folder, onerror=_refuse_denied, followlinks=True):
        real = os.path.realpath(base)
        folders[:] = [] if real in visited else sorted(name for name in folders if not _is_hidden(name))
        if real in visited:
            continue
        visited.add(real)
        for name in sorted(names):
            if name.lower().endswith(ENDINGS) and not _is_hidden(name):
                yield Path(base, name)


def _refuse_denied(error: OSError) -> None:
    """What a search does where it cannot go on: a folder that is not there has no images."""
    if isinstance(error, PermissionError) and Path(error.filename).name != "lost+found":
        raise error


def named_otherwise(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Paths of images that lie below a folder with an ending in other letters, or in a folder that is not named.

    A name without a folder is looked for in all folders, and one without an ending with any; it is found where one
    image alone bears it.

    Args:
        folder: Where names start from.
        names: Names, relative to the folder, of files that are not there as they are written.
    """
    wanted = {name: _alike(name.replace("\\", "/")) for name in names if name and not os.path.isabs(name)}
    if not wanted:
        return {}
    found: dict[str, list[str]] = {}
    for path in image_files(folder):
        whole = (path.relative_to(folder), Path(path.name))
        for known in {_alike(each.as_posix()) for place in whole for each in (place, place.with_suffix(""))}:
            found.setdefault(known, []).append(str(path))
    return {name: found[low][0] for name, low in wanted.items() if len(found.get(low, ())) == 1}


def _alike(name: str) -> str:
    """A name in small letters and in NFC: macOS writes an accent as a letter of its own, other systems do not."""
    return unicodedata.normalize("NFC", name).lower()


def require_images(folder: Path, files: object, remedy: str) -> None:
    """Checks that something was found.

    Raises:
        DataError: If ``files`` is empty: the folder, the endings and the remedy are named.
    """
    if not files:
        raise DataError(f"no image ({', '.join(ENDINGS[:5])} ...) in {folder} or its folders: {remedy}")


def _is_hidden(name: str) -> bool:
    """Files that systems and archives leave behind: .DS_Store, ._name, __MACOSX."""
    return name.startswith(".") or name == "__MACOSX"

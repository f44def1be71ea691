"""The images that ``gkmvlp predict`` is asked to read: files, and folders that are searched."""

import os
from pathlib import Path

from gkmvlp.app.command_line.cli_errors import hint
from gkmvlp.data_modules.formats.files import ENDINGS, image_files, is_file
from gkmvlp.errors import UsageError
from gkmvlp.texts import is_address

MARK = {"Software": "gkmvlp"}  # tEXt chunk of the pictures that are drawn: by it they are told from radiographs
_START = 1024  # bytes; Pillow and matplotlib write texts in front of the pixels


def find_images(paths: list[Path], pictures: Path | None = None) -> list[Path]:
    """The files named, and those with the suffix of an image in the folders named, hidden ones left out.

    Args:
        paths: Files and folders.
        pictures: Folder that pictures are drawn into. What an earlier call drew there is no radiograph: a search leaves
            it out.

    Raises:
        UsageError: If one does not exist, a folder holds no image, or ``pictures`` holds what is read.
    """
    files: dict[Path, None] = {}  # in order, each once
    drawn = os.path.realpath(pictures) if pictures else None
    for path in paths:
        if os.path.isdir(path):
            # a link that leads nowhere is told when it is read; what is no file, like a pipe, is not
            inside = [file for file in sorted(image_files(path)) if is_file(file) or not os.path.exists(file)]
            if drawn:
                inside = [file for file in inside if os.path.realpath(file.parent) != drawn or not is_drawn(file)]
            if not inside:
                looked = f"files {', '.join(ENDINGS)} were looked for"
                raise UsageError(f"no image in {path}: {looked}; name files with other endings one by one")
            files |= dict.fromkeys(inside)
        elif is_file(path):
            files[path] = None
        else:
            raise UsageError(f"no image {path}{_reason(path)}")
    if held := next((file for file in files if os.path.realpath(file.parent) == drawn), None):
        raise UsageError(f"--pictures {pictures} holds {held}, which is read: name another folder")
    return list(files)


def is_drawn(file: Path) -> bool:
    """Whether a file is a picture that ``gkmvlp predict`` drew."""
    try:
        with file.open("rb") as stream:
            start = stream.read(_START)
    except OSError:  # a folder, or a link that leads nowhere
        return False
    return any(f"tEXt{key}\0{value}".encode("latin-1") in start for key, value in MARK.items())


def names_in_use(pictures: Path | None) -> set[str]:
    """Names in the folder of pictures that are not free: all but those of pictures that an earlier call drew."""
    there = pictures.iterdir() if pictures and pictures.is_dir() else ()
    return {file.name for file in there if not is_file(file) or not is_drawn(file)}


def _reason(path: Path) -> str:
    """Why a path is no image: an address, a link that leads nowhere, no file, or a name that was meant otherwise."""
    if is_address(str(path)):
        return ": nothing is fetched from an address, download it and name the file"
    if str(path) == "-":
        return ": standard input is named /dev/stdin"
    if os.path.islink(path):
        return f": it is a link to {os.readlink(path)}, which is not there"
    if os.path.exists(path):
        return ": it is neither a file nor a folder"
    beside = path.parent.iterdir() if os.path.isdir(path.parent) else ()
    return hint(str(path), [str(file) for file in beside])

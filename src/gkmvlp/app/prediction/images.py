"""The images that ``gkmvlp predict`` is asked to read: files, and folders that are searched."""

from pathlib import Path

from gkmvlp.app.command_line.cli_errors import hint
from gkmvlp.errors import UsageError

SUFFIXES = (".png", ".jpg", ".jpeg", ".dcm", ".dicom")


def find_images(paths: list[Path]) -> list[Path]:
    """The files named, and those with the suffix of an image in the folders named, hidden ones left out.

    Raises:
        UsageError: If one does not exist, or a folder holds no image.
    """
    files: dict[Path, None] = {}  # in order, each once
    for path in paths:
        if path.is_dir():
            inside = [file for file in sorted(path.rglob("*")) if _is_image(file, path)]
            if not inside:
                raise UsageError(f"no image in {path}: files {', '.join(SUFFIXES)} were looked for")
            files |= dict.fromkeys(inside)
        elif path.is_file():
            files[path] = None
        else:
            beside = [str(file) for file in path.parent.iterdir()] if path.parent.is_dir() else []
            raise UsageError(f"no image {path}{hint(str(path), beside)}")
    return list(files)


def _is_image(file: Path, folder: Path) -> bool:
    """Whether a file has the suffix of an image and is not hidden, as macOS hides ``._x.jpg`` beside ``x.jpg``."""
    is_hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    return file.suffix.lower() in SUFFIXES and not is_hidden and file.is_file()

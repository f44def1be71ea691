"""``checksums.json`` in a model's folder: whether its texts are as they were written.

Tensors hold a checksum of their own (``weights.py``). A bit that a disk or a copy changed in a JSON file would often be
read as another number. It leaves the file as long as it was; an edit that makes a file longer or shorter is taken as it
is, and one of equal length is refused with words that say how to accept it.
"""

import json
import zlib
from pathlib import Path

from gkmvlp.errors import BackboneError
from gkmvlp.metrics.results.metric_result import write_text

FILE = "checksums.json"
_TENSORS = ".safetensors"
_EDITABLE = ".json"  # what is cut off is no JSON any more, which its reader tells


def write_checksums(folder: Path) -> None:
    """Notes length and CRC-32 of all files in a model's folder but those of tensors."""
    names = [file.name for file in folder.iterdir() if file.is_file() and file.suffix != _TENSORS]
    _write(folder, {name: _sums(folder / name) for name in sorted(set(names) - {FILE})})


def write_later(folder: Path, name: str, text: str) -> None:
    """Writes a file into a folder that is noted, and its note where there are notes.

    A process that is killed in between leaves no note rather than one that is wrong.
    """
    noted = _read(folder) if (folder / FILE).is_file() else None
    if noted is not None:
        _write(folder, {other: sums for other, sums in noted.items() if other != name})
    write_text(folder / name, text)
    if noted is not None:
        _write(folder, noted | {name: _sums(folder / name)})


def require_undamaged(folder: Path) -> None:
    """Compares the files in a model's folder with what was noted of them; one that is not there is not its matter.

    Raises:
        BackboneError: If one is not as it was written.
    """
    noted = _read(folder) if (folder / FILE).is_file() else {}
    for name, (length, crc) in noted.items():
        file = folder / name
        if not file.is_file():
            continue
        found = _sums(file)
        if found[1] != crc and (file.suffix != _EDITABLE or found[0] == length):
            raise BackboneError(
                f"{file} is damaged (its bytes are not those that were written): fetch or train it anew; if it was "
                f"changed on purpose, remove {folder / FILE}"
            )


def _sums(file: Path) -> tuple[int, str]:
    data = file.read_bytes()
    return len(data), f"{zlib.crc32(data):08x}"


def _read(folder: Path) -> dict[str, tuple[int, str]]:
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return {name: (int(length), str(crc)) for name, (length, crc) in content.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise BackboneError(f"{folder / FILE} is damaged ({error}): remove it, or fetch the model anew") from error


def _write(folder: Path, noted: dict[str, tuple[int, str]]) -> None:
    write_text(folder / FILE, json.dumps(noted, indent=1) + "\n")

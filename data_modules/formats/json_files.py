"""The content of JSON files, and of those with an object a line."""

import json
from pathlib import Path
from typing import Any

from gkmvlp.data_modules.formats.plain_text import one_line
from gkmvlp.data_modules.formats.text_files import read_bytes
from gkmvlp.errors import DataError


def read_json(path: Path, remedy: str) -> Any:
    """The content of a JSON file; of one with an object a line a list of them.

    Raises:
        DataError: If it is missing or broken.
    """
    data = read_bytes(path, remedy)
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        if isinstance(error, json.JSONDecodeError) and (rows := _json_lines(error.doc)) is not None:
            return rows
        raise DataError(f"cannot read {path}: {one_line(error)}; {remedy}") from error


def _json_lines(text: str) -> list[Any] | None:
    """An object a line, as other programs write a list of them; None where it is something else."""
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        rows = [json.loads(line) for line in lines]
    except (ValueError, RecursionError):
        return None
    return rows if len(rows) > 1 and all(isinstance(row, dict) for row in rows) else None

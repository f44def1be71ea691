"""MedICaT, figures of medical articles with captions and the sentences that refer to them, as its owner ships it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gkmvlp.data_modules.formats.figures import Figure
from gkmvlp.data_modules.formats.plain_text import as_western, clean, one_line, shown
from gkmvlp.data_modules.pipeline.splits import hash_split
from gkmvlp.errors import DataError

FOLDER = "medicat"
TABLE = "s2_full_figures_oa_nonroco_combined_medical_top4_public.jsonl"
ANY_TABLE = "s2_full_figures*.jsonl"
_ROOTS = ("", "release", FOLDER, f"{FOLDER}/release", "medicat_release/release")
_KEYS = ("pdf_hash", "fig_uri", "s2_caption", "s2orc_references", "radiology")
_GET = "get medicat_release.tar.gz by the form on github.com/allenai/medicat and unpack it there"


def find_table(root: str) -> Path:
    """The list of figures: in ``root``, its release, or a folder of the data set's name in it.

    Raises:
        DataError: If there is none: what to get and where.
    """
    for base in (Path(root) / name for name in _ROOTS):
        if tables := sorted(base.glob(ANY_TABLE)):
            return tables[0]
    raise DataError(f"no {TABLE} in {root} or its folder release: {_GET}")


def read_figures(path: Path) -> tuple[list[Figure], int]:
    """The radiology figures, and how many figures of other kinds there are.

    There is no official split: articles are drawn 80/10/10 by a hash of their id.

    Args:
        path: From ``find_table``; images lie beside it in ``figures``.

    Raises:
        DataError: If the file is broken: its line is named.
    """
    figures, others = [], 0
    for number, row in _rows(path):
        if row["radiology"] is not True:
            others += 1
            continue
        article, name = (_text(row[key], path, number) for key in ("pdf_hash", "fig_uri"))
        if not article or not name:
            raise DataError(f"{path}, line {number}: pdf_hash or fig_uri is empty; {_GET}")
        texts = [row["s2_caption"], *(row["s2orc_references"] or [])]
        caption, *references = ("" if text is None else _text(text, path, number) for text in texts)
        image = f"{article}_{name}"
        split = hash_split(article)
        others_say = tuple(dict.fromkeys(text for text in references if text != caption))
        place = str(path.parent / "figures" / image)
        figures.append(Figure(Path(image).stem, article, place, split, caption, others_say))
    return figures, others


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number and content of each line that is not empty, checked for the keys that are read."""
    for number, line in _lines(path):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}, line {number}: {one_line(error)}; {_GET}") from error
        missing = [key for key in _KEYS if key not in row] if isinstance(row, dict) else _KEYS
        if missing or not isinstance(row["s2orc_references"], list | None):
            problem = f"no key {missing[0]!r}" if missing else "s2orc_references is no list"
            raise DataError(f"{path}, line {number}: {problem}: a JSON object a figure was expected; {_GET}")
        yield number, row


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number and text of each line that is not empty; the file is too large to be held."""
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line
    except OSError as error:
        raise DataError(f"cannot read {path}: {one_line(error)}; {_GET}") from error


def _text(text: object, path: Path, number: int) -> str:
    if not isinstance(text, str):
        raise DataError(f"{path}, line {number}: {shown(text)} is no text; {_GET}")
    return " ".join(clean(as_western(text)).split())

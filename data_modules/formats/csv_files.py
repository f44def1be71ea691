"""The cells of CSV files as text, whatever separates them: comma, semicolon, tab or bar."""

import re
import warnings
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.errors import EmptyDataError, ParserWarning

from gkmvlp.data_modules.formats.plain_text import as_western, clean, one_line
from gkmvlp.data_modules.formats.schema import Schema, places_of, require_equal_copies
from gkmvlp.errors import DataError
from gkmvlp.texts import letters

_TITLES = 10_000  # characters among which a header is looked for
_SEPARATORS = (",", ";", "\t", "|")
# A quote inside quotes as Spark and MySQL write it: other marks than those of a cell's end follow it.
_ESCAPES_QUOTES = re.compile(rb"""[^\\]\\"[^",;\t|\r\n]""")
_ESCAPED_QUOTE = re.compile(rb"""(?<!\\)\\\"""")
_LINE_END = re.compile(rb"\r\n|\r|\n")
_SEPARATOR_LINE = re.compile(r"""\A\ufeff?"?sep=.?"?\r?\n""", re.IGNORECASE)  # Excel's note on the separator


def csv_columns(path: Path, text: str, schema: Schema, by_position: bool) -> dict[str, list[Any]]:
    """Column of the schema -> its cells.

    Args:
        path: The file, for errors.
        text: What it holds; bytes that are no text are surrogates.
        schema: What is read.
        by_position: The needed columns are the first ones, whatever the header calls them.

    Raises:
        DataError: If it is empty, lacks a column, or has rows longer than its header.
    """
    data = _SEPARATOR_LINE.sub("", text).encode(errors="surrogateescape")
    data = _ESCAPED_QUOTE.sub(b'""', data) if _ESCAPES_QUOTES.search(data) else data
    separator, header = _header(path, data, schema)
    if by_position:
        _require_nothing_behind(path, data, separator, schema, header)
        header = [*schema.needed, *("" for _ in header[len(schema.needed) :])]
    if not by_position and not _is_header(header, schema) and (line := _line_of_header(text, schema)):
        raise DataError(f"{path}: its header stands in line {line}: remove what stands above it")
    places = places_of(header, schema, path)
    # One column more than the header has, to see rows that are longer.
    table = _without_empty_end(_parse(path, data, separator, schema, names=range(len(header) + 1)).iloc[1:])
    named = len(header) if by_position else max(place for place, name in enumerate(header) if name) + 1
    longer = np.flatnonzero((table.loc[:, named:] != "").any(axis=1))
    row = longer[0] + 1 if len(longer) else _longer_row(data, separator, len(header))
    if row is not None:
        raise DataError(
            f"{path}, row {row}: it has more cells than the header; put text with a "
            f"{separator!r} in quotes, or {schema.remedy}"
        )
    require_equal_copies(header, places, lambda place: table[place].tolist(), schema, path)
    return {name: table[place].tolist() for name, place in places.items()}


def _header(path: Path, data: bytes, schema: Schema) -> tuple[str, list[str]]:
    """The separator under which the header has the needed columns, else the most columns, and the header."""
    rows = ((separator, _parse(path, data, separator, schema, nrows=1).iloc[0]) for separator in _SEPARATORS)
    headers = {separator: [clean(as_western(cell)) for cell in row] for separator, row in rows}
    needed = {letters(name) for name in schema.needed}
    return max(headers.items(), key=lambda item: (len({*map(letters, item[1])} & needed), len(item[1])))


def _is_header(names: Iterable[str], schema: Schema) -> bool:
    """Whether all needed columns are among some cells, in whatever spelling."""
    return {letters(name) for name in schema.needed} <= {*map(letters, names)}


def _line_of_header(text: str, schema: Schema) -> int | None:
    """Number of the first line that has the needed columns, below titles and notes of an export."""
    lines = enumerate(text[:_TITLES].splitlines(), 1)
    return next((n for n, line in lines if any(_is_header(line.split(mark), schema) for mark in _SEPARATORS)), None)


def _parse(path: Path, data: bytes, separator: str, schema: Schema, **options: Any) -> pd.DataFrame:
    """Cells as they stand, the header the first row; blanks between a separator and a quote are left out."""
    mark = re.escape(separator.encode())
    data = re.sub(rb"(%b) +\"(?=[^\"]|\"(?:%b|[\r\n]|\Z))" % (mark, mark), rb'\1"', data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", ParserWarning)
            return pd.read_csv(
                BytesIO(data),
                encoding_errors="surrogateescape",
                sep=separator,
                header=None,
                index_col=False,
                dtype=object,
                keep_default_na=False,
                na_filter=False,
                **options,
            )
    except EmptyDataError as error:
        raise DataError(f"{path} is empty; {schema.remedy}") from error
    except (ValueError, ParserWarning, OverflowError) as error:
        reason = one_line(error).replace("Error tokenizing data. C error: ", "")
        raise DataError(f"cannot read {path}: {reason}; {schema.remedy}") from error


def _longer_row(data: bytes, separator: str, cells: int) -> int | None:
    """The first row that ends with a separator beyond the header, which others do not: its cells were pushed there.

    Args:
        data: The file.
        separator: What separates cells.
        cells: How many the header has.
    """
    mark = separator.encode()
    if not re.search(re.escape(mark) + rb"[\r\n]|" + re.escape(mark) + rb"\Z", data):
        return None
    unquoted = re.sub(rb"(^|[\r\n]|" + re.escape(mark) + rb""") *"[^"]*(?:""[^"]*)*\"""", rb"\1q", data)
    lines = [line for line in _LINE_END.split(unquoted) if line.strip(b" \t")][1:]
    counts = [line.count(mark) + 1 for line in lines if line.strip(b" " + mark)]
    if len(set(counts)) < 2:
        return None
    return next((row for row, count in enumerate(counts, 1) if count > cells), None)


def _without_empty_end(table: pd.DataFrame) -> pd.DataFrame:
    """Cells without the rows of nothing but separators that spreadsheets leave behind the last one."""
    count = len(table)
    while count and not any(cell.strip() for cell in table.iloc[count - 1]):
        count -= 1
    return table.iloc[:count]


def _require_nothing_behind(path: Path, data: bytes, separator: str, schema: Schema, header: list[str]) -> None:
    """Checks that columns without a name hold nothing: a decimal comma would push cells there."""
    table = _parse(path, data, separator, schema, names=range(len(header) + 1)).iloc[1:]
    for column in range(len(schema.needed), len(header)):
        if not header[column] and len(filled := np.flatnonzero(table[column] != "")):
            problem = f"row {filled[0] + 1}: it has more cells than the header has names"
            raise DataError(f"{path}, {problem}; put numbers with a decimal comma in quotes, or {schema.remedy}")

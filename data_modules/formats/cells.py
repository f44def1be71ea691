"""What the cells of a table hold: text or numbers as a schema asks, with what spreadsheets made of them undone."""

import math
import re
from collections.abc import Mapping
from datetime import datetime, time
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from gkmvlp.data_modules.formats.decimals import SpellingError, with_points
from gkmvlp.data_modules.formats.plain_text import as_western, clean, shown
from gkmvlp.data_modules.formats.schema import Schema
from gkmvlp.errors import DataError

_ROUNDED = re.compile(r"[+-]?\d(?:[.,]\d+)?[eE]\+\d\d+")  # 1.23457E+12: what spreadsheets and pandas make of long ids
_KEPT_AS_TEXT = re.compile(r"""="([^"]+)"|'(\d[\d.,-]*)""")
_WHOLE = re.compile(r"-?\d+(\.(?!000$)0+)?")  # 1.000 may be a thousand
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_EXACT = 2**53  # from here on float64 leaves out whole numbers
# What programs write for a cell without a value, in small letters.
NOTHING = ("", "nan", "none", "null", "<na>", "na", "n/a", "nat")
_ANSWERS = {"true": "yes", "false": "no"}


def value_of(cell: str) -> str:
    """A cell without blanks around, "" where it says in a word that it holds nothing."""
    return "" if (text := cell.strip()).lower() in NOTHING else text


def answer_of(cell: str) -> str:
    """An answer, of which a program that knows true and false made no yes or no any more."""
    return _ANSWERS.get(cell.strip().lower(), cell)


def as_written(name: str) -> str:
    """The column that holds a column of ids as the table has it."""
    return f"{name} as written"


def as_frame(columns: Mapping[str, list[Any]], schema: Schema, source: object) -> pd.DataFrame:
    """Columns of cells as a table: text and values as ``object``, numbers as float64.

    Returns:
        The columns; behind one of ids the column ``as_written`` of it.

    Raises:
        DataError: If a cell is no text or number, or an id that a program has rounded.
    """
    series: dict[str, pd.Series] = {}
    for name, cells in columns.items():
        if name in schema.ids:
            cells = [_spelled(cell) if isinstance(cell, bytes) else cell for cell in cells]
        if name in schema.values:
            values = [as_western(cell) if isinstance(cell, str) else cell for cell in cells]
        else:
            values = _texts(cells, name, source, schema)
        if name in schema.ids:
            _require_ids(cells, name, source, schema)
            series[as_written(name)] = pd.Series([_text(cell, name, 0, source, schema) for cell in cells], dtype=object)
        series[name] = pd.Series(values, dtype=object)
    series |= _numbers({name: series[name] for name in schema.numbers if name in series}, source, schema)
    return pd.DataFrame(series)


def _texts(cells: list[Any], name: str, source: object, schema: Schema) -> list[str]:
    """A column as text, clean where the schema does not ask for it raw."""
    texts = [_text(cell, name, row, source, schema) for row, cell in enumerate(cells, 1)]
    if name in schema.raw:
        return texts
    texts = [clean(as_western(cell)) if not cell.isascii() else clean(cell) for cell in texts]
    texts = [_plain(cell) if cell[:1] in ("=", "'") else cell for cell in texts]
    if name in schema.numbers:
        return texts
    _require_whole_ids(texts, name, source, schema)
    return _whole_numbers(texts)


def _text(cell: Any, name: str, row: int, source: object, schema: Schema) -> str:
    """A cell as text; a whole number that nulls made a float is one again."""
    if isinstance(cell, str):
        return cell
    if cell is None or cell is pd.NaT or (isinstance(cell, float) and np.isnan(cell)):
        return ""
    if isinstance(cell, bytes):
        return cell.decode(errors="surrogateescape")
    if isinstance(cell, datetime) and cell.time() == time():  # a day, as other tables of it say
        return cell.date().isoformat()
    if isinstance(cell, list | dict | tuple):
        raise DataError(f"{source}, column {name}, row {row}: {shown(cell)} is no text; {schema.remedy}")
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _EXACT:
        return str(int(cell))
    return repr(cell) if isinstance(cell, Real) and not isinstance(cell, int) else str(cell)


def _require_ids(cells: list[Any], name: str, source: object, schema: Schema) -> None:
    """Checks that cells of a typed column are what ids can be."""
    for row, cell in enumerate(cells, 1):
        told = ""
        if isinstance(cell, bool):
            told = "is an answer"
        elif isinstance(cell, float | Decimal) and math.isinf(cell):
            told = "is infinite, as what was divided by nothing"
        elif cell != cell.to_integral_value() if isinstance(cell, Decimal) else _is_fraction(cell):
            told = "is a fraction"
        elif isinstance(cell, float) and abs(cell) >= _EXACT:
            told = "has lost digits"
        if told and not pd.isna(cell):
            where = f"{source}, column {name}, row {row}"
            raise DataError(f"{where}: {shown(cell)} {told}, no id: keep ids as text; {schema.remedy}")


def _spelled(cell: bytes) -> bytes:
    """An id in bytes; in hexadecimal digits where it is a number, of which a text would lose the controls."""
    return cell.hex().encode() if _CONTROLS.search(cell.rstrip(b"\0")) else cell


def _is_fraction(cell: Any) -> bool:
    """Whether a cell is a number between whole ones."""
    return isinstance(cell, float) and not cell.is_integer()


def _plain(cell: str) -> str:
    """What a cell holds that a spreadsheet was told to keep as text: ="007", '007."""
    match = _KEPT_AS_TEXT.fullmatch(cell)
    return cell if match is None else match[1] or match[2]


def _require_whole_ids(cells: list[str], name: str, source: object, schema: Schema) -> None:
    """Checks that no text is a number whose last digits a spreadsheet has dropped: several ids would be one."""
    row = next((row for row, cell in enumerate(cells, 1) if "+" in cell and _ROUNDED.fullmatch(cell)), None)
    if row is not None:
        told = f"{shown(cells[row - 1])} is a number that a program has rounded: keep the column as text"
        raise DataError(f"{source}, column {name}, row {row}: {told}; {schema.remedy}")


def _whole_numbers(cells: list[str]) -> list[str]:
    """A column of whole numbers that an empty cell made fractions ("12.0") as whole numbers again; others as it is."""
    is_fraction = False
    for cell in cells:
        match = _WHOLE.fullmatch(cell)
        if match is None and cell.lower() not in NOTHING:
            return cells
        is_fraction = is_fraction or (match is not None and match[1] is not None)
    return [cell.partition(".")[0] for cell in cells] if is_fraction else cells


def _numbers(columns: Mapping[str, pd.Series], source: object, schema: Schema) -> dict[str, pd.Series]:
    """The columns of numbers as float64, NaN where a cell is empty."""
    try:
        spelled = with_points(columns)
    except SpellingError as error:
        cell = shown(columns[error.column].iloc[error.row])
        raise DataError(f"{source}, column {error.column}, row {error.row + 1}: {cell} {error}") from error
    numbers = {}
    for name, cells in spelled.items():
        value_N = pd.to_numeric(pd.Series(cells, dtype=object), errors="coerce").to_numpy(np.float64)
        for row in np.flatnonzero(~np.isfinite(value_N)):
            if cells[row].lower() not in NOTHING:
                text = shown(columns[name].iloc[row])
                raise DataError(f"{source}, column {name}, row {row + 1}: {text} is no number; {schema.remedy}")
        numbers[name] = pd.Series(value_N)
    return numbers

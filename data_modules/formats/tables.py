"""Every table of every data set is read here: by column name, as text, and with one line for whatever is wrong.

CSV, Parquet, and lists of JSON objects.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from gkmvlp.data_modules.formats.cells import as_frame
from gkmvlp.data_modules.formats.csv_files import csv_columns
from gkmvlp.data_modules.formats.plain_text import one_line, shown
from gkmvlp.data_modules.formats.schema import Schema, places_of, require_equal_copies
from gkmvlp.data_modules.formats.text_files import decode, read_bytes
from gkmvlp.errors import DataError

# First bytes, in small letters, of what is no table, and what to do about it.
_NO_TABLE = (
    ((b"pk\x03\x04",), "is a zip archive or an Excel file: unpack it, or save it as CSV"),
    ((b"\xd0\xcf\x11\xe0",), "is an Excel file of former times: save it as CSV"),
    ((b"version https://git-lfs",), "is a Git LFS pointer: get the file with git lfs pull"),
    ((b"<!doctype", b"<html", b"<?xml"), "is a page or message of a server: fetch it again"),
    ((b"{\\rtf",), "is a text of a word processor (RTF): save it as CSV"),
    (
        (b"arrow1", b"\x80\x04\x95", b"\x80\x05\x95", b"\x93numpy", b"\x89hdf", b"sqlite format 3"),
        "is a file of a program (Feather, pickle, NumPy, HDF5 or SQLite): save it as CSV or Parquet",
    ),
    ((b"[", b"{"), "is JSON, a table was expected: save it as CSV or Parquet"),
)
_PARQUET = b"PAR1"
# Whole numbers up to which a type of short fractions leaves none out.
_EXACT = {pa.float16(): 2**11, pa.float32(): 2**24}


def read_table(path: Path, schema: Schema, by_position: bool = False) -> pd.DataFrame:
    """Reads a CSV or Parquet file, told apart by their first bytes.

    Args:
        path: The file.
        schema: What is read.
        by_position: The needed columns are the first ones, whatever the header calls them.

    Returns:
        The columns that are there, text as ``object``, numbers as float64.

    Raises:
        DataError: If the file is missing or broken, lacks a column or has it twice, has rows longer than its header,
            or a cell is no text or number: the file, the column, the row (counted from 1 below the header) and the
            remedy are named.
    """
    data = read_bytes(path, schema.remedy)
    if data[:4] == _PARQUET:
        columns = _parquet_columns(path, schema)
    elif told := next((told for marks, told in _NO_TABLE if data[:64].lstrip().lower().startswith(marks)), None):
        raise DataError(f"{path} {told}; {schema.remedy}")
    else:
        columns = csv_columns(path, decode(path, data, schema.remedy), schema, by_position)
    return as_frame(columns, schema, path)


def read_shards(paths: Sequence[Path], schema: Schema) -> pd.DataFrame:
    """Several files as one table; the column ``shard`` holds the stem of each row's file."""
    return pd.concat([read_table(path, schema).assign(shard=path.stem) for path in paths], ignore_index=True)


def to_table(rows: Any, schema: Schema, source: object) -> pd.DataFrame:
    """A list of JSON objects as a table: the needed and optional keys, "" where an optional one is not there.

    Raises:
        DataError: If it is no list of objects, or one lacks a key or has a value that is no text or number.
    """
    if not isinstance(rows, list):
        raise DataError(f"{source} holds no list of rows; {schema.remedy}")
    columns: dict[str, list[Any]] = {name: [] for name in (*schema.needed, *schema.optional)}
    known: dict[tuple[str, ...], dict[str, int]] = {}
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise DataError(f"{source}, row {number}: {shown(row)} is no JSON object; {schema.remedy}")
        keys = tuple(row)
        places = known.get(keys) or places_of(keys, schema, f"{source}, row {number},", "key")
        known[keys] = places
        values = [[cell] for cell in row.values()]
        require_equal_copies(keys, places, values.__getitem__, schema, source, number)
        for name, cells in columns.items():
            cells.append(row[keys[places[name]]] if name in places else None)
    return as_frame(columns, schema, source)


def _parquet_columns(path: Path, schema: Schema) -> dict[str, list[Any]]:
    try:
        file = parquet.ParquetFile(path)
        names = file.schema_arrow.names
    # Arrow raises what the broken bytes happen to lead to.
    except Exception as error:
        raise DataError(f"cannot read {path}: {one_line(error)}; {schema.remedy}") from error
    places = places_of(names, schema, path)
    columns = {name: names[place] for name, place in places.items()}
    try:
        require_equal_copies(names, places, lambda place: file.read([names[place]])[0].to_pylist(), schema, path)
        table = file.read(columns=list(columns.values()))
        cells = {name: table[column].to_pylist() for name, column in columns.items()}
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"cannot read {path}: {one_line(error)}; {schema.remedy}") from error
    for name in set(schema.ids) & set(columns):
        limit = _EXACT.get(file.schema_arrow.field(columns[name]).type, np.inf)
        if rounded := [cell for cell in cells[name] if isinstance(cell, float) and limit < abs(cell) < np.inf]:
            told = f"{rounded[0]:.0f} has lost digits, no id: keep ids as text"
            raise DataError(f"{path}, column {name}, row {cells[name].index(rounded[0]) + 1}: {told}; {schema.remedy}")
    return cells

"""Every table of every data set is read here: by column name, as text, and with one line for whatever is wrong.

CSV (comma, semicolon, tab or bar; gz, bz2, xz or zst), Parquet, and lists of JSON objects. Text is UTF-8, or UTF-16 or
UTF-32 where the file's first bytes say so or every second one is zero; bytes that are none of it are read as Latin-1.
"""

import bz2
import codecs
import gzip
import json
import lzma
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.errors import EmptyDataError, ParserWarning
from pyarrow import parquet

from gkmvlp.data_modules.formats.decimals import SpellingError, with_points
from gkmvlp.errors import DataError, nearest
from gkmvlp.texts import letters

_UNPACK: dict[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": gzip.decompress,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ": lzma.decompress,
    b"\x28\xb5\x2f\xfd": lambda data: bytes(pa.CompressedInputStream(pa.BufferReader(data), "zstd").read()),
}
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
# UTF-32 first: its mark begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_SEPARATORS = (",", ";", "\t", "|")
_SEPARATOR_LINE = re.compile(r"""\A\ufeff?"?sep=.?"?\r?\n""", re.IGNORECASE)  # Excel's note on the separator
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u2028\u2029\u2060\ufeff]+")
_ROUNDED = re.compile(r"[+-]?\d(?:[.,]\d+)?E\+\d\d+")  # 1.23457E+12: what spreadsheets make of long ids
_KEPT_AS_TEXT = re.compile(r"""="([^"]+)"|'(\d[\d.,-]*)""")
_WHOLE = re.compile(r"-?\d+(\.0+)?")
# What programs write for a cell without a value, in small letters.
NOTHING = ("", "nan", "none", "null", "<na>", "na", "n/a", "nat")
_ANSWERS = {"true": "yes", "false": "no"}
_SHOWN = 60  # characters of a cell in an error


@dataclass(frozen=True)
class Schema:
    """What is read of a table.

    Attributes:
        needed: Columns that must be there.
        optional: Columns that are read where they are there.
        numbers: Those of them that hold finite numbers, with decimal points or, in all of them, commas; an empty cell
            is NaN.
        raw: Those whose text is kept as it is, with bytes that are no UTF-8 as surrogates. Other text loses the blanks
            at its ends, and its line breaks and control characters become blanks.
        values: Those whose cells stay the Python objects that Parquet or JSON gives.
        remedy: What the user is told to do about an error.
    """

    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    raw: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    remedy: str = "use the official file"


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
    data = _read_bytes(path, schema.remedy)
    if data[:4] == _PARQUET:
        columns = _parquet_columns(path, schema)
    elif told := next((told for marks, told in _NO_TABLE if data[:64].lstrip().lower().startswith(marks)), None):
        raise DataError(f"{path} {told}; {schema.remedy}")
    else:
        columns = _csv_columns(path, decode(path, data, schema.remedy), schema, by_position)
    return _as_frame(columns, schema, path)


def read_shards(paths: Sequence[Path], schema: Schema) -> pd.DataFrame:
    """Several files as one table; the column ``shard`` holds the stem of each row's file."""
    return pd.concat([read_table(path, schema).assign(shard=path.stem) for path in paths], ignore_index=True)


def read_json(path: Path, remedy: str) -> Any:
    """The content of a JSON file; of one with an object a line a list of them.

    Raises:
        DataError: If it is missing or broken.
    """
    data = _read_bytes(path, remedy)
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
        places = known.get(keys) or _named(keys, schema, f"{source}, row {number},", "key")
        known[keys] = places
        for name, cells in columns.items():
            cells.append(row[keys[places[name]]] if name in places else None)
    return _as_frame(columns, schema, source)


def read_text(path: Path, remedy: str = "use the official file") -> str:
    """A text file in any of the encodings that tables come in.

    Raises:
        DataError: If it is missing or broken.
    """
    text = as_latin1(decode(path, _read_bytes(path, remedy), remedy))
    return text if "\n" in text.strip() else text.replace("\r", "\n")  # lines as old Macs, and Excel on them, end them


def decode(source: object, data: bytes, remedy: str) -> str:
    """Bytes as text without NUL; bytes that are no UTF-8 become surrogates.

    Raises:
        DataError: If they begin as UTF-16 or UTF-32 and are not.
    """
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), _guess(data))
    try:
        return data.decode(encoding).replace("\0", "")
    except UnicodeDecodeError as error:
        if encoding.startswith("utf-8"):
            return data.decode(encoding, "surrogateescape").replace("\0", "")
        raise DataError(f"cannot read {source}: it begins as {encoding} and ends otherwise; {remedy}") from error


def _guess(data: bytes) -> str:
    """UTF-16 without its mark has a zero in nearly every second byte of Western text."""
    sample = np.frombuffer(data[: min(len(data), 4096) // 2 * 2], np.uint8).reshape(-1, 2)
    high, low = (sample == 0).mean(0) if len(sample) else (0.0, 0.0)
    return "utf-16-le" if low > 0.4 > high else "utf-16-be" if high > 0.4 > low else "utf-8"


def as_latin1(text: str) -> str:
    """Text whose wrong bytes are surrogates, read as Latin-1 where it has any."""
    try:
        text.encode()
    except UnicodeEncodeError:
        try:
            return text.encode(errors="surrogateescape").decode("latin-1")
        except UnicodeEncodeError:  # a lone surrogate that JSON spelled out
            return text.encode(errors="replace").decode()
    return text


def shown(value: object) -> str:
    """A value as an error shows it: in quotes, in one line, cut where it is long."""
    text = value if isinstance(value, str) else str(value)
    return repr(as_latin1(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."))


def one_line(error: BaseException) -> str:
    """What an error says, in one line, cut where it is long."""
    return as_latin1(" ".join(str(error).split())[:200]) or type(error).__name__


def clean(text: str) -> str:
    """Text without blanks at its ends; line breaks and control characters become blanks."""
    return text.strip() if text.isprintable() else _CONTROL.sub(" ", text).strip()


def _read_bytes(path: Path, remedy: str) -> bytes:
    try:
        data = path.read_bytes()
        for mark, unpack in _UNPACK.items():
            if data.startswith(mark):
                return unpack(data)
    # Unpacking raises OSError, EOFError, zlib.error, LZMAError; paths ValueError.
    except Exception as error:
        raise DataError(f"cannot read {path}: {one_line(error)}; {remedy}") from error
    return data


def _named(names: Sequence[str], schema: Schema, path: object, kind: str = "column") -> dict[str, int]:
    """Column of the schema -> its place in the header, for those that are there.

    A name of the header that differs in case, blanks and marks alone (``Image Index`` from image_index) is taken where
    none is exact.

    Raises:
        DataError: If a needed column is not there, or one stands twice.
    """
    wanted = (*schema.needed, *schema.optional)
    exact = {name: [place for place, other in enumerate(names) if other == name] for name in wanted}
    free = [place for place, other in enumerate(names) if other not in exact]
    alike: dict[str, list[int]] = {}
    for place in free:
        alike.setdefault(letters(names[place]), []).append(place)
    found: dict[str, int] = {}
    for name in wanted:
        places = exact[name] or alike.get(letters(name), [])
        if len(places) > 1:
            spelled = " and ".join(dict.fromkeys(shown(names[place]) for place in places))
            raise DataError(f"{path} has the {kind} {name!r} {len(places)} times ({spelled}): {schema.remedy}")
        if places:
            found[name] = places[0]
        elif name in schema.needed:
            raise DataError(f"{path} has no {kind} {name!r}, only {_others(name, names)}: {schema.remedy}")
    return found


def _others(name: str, names: Sequence[str]) -> str:
    """The columns that are there, and the one of them that may have been meant."""
    by_letters = {letters(other): other for other in names}
    near = nearest(letters(name), by_letters, 0.6)
    columns = ", ".join(shown(other)[1:-1] for other in list(dict.fromkeys(names))[:40])
    return (columns or "nothing") + (f" (did you mean {shown(by_letters[near])}?)" if near else "")


def _parquet_columns(path: Path, schema: Schema) -> dict[str, list[Any]]:
    try:
        file = parquet.ParquetFile(path)
        names = file.schema_arrow.names
    # Arrow raises what the broken bytes happen to lead to.
    except Exception as error:
        raise DataError(f"cannot read {path}: {one_line(error)}; {schema.remedy}") from error
    columns = {name: names[place] for name, place in _named(names, schema, path).items()}
    try:
        table = file.read(columns=list(columns.values()))
        return {name: table[column].to_pylist() for name, column in columns.items()}
    except Exception as error:
        raise DataError(f"cannot read {path}: {one_line(error)}; {schema.remedy}") from error


def _csv_columns(path: Path, text: str, schema: Schema, by_position: bool) -> dict[str, list[Any]]:
    data = _SEPARATOR_LINE.sub("", text).encode(errors="surrogateescape")
    separator, header = _header(path, data, schema)
    if by_position:
        _require_nothing_behind(path, data, separator, schema, header)
        header = [*schema.needed, *("" for _ in header[len(schema.needed) :])]
    places = _named(header, schema, path)
    # One column more than the header has, to see rows that are longer.
    table = _without_empty_end(_parse(path, data, separator, schema, names=range(len(header) + 1)).iloc[1:])
    longer = np.flatnonzero(table[len(header)] != "")
    if len(longer):
        raise DataError(
            f"{path}, row {longer[0] + 1}: it has more cells than the header; put text with a "
            f"{separator!r} in quotes, or {schema.remedy}"
        )
    return {name: table[place].tolist() for name, place in places.items()}


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


def _header(path: Path, data: bytes, schema: Schema) -> tuple[str, list[str]]:
    """The separator under which the header has the needed columns, else the most columns, and the header."""
    rows = ((separator, _parse(path, data, separator, schema, nrows=1).iloc[0]) for separator in _SEPARATORS)
    headers = {separator: [clean(as_latin1(cell)) for cell in row] for separator, row in rows}
    needed = {letters(name) for name in schema.needed}
    return max(headers.items(), key=lambda item: (len({*map(letters, item[1])} & needed), len(item[1])))


def _parse(path: Path, data: bytes, separator: str, schema: Schema, **options: Any) -> pd.DataFrame:
    """Cells as they stand, the header the first row."""
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


def _as_frame(columns: Mapping[str, list[Any]], schema: Schema, source: object) -> pd.DataFrame:
    series: dict[str, pd.Series] = {}
    for name, cells in columns.items():
        if name in schema.values:
            values = [as_latin1(cell) if isinstance(cell, str) else cell for cell in cells]
            series[name] = pd.Series(values, dtype=object)
            continue
        texts = [_text(cell, name, row, source, schema) for row, cell in enumerate(cells, 1)]
        if name not in schema.raw:
            texts = [clean(as_latin1(cell)) if not cell.isascii() else clean(cell) for cell in texts]
            texts = [_plain(cell) if cell[:1] in ("=", "'") else cell for cell in texts]
            if name not in schema.numbers:
                _require_whole_ids(texts, name, source, schema)
                texts = _whole_numbers(texts)
        series[name] = pd.Series(texts, dtype=object)
    series |= _numbers({name: series[name] for name in schema.numbers if name in series}, source, schema)
    return pd.DataFrame(series)


def value_of(cell: str) -> str:
    """A cell without blanks around, "" where it says in a word that it holds nothing."""
    return "" if (text := cell.strip()).lower() in NOTHING else text


def answer_of(cell: str) -> str:
    """An answer, of which a program that knows true and false made no yes or no any more."""
    return _ANSWERS.get(cell.strip().lower(), cell)


def _plain(cell: str) -> str:
    """What a cell holds that a spreadsheet was told to keep as text: ="007", '007."""
    match = _KEPT_AS_TEXT.fullmatch(cell)
    return cell if match is None else match[1] or match[2]


def _require_whole_ids(cells: list[str], name: str, source: object, schema: Schema) -> None:
    """Checks that no text is a number whose last digits a spreadsheet has dropped: several ids would be one."""
    row = next((row for row, cell in enumerate(cells, 1) if "E+" in cell and _ROUNDED.fullmatch(cell)), None)
    if row is not None:
        told = f"{shown(cells[row - 1])} is a number that a spreadsheet has rounded: keep the column as text"
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


def _text(cell: Any, name: str, row: int, source: object, schema: Schema) -> str:
    """A cell as text; a whole number that nulls made a float is one again."""
    if isinstance(cell, str):
        return cell
    if cell is None or cell is pd.NaT or (isinstance(cell, float) and np.isnan(cell)):
        return ""
    if isinstance(cell, bytes):
        return cell.decode(errors="surrogateescape")
    if isinstance(cell, list | dict | tuple):
        raise DataError(f"{source}, column {name}, row {row}: {shown(cell)} is no text; {schema.remedy}")
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    return repr(cell) if isinstance(cell, Real) and not isinstance(cell, int) else str(cell)


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

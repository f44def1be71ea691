"""Predictions files: one Parquet file a task, one row a scored unit, metadata under the key ``gkmvlp``."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from gkmvlp.errors import ResultsError
from gkmvlp.metrics.assemble import BASELINE, signatures
from gkmvlp.metrics.bootstrap import LEVEL
from gkmvlp.metrics.protocols import PROTOCOLS
from gkmvlp.whole_files import replacing

META_KEY = b"gkmvlp"
FORMER_BASELINE = "floor:"  # how models that are baselines begin in files that were written before
_COMMON = {"sample_id": "text", "patient_id": "text", "model": "text", "seed": "int"}
# what rows may tell of their group; None and NaN where it is not known
_OPTIONAL = {"fold": "int", "sex": "text?", "age": "number?", "view": "text?", "source": "text?"}
_REQUIRED = ("task", "data", "split")
# columns that tell one scored unit from another
_UNITS = ("sample_id", "fold", "entity", "question", "direction", "metric", "output", "region")
_DEFAULTS: dict[str, Any] = {
    "boxes": None, "label_fraction": None, "signature": {}, "command": None, "commit": None, "note": None,
    "level": LEVEL, "credentialed": False, "trained_on": None,
}  # fmt: skip

_FITS: dict[str, Callable[[pd.Series], bool]] = {
    "bool": pd.api.types.is_bool_dtype,
    "int": pd.api.types.is_integer_dtype,
    "number": pd.api.types.is_numeric_dtype,
    "text": pd.api.types.is_string_dtype,
}


def write_predictions(path: str | Path, table: pd.DataFrame, meta: Mapping[str, Any]) -> None:
    """Write a predictions file under its name in one step.

    Args:
        path: The file; its folder is made.
        table: The common columns (``sample_id, patient_id, model, seed``, optionally ``fold``, and ``sex``, ``age`` in
            years, ``view`` and ``source``, by which figures are told of groups too), the task's own
            (``PROTOCOLS[task].columns``) and any others, which are kept.
        meta: ``task, data, split``; optionally ``boxes, label_fraction, signature`` (parts of the signature beyond
            the task's own), ``group`` (what ``patient_id`` holds, default ``patient``), ``command, commit, note,
            credentialed, trained_on``. The full signatures of the file's figures are added as ``signatures``.

    Raises:
        ResultsError: If metadata or columns are not what the task needs.
    """
    path = Path(path)
    full = {**_DEFAULTS, **meta}
    _check_meta(full, path)
    _check_table(table, full, path)
    full["signatures"] = signatures(PROTOCOLS[full["task"]], table, full)
    write_table(path, table, full)


def write_table(path: Path, table: pd.DataFrame, meta: Mapping[str, Any]) -> None:
    """Write rows with metadata under the file's name in one step; nothing is checked."""
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    arrow = arrow.replace_schema_metadata({**(arrow.schema.metadata or {}), META_KEY: json.dumps(dict(meta)).encode()})
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        pq.write_table(arrow, part, compression="zstd")


def read_predictions(path: str | Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Rows and metadata of a predictions file; baselines of former files get their name of today.

    Raises:
        ResultsError: If the file is absent, not Parquet, without our metadata, or lacks columns.
    """
    path = Path(path)
    try:
        arrow = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else "not readable as Parquet"
        raise ResultsError(f"{path}: expected a predictions file in Parquet, {reason}; name one that exists") from error
    raw = (arrow.schema.metadata or {}).get(META_KEY)
    if raw is None:
        raise ResultsError(f"{path}: expected metadata under {META_KEY.decode()!r}, got none; write it by this package")
    meta = {**_DEFAULTS, **json.loads(raw)}
    table = arrow.to_pandas()
    _check_meta(meta, path)
    _check_table(table, meta, path)
    table["model"] = table["model"].str.replace(f"^{FORMER_BASELINE}", BASELINE, regex=True)
    return table, meta


def _check_meta(meta: Mapping[str, Any], path: Path) -> None:
    missing = [key for key in _REQUIRED if not meta.get(key)]
    if missing:
        raise ResultsError(f"{path}: metadata lacks {', '.join(missing)}; give them when the predictions are written")
    if meta["task"] not in PROTOCOLS:
        raise ResultsError(f"{path}: task {meta['task']!r} has no figures; one of {', '.join(PROTOCOLS)}")


def _check_table(table: pd.DataFrame, meta: Mapping[str, Any], path: Path) -> None:
    """Columns there, of their kind, without gaps; every model and seed on the same units."""
    task = PROTOCOLS[meta["task"]]
    optional = {name: kind for name, kind in {**_OPTIONAL, **task.optional}.items() if name in table}
    kinds = {**_COMMON, **task.columns, **optional}
    missing = [name for name in kinds if name not in table]
    if missing:
        raise ResultsError(f"{path}: predictions of {meta['task']} lack the columns {', '.join(missing)}")
    for name, kind in kinds.items():
        problem = _problem(table[name], kind)
        if problem:
            raise ResultsError(f"{path}: column {name} of {meta['task']}: {problem}; write the predictions anew")
    units = [name for name in _UNITS if name in table]
    sizes = table.groupby(["model", "seed"]).size()
    distinct = table.drop_duplicates(["model", "seed", *units]).groupby(["model", "seed"]).size()
    if sizes.nunique() > 1 or (distinct != len(table.drop_duplicates(units))).any():
        counts = ", ".join(f"{model} seed {seed}: {n}" for (model, seed), n in sizes.items())
        raise ResultsError(f"{path}: every model and seed must score the same units, got {counts}")


def _problem(column: pd.Series, kind: str) -> str | None:
    """What is wrong with a column of that kind, or None."""
    if kind == "boxes":
        return None if column.map(lambda flat: len(flat) % 4 == 0).all() else "expected lists of 4K numbers, xyxy"
    if kind == "numbers":  # lists that are all empty come without a type
        finite = column.map(lambda flat: bool(np.isfinite(np.asarray(flat, float)).all()))
        return None if finite.all() else "expected lists of numbers"
    if kind == "target":
        return None if column.dropna().isin([0, 1]).all() else "expected 1, 0 or null"
    if kind == "probability":
        return None if pd.to_numeric(column, "coerce").between(0, 1).all() else "expected numbers in [0, 1]"
    if not kind.endswith("?") and column.isna().any():
        return f"{int(column.isna().sum())} of {len(column)} values are missing"
    plain = kind.rstrip("?")
    # A column of nothing but nulls has no dtype of its own.
    return None if _FITS[plain](column) or column.isna().all() else f"expected {plain}, got {column.dtype}"

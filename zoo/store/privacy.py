"""What may not leave the machine: images or text of credentialed data."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import gkmvlp.data_modules
from gkmvlp.errors import ZooError
from gkmvlp.metrics.results.predictions import META_KEY
from gkmvlp.notices import is_phantom

# files of a run that hold images, reports or answers, or rows about single patients
_TELLING = (".png", ".jpg", ".jpeg", ".dcm", ".npy", ".html", ".parquet", ".csv", ".txt", ".jsonl")


def refuse_credentialed(folder: Path, config: Mapping[str, Any]) -> None:
    """Refuse the folder of a run on credentialed data while images or text of it lie there.

    Raises:
        ZooError: Then; the first such file is named.
    """
    source = _credentialed_module(config) or _credentialed_predictions(folder)
    if not source:
        return
    telling = (f for f in sorted(folder.rglob("*")) if f.name.endswith(_TELLING) or f.name == "answers.json")
    events = (f for f in sorted(folder.rglob("*tfevents*")))
    if file := next(telling, None) or next(events, None):
        raise ZooError(
            f"{file}: images or text of credentialed data ({source}) may not be published: copy config.yaml, "
            "results.json, manifest.json and the model, without such files, to a folder of their own"
        )


def _credentialed_module(config: Mapping[str, Any]) -> str | None:
    """Name of the config's DataModule where its data are credentialed, or nobody here can tell."""
    data = config.get("data") or {}
    package, _, name = str(data.get("class_path", "")).rpartition(".")
    known = getattr(gkmvlp.data_modules, name, None) if package in ("", "gkmvlp.data_modules") else None
    options = data.get("init_args") or {}
    if is_phantom(str(options.get("dataset_name") or options.get("name"))):  # of today, of earlier runs
        return None
    return name if known is None or known.credentialed else None


def _credentialed_predictions(folder: Path) -> str | None:
    """Data set of predictions that are marked as credentialed."""
    for file in sorted(folder.rglob("*.parquet")):
        try:
            meta = json.loads((pq.read_schema(file).metadata or {}).get(META_KEY, b"{}"))
        except (pa.ArrowInvalid, ValueError):  # a table of something else
            continue
        if meta.get("credentialed") and not is_phantom(str(meta.get("data"))):
            return str(meta.get("data"))
    return None

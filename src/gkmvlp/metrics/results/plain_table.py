"""A table for docs/results that holds no figures: measured limits, chosen rates, losses of a run."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gkmvlp.metrics.results.metric_result import SCHEMA, write_text
from gkmvlp.metrics.results.provenance import commit, created


def write_table(
    path: Path,
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    command: str,
    seconds: float,
    note: str | None = None,
    **more: Any,
) -> None:
    """Writes a plain table (``kind: table``) under its name in one step.

    Args:
        path: The JSON file.
        title: Its heading on the page where the template does not name the file.
        columns: Heading of each column.
        rows: Rows of that width; floats get three decimals on the page, texts stay as they are.
        command: What made it, without a local path.
        seconds: How long that took.
        note: What stands under the table.
        **more: Further keys that the page does not show, such as curves.
    """
    out = {"schema": SCHEMA, "kind": "table", "title": title, "created": created(), "commit": commit(),
           "command": command, "seconds": seconds, "columns": list(columns), "rows": [list(row) for row in rows],
           "note": note, **more}  # fmt: skip
    write_text(path, json.dumps(out, indent=1, allow_nan=False) + "\n")

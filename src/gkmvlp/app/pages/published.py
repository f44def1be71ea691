"""Published figures as quotations: with protocol, source, and whether the split leaks; never among our own."""

from pathlib import Path
from typing import Any

import yaml

from gkmvlp.errors import ResultsError
from gkmvlp.metrics.results.tables import markdown_table

COLUMNS = ("method", "figure", "value", "protocol", "does the split leak", "source")


def published(file: Path, table: str) -> str:
    """The quotations that stand beside one of our tables.

    Args:
        file: YAML: name of the table -> rows with ``COLUMNS`` as keys.
        table: Name of the table.

    Raises:
        ResultsError: If the file has no such table, or a row has other keys.
    """
    tables = read_published(file)
    if table not in tables:
        raise ResultsError(f"{file}: no table {table}; one of {', '.join(tables)} was expected")
    return markdown_table(COLUMNS, [[str(row[name]) for name in COLUMNS] for row in tables[table]])


def read_published(file: Path) -> dict[str, list[dict[str, Any]]]:
    """All tables of quotations.

    Raises:
        ResultsError: If the file cannot be read, or a row has not exactly ``COLUMNS``.
    """
    try:
        tables: dict[str, list[dict[str, Any]]] = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ResultsError(f"{file}: expected published figures in YAML ({error})") from error
    for name, rows in tables.items():
        for row in rows:
            if odd := sorted(set(row) ^ set(COLUMNS)):
                raise ResultsError(f"{file}: a row of {name} has exactly {', '.join(COLUMNS)}; differing: {odd}")
    return tables

"""The figures of a predictions file: which task's module computes them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gkmvlp.errors import ResultsError
from gkmvlp.metrics import assemble, groups
from gkmvlp.metrics.protocols import PROTOCOLS
from gkmvlp.metrics.results.group_result import GroupedResult
from gkmvlp.metrics.results.metric_result import MetricResult
from gkmvlp.metrics.results.predictions import read_predictions


def figures_of(path: str | Path) -> list[MetricResult]:
    """Every figure of a predictions file, computed from its rows.

    Raises:
        ResultsError: If the file cannot be read, has the wrong columns, or was written under another definition of
            its figures than this package's.
    """
    table, meta = read_predictions(path)
    figures = assemble.figures(PROTOCOLS[meta["task"]], table, meta)
    foreign = {figure.signature for figure in figures} - set(meta.get("signatures", []))
    if foreign:
        raise ResultsError(f"{path}: written under other signatures than {min(foreign)!r}; write the predictions anew")
    return [replace(figure, predictions=str(path)) for figure in figures]


def groups_of(path: str | Path, by: Sequence[str] | None = None) -> list[GroupedResult]:
    """The main figures of a predictions file by groups of its rows.

    Args:
        path: The file.
        by: Columns; None takes those of sex, age, view and source that the file knows, which may be none.

    Raises:
        ResultsError: If the file cannot be read or has the wrong columns.
        UsageError: If it lacks a column of ``by``.
    """
    table, meta = read_predictions(path)
    by = groups.known_columns(table) if by is None else by
    return groups.grouped(PROTOCOLS[meta["task"]], table, meta, by)

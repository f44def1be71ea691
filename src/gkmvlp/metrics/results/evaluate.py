"""The figures of a predictions file: which task's module computes them."""

from dataclasses import replace
from pathlib import Path

from gkmvlp.errors import ResultsError
from gkmvlp.metrics import assemble
from gkmvlp.metrics.protocols import PROTOCOLS
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

"""What a recipe ends with: the figures of its predictions in ``results.json``, the main ones on stdout."""

import time
from pathlib import Path

from gkmvlp.metrics.evaluate import figures_of
from gkmvlp.metrics.figure import Results
from gkmvlp.metrics.provenance import command, commit, created
from gkmvlp.metrics.tables import interval, is_headline


def conclude(out: Path, start: float, peak_bytes: int) -> None:
    """Computes the figures of every predictions file of a run, writes and prints them.

    Args:
        out: The run's folder.
        start: When the recipe began, by ``time.monotonic``.
        peak_bytes: Highest resident memory of its processes.
    """
    figures = [figure for file in sorted((out / "predictions").glob("*.parquet")) for figure in figures_of(file)]
    results = Results(created(), command(), commit(), time.monotonic() - start, peak_bytes, figures)
    results.write(out / "results.json")
    for figure in filter(is_headline, figures):
        floors = ", ".join(f"{name} {interval(floor)}" for name, floor in figure.floors.items())
        value = interval({"value": figure.value, "low": figure.low, "high": figure.high})
        name = f"{figure.name} {figure.label or ''}"
        print(f"{figure.task:22s} {name:28s} {figure.model or '':24s} {value:24s} floor: {floors or 'none'}")
    print(f"figures in {out / 'results.json'}")

"""The pieces of a table on patients: each is run, printed and recorded by itself, so that a call can go on later."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gkmvlp.app.running.outcome import write_results
from gkmvlp.errors import UsageError
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.metric_result import MetricResult
from gkmvlp.metrics.results.provenance import ProcessTreePeak

Piece = Callable[[Path], Sequence[MetricResult]]  # its folder -> its figures


def run_pieces(
    table: str, pieces: Mapping[str, Piece], only: Sequence[str] | None, out: Path, record: Path | None
) -> None:
    """Runs pieces one after the other; figures of each stand in its folder, ``out/PIECE/results.json``.

    Args:
        table: Name of the table.
        pieces: Name -> what makes it.
        only: Names of those that are made; None makes all.
        out: Folder of the table.
        record: Folder that gets ``TABLE-PIECE.json`` too.

    Raises:
        UsageError: If ``only`` names another.
    """
    if strange := sorted(set(only or ()) - set(pieces)):
        raise UsageError(f"--only {strange[0]}: one of {', '.join(pieces)} was expected")
    for name, piece in pieces.items():
        if only is None or name in only:
            print(f"{table}: {name}", flush=True)
            with ProcessTreePeak() as peak:
                figures = piece(out / name)
            write_results(out / name, figures, peak, record and record / f"{table}-{name}.json")


def all_figures(files: Sequence[Path]) -> list[MetricResult]:
    """The figures of several predictions files."""
    return [figure for file in files for figure in figures_of(file)]

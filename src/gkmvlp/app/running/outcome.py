"""What a run ends with: its figures in ``results.json``, the main ones on stdout, and its page."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gkmvlp.app.pages.run_page import figures_of_run, write_run_page
from gkmvlp.metrics.results.evaluate import groups_of
from gkmvlp.metrics.results.group_result import GroupedResult
from gkmvlp.metrics.results.metric_result import MetricResult
from gkmvlp.metrics.results.provenance import ProcessTreePeak, results_of
from gkmvlp.metrics.results.tables import figure_lines, gap_lines


def finish_run(out: Path, cost: ProcessTreePeak, recorded: Path | None = None) -> None:
    """Computes the figures of every predictions file of a run, writes and prints them, and writes its page.

    Args:
        out: The run's folder.
        cost: Time and memory of the processes that made it.
        recorded: A file that gets the figures too.
    """
    figures_by_file = figures_of_run(out)
    figures = [figure for of_file in figures_by_file.values() for figure in of_file]
    groups = write_results(out, figures, cost, recorded)
    if figures:
        print(f"look at {write_run_page(out, figures_by_file, groups)}")


def write_results(
    out: Path, figures: Sequence[MetricResult], cost: ProcessTreePeak, recorded: Path | None = None
) -> list[GroupedResult]:
    """Writes figures to ``results.json`` in a folder, and prints the main ones (see ``finish_run``).

    ``recorded`` gets the figures alone: predictions stay where they are, as others' ids do not go into the repository.

    Returns:
        The main figures by groups of patients, where the predictions know them; they are written too.
    """
    files = dict.fromkeys(figure.predictions for figure in figures if figure.predictions)
    groups = [grouped for file in files for grouped in groups_of(file)]
    results = results_of(figures, cost, groups)
    results.write(out / "results.json")
    print(*figure_lines(figures), *gap_lines(groups), sep="\n")
    print(f"figures in {out / 'results.json'}")
    if recorded:
        replace(results, figures=[replace(figure, predictions=None) for figure in figures]).write(recorded)
    return groups

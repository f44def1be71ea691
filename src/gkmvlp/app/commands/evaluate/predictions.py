"""Evaluate a backbone without training, predictions files, or the folder of a run.

The main figures of predictions files are computed anew and printed, with --by also those of each group of patients and
the gap between the best and the worst; --json prints all of them. A folder that fit and test left gets results.json and
report.html too, as the recipes (make pretrain, make finetune-...) end with, unless they are there: compare and zoo
publish read them.

gkmvlp evaluate grounding and gkmvlp evaluate retrieval test a backbone; gkmvlp evaluate page writes the page alone.

With --radeval generated reports are scored by RadGraph and CheXbert first: PYTHON is that of an environment which has
radeval and pyarrow. The scores stay in NAME_clinical.parquet beside the predictions.
"""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the files."""
    named = "predictions of a run, FILE.parquet, or its folder"
    parser.add_argument("places", metavar="FILE_OR_RUN", nargs="+", help=named)
    parser.add_argument("--radeval", metavar="PYTHON", help="score generated reports by radeval, found there")
    parser.add_argument(
        "--radeval-metrics", metavar="NAME", nargs="+", default=["radgraph", "f1chexbert"], help="(radgraph f1chexbert)"
    )
    by = "also by groups: sex, age, view, source, or any other column of the predictions"
    parser.add_argument("--by", metavar="COLUMN", nargs="+", help=by)
    parser.add_argument("--json", action="store_true", help="print JSON: every figure, of single labels too")


def run(arguments: argparse.Namespace) -> int:
    """Print the figures, or ``{"figures": [...]}`` with ``"groups": [...]``; write those of a run."""
    from gkmvlp.errors import UsageError

    is_only_read = arguments.json or arguments.by or arguments.radeval
    files: list[Path] = []
    for place in map(Path, arguments.places):
        if not place.is_dir():
            files.append(place)
        elif not (inside := sorted(place.glob("predictions/*.parquet"))):
            wanted = "expected predictions/*.parquet, found none"
            raise UsageError(f"{place}: {wanted}; run gkmvlp test, or name a run's folder")
        elif is_only_read or _is_finished(place, inside):
            files += inside
        else:
            _finish(place)
    if files:
        _print(files, arguments)
    return 0


def _is_finished(folder: Path, predictions: list[Path]) -> bool:
    """Whether a run's results are of its predictions: they hold what the training cost, which is not known here."""
    results = folder / "results.json"
    return results.is_file() and all(results.stat().st_mtime >= file.stat().st_mtime for file in predictions)


def _finish(folder: Path) -> None:
    """Figures and page of a run."""
    from gkmvlp.app.running.outcome import finish_run
    from gkmvlp.metrics.results.provenance import ProcessTreePeak

    with ProcessTreePeak() as cost:
        finish_run(folder, cost)


def _print(files: list[Path], arguments: argparse.Namespace) -> None:
    """Print the figures of predictions files."""
    import dataclasses
    import json

    from gkmvlp.metrics.results.evaluate import figures_of, groups_of
    from gkmvlp.metrics.results.group_result import grouped_to_json
    from gkmvlp.metrics.results.tables import figure_lines, group_lines

    if arguments.radeval:
        from gkmvlp.app.running.clinical_metrics import score_clinically

        files = [score_clinically(file, arguments.radeval, arguments.radeval_metrics) for file in files]
    figures = [figure for file in files for figure in figures_of(file)]
    groups = [one for file in files for one in groups_of(file, arguments.by)] if arguments.by else []
    if arguments.json:
        told: dict[str, object] = {"figures": [dataclasses.asdict(figure) for figure in figures]}
        if arguments.by:
            told["groups"] = grouped_to_json(groups)
        print(json.dumps(told, indent=1, allow_nan=False))
        return
    print(*figure_lines(figures), sep="\n")
    if groups:
        print(*group_lines(groups), sep="\n")

"""Evaluate a backbone without training, predictions files, or the folder of a run.

Figures of predictions files are computed anew and printed as JSON; with --by also the main ones of each group of
patients, and the gap between the best and the worst group. Runs do so by themselves, by all that their data set knows.
 gkmvlp evaluate grounding and gkmvlp evaluate
retrieval test a backbone; gkmvlp evaluate page writes the page of a run.

With --radeval generated reports are scored by RadGraph and CheXbert first: PYTHON is that of an environment which has
radeval and pyarrow. The scores stay in NAME_clinical.parquet beside the predictions.
"""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the files."""
    parser.add_argument("files", metavar="FILE.parquet", nargs="+", help="predictions of a run")
    parser.add_argument("--radeval", metavar="PYTHON", help="score generated reports by radeval, found there")
    parser.add_argument(
        "--radeval-metrics", metavar="NAME", nargs="+", default=["radgraph", "f1chexbert"], help="(radgraph f1chexbert)"
    )
    by = "also by groups: sex, age, view, source, or any other column of the predictions"
    parser.add_argument("--by", metavar="COLUMN", nargs="+", help=by)
    parser.add_argument("--json", action="store_true", help="print JSON (what happens anyway)")


def run(arguments: argparse.Namespace) -> int:
    """Print ``{"figures": [...]}``, with ``--by`` also ``"groups": [...]``."""
    import dataclasses
    import json

    from gkmvlp.metrics.results.evaluate import figures_of, groups_of
    from gkmvlp.metrics.results.group_result import grouped_to_json

    files = arguments.files
    if arguments.radeval:
        from gkmvlp.app.running.clinical_metrics import score_clinically

        files = [score_clinically(Path(file), arguments.radeval, arguments.radeval_metrics) for file in files]
    figures = [figure for file in files for figure in figures_of(file)]
    told: dict[str, object] = {"figures": [dataclasses.asdict(figure) for figure in figures]}
    if arguments.by:
        told["groups"] = grouped_to_json([one for file in files for one in groups_of(file, arguments.by)])
    print(json.dumps(told, indent=1, allow_nan=False))
    return 0

"""Measure a backbone as it is, without training: grounding or retrieval."""

import argparse
from pathlib import Path

from gkmvlp.commands._recipes import (
    PHANTOMS,
    add_backbone_argument,
    add_recipe_arguments,
    common_options,
    gkmvlp,
    some_backbone,
)

FORWARDS = True
CONFIGS = {  # task: its config on phantoms, its config on real data
    "grounding": ("grounding-phantom", "grounding-rsna"),
    "retrieval": ("retrieval-phantom", "retrieval-mimic"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the task and the options."""
    parser.add_argument("task", choices=sorted(CONFIGS), help="what is measured")
    add_recipe_arguments(parser, "outputs/evaluate-TASK")
    add_backbone_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Test; phantoms are retrieved by their planted findings too; the figures go to ``results.json``."""
    import time

    from gkmvlp.commands._truth import has_findings, match_findings
    from gkmvlp.metrics.evaluate import figures_of
    from gkmvlp.metrics.figure import Results
    from gkmvlp.metrics.provenance import ProcessTreePeak, command, commit, created
    from gkmvlp.metrics.tables import interval, is_headline

    start = time.monotonic()
    arguments.out = arguments.out or Path(f"outputs/evaluate-{arguments.task}")
    predictions = arguments.out / "predictions" / f"{arguments.task}.parquet"
    root = Path(arguments.data or PHANTOMS)
    with ProcessTreePeak() as peak:
        options = common_options(arguments, *CONFIGS[arguments.task])
        options += [f"--model.init_args.backbone={arguments.backbone or some_backbone()}", *arguments.forwarded]
        gkmvlp("test", *options)
        if arguments.task == "retrieval" and has_findings(root):
            match_findings(predictions, root)
        figures = figures_of(predictions)
    results = Results(created(), command(), commit(), time.monotonic() - start, peak.bytes, figures)
    results.write(arguments.out / "results.json")
    for figure in filter(is_headline, figures):
        floors = ", ".join(f"{name} {interval(floor)}" for name, floor in figure.floors.items())
        value = interval({"value": figure.value, "low": figure.low, "high": figure.high})
        print(f"{figure.name:18s} {figure.label or '':14s} {value:24s} floor: {floors or 'none'}")
    print(f"written to {arguments.out}")
    return 0

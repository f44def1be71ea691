"""Evaluate a backbone as it is, without training: grounding or retrieval."""

import argparse
from pathlib import Path

from gkmvlp.app.running.recipes import (
    add_backbone_argument,
    add_recipe_arguments,
    add_record_argument,
    gkmvlp,
    task_options,
)

FORWARDS = True
CONFIGS = {  # task: its config on phantoms, its config on real data
    "grounding": ("grounding-phantom", "grounding-rsna"),
    "retrieval": ("retrieval-phantom", "retrieval-mimic"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; the task is the last word of the command, ``evaluate TASK``."""
    parser.set_defaults(task=parser.prog.split()[-1])
    add_recipe_arguments(parser, "outputs/evaluate-TASK")
    add_backbone_argument(parser)
    add_record_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Test; phantoms are retrieved by their planted findings too; the figures go to ``results.json``."""
    import time

    from gkmvlp.app.running.outcome import conclude
    from gkmvlp.app.running.planted_truth import corpus_of, match_findings
    from gkmvlp.metrics.results.provenance import ProcessTreePeak

    start = time.monotonic()
    arguments.out = arguments.out or Path(f"outputs/evaluate-{arguments.task}")
    with ProcessTreePeak() as peak:
        options = task_options(arguments, CONFIGS)
        gkmvlp("test", *options)
        if arguments.task == "retrieval" and (root := corpus_of(arguments.out)):
            match_findings(arguments.out / "predictions" / "retrieval.parquet", root)
    recorded = arguments.record and arguments.record / f"{arguments.task}.json"
    conclude(arguments.out, start, peak.bytes, recorded)
    return 0

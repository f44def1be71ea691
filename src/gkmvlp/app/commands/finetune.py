"""Fine-tune a backbone for a downstream task and test it."""

import argparse
from pathlib import Path

from gkmvlp.app.running.recipes import (
    add_backbone_argument,
    add_recipe_arguments,
    add_record_argument,
    best_checkpoint,
    gkmvlp,
    task_options,
)

FORWARDS = True
CONFIGS = {  # task: its config on phantoms, its config on real data
    "classification": ("classification-phantom", "classification-nih"),
    "localization": ("localization-phantom", "localization-rsna"),
    "regions": ("regions-phantom", "regions-mimic"),
    "report": ("report-phantom", "report-mimic"),
    "vqa": ("vqa-phantom", "vqa-rad"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the task and the options."""
    parser.add_argument("task", choices=sorted(CONFIGS), help="downstream task")
    add_recipe_arguments(parser, "outputs/finetune-TASK")
    add_backbone_argument(parser)
    add_record_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Fit, test the best checkpoint, and write the figures."""
    import time

    from gkmvlp.app.running.outcome import conclude
    from gkmvlp.metrics.results.provenance import ProcessTreePeak

    start = time.monotonic()
    arguments.out = arguments.out or Path(f"outputs/finetune-{arguments.task}")
    with ProcessTreePeak() as peak:
        options = task_options(arguments, CONFIGS)
        gkmvlp("fit", *options)
        gkmvlp("test", *options, f"--ckpt_path={best_checkpoint(arguments.out)}")
    recorded = arguments.record and arguments.record / f"{arguments.task}.json"
    conclude(arguments.out, start, peak.bytes, recorded)
    return 0

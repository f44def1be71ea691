"""Compare the initialisations of a task: a backbone and from scratch, same config, same steps, several seeds.

On phantoms, unless --root names a real data set. classification is repeated at each fraction of the labels, with a
linear probe beside; localization and regions with a frozen encoder beside, image_text and vqa with a model that sees no
image. With regions of phantoms the backbone then reads those that were found, beside those of the atlas, and learns
questions and reports from either. Fits that are complete are not repeated.
"""

import argparse
from pathlib import Path

from gkmvlp.app.commands.options import (
    add_backbone_argument,
    add_data_arguments,
    add_record_argument,
    add_set_argument,
    require_data,
)
from gkmvlp.task_ids import BY_WORD, FINE_TUNED, words

FRACTIONS = (0.01, 0.1, 1.0)
TASKS = words(FINE_TUNED)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the task and the options."""
    parser.add_argument("task", choices=TASKS, help="downstream task")
    add_data_arguments(parser)
    parser.add_argument("--out", metavar="DIR", type=Path, help="where to write (outputs/starts-TASK)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="S", help="seeds (0 1 2)")
    parser.add_argument(
        "--train-fractions", type=float, nargs="+", default=FRACTIONS, metavar="X", help="of labels (0.01 0.1 1)"
    )
    add_set_argument(parser, "the runs")
    add_backbone_argument(parser)
    add_record_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run what is not there yet, write the figures."""
    require_data(arguments.root)
    from gkmvlp.app.experiments.initialization import compare_initializations
    from gkmvlp.app.running.outcome import finish_run
    from gkmvlp.app.running.recipes import FINE_TUNING, default_backbone, recipe_run
    from gkmvlp.app.running.run import overrides_of
    from gkmvlp.metrics.results.provenance import ProcessTreePeak

    task, out = arguments.task, arguments.out or Path(f"outputs/starts-{arguments.task}")
    with ProcessTreePeak() as peak:
        recipe = recipe_run(FINE_TUNING[BY_WORD[task]], out, arguments.root, arguments.config)
        backbone = arguments.backbone or default_backbone()
        overrides, is_phantom = overrides_of(arguments.settings), not arguments.root
        fractions = arguments.train_fractions
        compare_initializations(task, recipe, overrides, backbone, arguments.seeds, fractions, is_phantom)
    finish_run(out, peak, arguments.record and arguments.record / f"{task}.json")
    return 0

"""Compare the initialisations of a task: a backbone and from scratch, same config, same steps, several seeds.

On phantoms, unless --data names a real data set. classification is repeated at each share of the labels, with a linear
probe beside; localization and regions with a frozen encoder beside. On phantoms the backbone then reads the regions
that were found, beside those of the atlas, and learns questions and reports from either. Fits that are complete are not
repeated.
"""

import argparse
from pathlib import Path

from gkmvlp.app.commands.options import add_backbone_argument, add_overrides_argument, add_record_argument
from gkmvlp.task_ids import BY_WORD, FINE_TUNED, words

SHARES = (0.01, 0.1, 1.0)
TASKS = words(task for task in FINE_TUNED if task != "vqa")  # answers are compared by `experiment real vqa-rad`


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the task and the options."""
    parser.add_argument("task", choices=TASKS, help="downstream task")
    parser.add_argument("--data", metavar="DIR", help="root of the real data set (absent: phantoms)")
    parser.add_argument("--config", metavar="NAME", help="config of the zoo, or a file (absent: by --data)")
    parser.add_argument("--out", metavar="DIR", type=Path, help="where to write (outputs/starts-TASK)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="S", help="seeds (0 1 2)")
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES, metavar="X", help="of labels (0.01 0.1 1)")
    add_overrides_argument(parser, "--options", "the runs")
    add_backbone_argument(parser)
    add_record_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run what is not there yet, write the figures."""
    from gkmvlp.app.experiments.initialization import compare_initializations
    from gkmvlp.app.running.outcome import finish_run
    from gkmvlp.app.running.recipes import FINE_TUNING, default_backbone, recipe_run
    from gkmvlp.app.running.run import parse_overrides
    from gkmvlp.metrics.results.provenance import ProcessTreePeak

    task, out = arguments.task, arguments.out or Path(f"outputs/starts-{arguments.task}")
    with ProcessTreePeak() as peak:
        recipe = recipe_run(FINE_TUNING[BY_WORD[task]], out, arguments.data, arguments.config)
        backbone = arguments.backbone or default_backbone()
        overrides, is_phantom = parse_overrides(arguments.options), not arguments.data
        compare_initializations(task, recipe, overrides, backbone, arguments.seeds, arguments.shares, is_phantom)
    finish_run(out, peak, arguments.record and arguments.record / f"{task}.json")
    return 0

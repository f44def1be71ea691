"""Compare fine-tuning by a low-rank adapter with full fine-tuning: same backbone, config, steps and seeds.

On phantoms, unless --root names a real data set. The figures hold the difference with its interval, and how many
parameters the adapter trains. Fits that are complete are not repeated. Needs pip install 'gkmvlp[lora]'.
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
from gkmvlp.task_ids import FINE_TUNED, words


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the task and the options."""
    parser.add_argument("task", choices=words(FINE_TUNED), help="downstream task")
    add_data_arguments(parser)
    parser.add_argument("--out", metavar="DIR", type=Path, help="where to write (outputs/adapter-TASK)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="S", help="seeds (0 1 2)")
    parser.add_argument("--rank", type=int, default=8, metavar="R", help="rank of the adapter (8)")
    add_set_argument(parser, "the runs", "full", "lora")
    add_backbone_argument(parser)
    add_record_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run what is not there yet, write the figures."""
    require_data(arguments.root)
    from gkmvlp.app.experiments.adapter import ARMS, compare_adapter
    from gkmvlp.app.running.outcome import finish_run
    from gkmvlp.app.running.recipes import FINE_TUNING, default_backbone, recipe_run
    from gkmvlp.app.running.run import overrides_of
    from gkmvlp.metrics.results.provenance import ProcessTreePeak
    from gkmvlp.task_ids import BY_WORD

    task, out = arguments.task, arguments.out or Path(f"outputs/adapter-{arguments.task}")
    with ProcessTreePeak() as peak:
        recipe = recipe_run(FINE_TUNING[BY_WORD[task]], out, arguments.root, arguments.config)
        overrides = {arm: overrides_of(arguments.settings, arm) for arm in ARMS}
        backbone = arguments.backbone or default_backbone()
        compare_adapter(task, recipe, backbone, arguments.rank, arguments.seeds, overrides)
    finish_run(out, peak, arguments.record and arguments.record / "adapter.json")
    return 0

"""Fine-tune a backbone for a downstream task and test it."""

import argparse

from gkmvlp.app.commands.options import add_backbone_argument, add_recipe_arguments, add_record_argument, require_data
from gkmvlp.task_ids import BY_WORD, FINE_TUNED, words

FORWARDS = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the task and the options."""
    parser.add_argument("task", choices=words(FINE_TUNED), help="downstream task")
    add_recipe_arguments(parser, "outputs/finetune-TASK")
    add_backbone_argument(parser)
    add_record_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Fit, test the best checkpoint, and write the figures."""
    require_data(arguments.root)
    from gkmvlp.app.running.recipes import FINE_TUNING, run_recipe

    run_recipe(arguments, FINE_TUNING[BY_WORD[arguments.task]], f"finetune-{arguments.task}", ("fit", "test"))
    return 0

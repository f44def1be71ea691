"""Evaluate a backbone as it is, without training: grounding or retrieval."""

import argparse

from gkmvlp.app.commands.options import add_backbone_argument, add_recipe_arguments, add_record_argument, require_data
from gkmvlp.task_ids import BY_WORD

FORWARDS = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; the task is the last word of the command, ``evaluate TASK``."""
    parser.set_defaults(task=parser.prog.split()[-1])
    add_recipe_arguments(parser, "outputs/evaluate-TASK")
    add_backbone_argument(parser)
    add_record_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Test; phantoms are retrieved by their planted findings too; write the figures."""
    require_data(arguments.root)
    from gkmvlp.app.running.recipes import EVALUATION, run_recipe

    run_recipe(arguments, EVALUATION[BY_WORD[arguments.task]], f"evaluate-{arguments.task}", ("test",))
    return 0

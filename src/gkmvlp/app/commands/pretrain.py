"""Pre-train on MIMIC-CXR, Open-i or a table of pairs, or on phantoms where no data is named, and test."""

import argparse

from gkmvlp.app.commands.options import add_recipe_arguments, require_data

FORWARDS = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_recipe_arguments(parser, "outputs/pretrain")


def run(arguments: argparse.Namespace) -> int:
    """Fit the config, test the best checkpoint, write the figures; the backbone lies in ``OUT/backbone`` afterwards."""
    require_data(arguments.root)
    from gkmvlp.app.running.recipes import PRETRAINING, run_recipe

    run_recipe(arguments, PRETRAINING, "pretrain", ("fit", "test"))
    return 0

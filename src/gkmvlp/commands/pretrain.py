"""Pre-train on MIMIC-CXR, or on phantoms where no data is named."""

import argparse
from pathlib import Path

from gkmvlp.commands._recipes import add_recipe_arguments, common_options, gkmvlp

FORWARDS = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_recipe_arguments(parser, "outputs/pretrain")


def run(arguments: argparse.Namespace) -> int:
    """Fit the config; the backbone lies in ``OUT/backbone`` afterwards."""
    arguments.out = arguments.out or Path("outputs/pretrain")
    options = common_options(arguments, "pretrain-phantom", "pretrain-mimic")
    gkmvlp("fit", *options, *arguments.forwarded)
    return 0

"""Write report.html into the folder of a run: curves, pictures with worst cases first, figures.

The recipes (make pretrain, make finetune-..., make evaluate-...) do so at their end; this is for runs of fit and test.
"""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the run."""
    parser.add_argument("run", metavar="RUN", type=Path, help="folder with config.yaml and predictions/")


def run(arguments: argparse.Namespace) -> int:
    """Write the page and say where it lies."""
    from gkmvlp.app.pages.run_page import figures_of_run, write_run_page

    print(f"look at {write_run_page(arguments.run, figures_of_run(arguments.run))}")
    return 0

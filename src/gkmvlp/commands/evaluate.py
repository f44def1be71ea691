"""Recompute the figures of predictions files and print them as JSON."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the files."""
    parser.add_argument("files", metavar="FILE.parquet", nargs="+", help="predictions of a run")
    parser.add_argument("--json", action="store_true", help="print JSON (what happens anyway)")


def run(arguments: argparse.Namespace) -> int:
    """Print ``{"figures": [...]}``."""
    import dataclasses
    import json

    from gkmvlp.metrics.evaluate import figures_of

    figures = [figure for file in arguments.files for figure in figures_of(file)]
    print(json.dumps({"figures": [dataclasses.asdict(figure) for figure in figures]}, indent=1, allow_nan=False))
    return 0

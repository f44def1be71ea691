"""Pre-train on MIMIC-CXR, or on phantoms where no data is named, and test."""

import argparse
from pathlib import Path

from gkmvlp.app.running.recipes import add_recipe_arguments, best_checkpoint, common_options, gkmvlp

FORWARDS = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_recipe_arguments(parser, "outputs/pretrain")


def run(arguments: argparse.Namespace) -> int:
    """Fit the config, test the best checkpoint, write the figures; the backbone lies in ``OUT/backbone`` afterwards."""
    import time

    from gkmvlp.app.running.outcome import conclude
    from gkmvlp.app.running.planted_truth import corpus_of, score_on_truth
    from gkmvlp.metrics.results.provenance import ProcessTreePeak

    start = time.monotonic()
    arguments.out = arguments.out or Path("outputs/pretrain")
    with ProcessTreePeak() as peak:
        options = [*common_options(arguments, "pretrain-phantom", "pretrain-mimic"), *arguments.forwarded]
        gkmvlp("fit", *options)
        gkmvlp("test", *options, f"--ckpt_path={best_checkpoint(arguments.out)}")
        root, predictions = corpus_of(arguments.out), arguments.out / "predictions"
        if root and (predictions / "entity_classification.parquet").is_file():
            score_on_truth(predictions, root)
    conclude(arguments.out, start, peak.bytes)
    return 0

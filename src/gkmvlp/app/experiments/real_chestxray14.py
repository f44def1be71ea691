"""Classification on real ChestX-ray14 over patient folds: fine-tuned, linear probe and from scratch."""

import argparse

import numpy as np

from gkmvlp.app.experiments.classification import classification_conditions
from gkmvlp.app.experiments.folds import FOLDS, merge_folds, pairs_stage, require_unseen, split_in
from gkmvlp.app.running.outcome import write_results
from gkmvlp.app.running.run import data_overrides, merged, parse_overrides
from gkmvlp.data_modules import ChestXray14
from gkmvlp.hardware import runs_at_once
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.provenance import ProcessTreePeak

FEWEST = 25  # positives of a label that is measured


def frequent_labels(data: str) -> list[str]:
    """Labels with at least ``FEWEST`` positives among the images that are there."""
    rows = ChestXray14(data)
    rows.check()
    count_L = np.stack([sample.fields["label"] for sample in rows.samples]).sum(0)
    return [label for label, count in zip(rows.labels, count_L, strict=True) if count >= FEWEST]


def measure_chestxray14(args: argparse.Namespace) -> None:
    """Runs what is not there yet, prints the figures, writes ``results.json``, with ``--record`` the figures there."""
    jobs, stage = args.jobs or runs_at_once(), parse_overrides(args.pairs_options)
    labels = frequent_labels(str(args.data))
    data = data_overrides(
        root=args.data,
        labels=labels,
        dataset_name="chestxray14",
        num_folds=FOLDS,
        augmentation_strength=1.0,
        cache_dir=args.out / "cache",
    )
    overrides = merged(data, parse_overrides(args.options))
    labelled, zero_shot = {}, {}
    with ProcessTreePeak() as peak:
        for fold in range(FOLDS):
            out = args.out / f"fold{fold}"
            rows = ChestXray14(str(args.data), labels=labels, fold=fold, num_folds=FOLDS)
            rows.check()
            backbone = pairs_stage(args.data, args.backbone, out / "pairs", split_in(rows), stage)
            require_unseen(rows, backbone)
            changed = merged(overrides, data_overrides(fold=fold))
            labelled[fold], zero_shot[fold] = classification_conditions(
                "zoo://classification-phantom", out, str(backbone), args.seeds, [1.0], changed, jobs
            )
        files = [
            merge_folds(labelled, args.out / "predictions" / "classification.parquet"),
            merge_folds(zero_shot, args.out / "predictions" / "zero_shot.parquet"),
        ]
        figures = [figure for file in files for figure in figures_of(file)]
    write_results(args.out, figures, peak, args.record and args.record / "chestxray14.json")

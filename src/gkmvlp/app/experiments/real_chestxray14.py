"""Classification on real ChestX-ray14 over patient folds: fine-tuned, linear probe and from scratch."""

import argparse
import json
import time

import numpy as np

from gkmvlp.app.experiments.classification import classification_arms
from gkmvlp.app.experiments.folds import FOLDS, merge_folds, pairs_stage, require_unseen, split_in
from gkmvlp.app.running.outcome import write_results
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
    start, jobs = time.monotonic(), args.jobs or runs_at_once()
    labels = frequent_labels(str(args.data))
    words = [f"--data.init_args.root={args.data}", f"--data.init_args.labels={json.dumps(labels)}"]
    words += [
        "--data.init_args.dataset_name=chestxray14",
        f"--data.init_args.num_folds={FOLDS}",
        "--data.init_args.augmentation_strength=1.0",
    ]
    words += [f"--data.init_args.cache_dir={args.out / 'cache'}", *args.options]
    parts, seen = {}, {}
    with ProcessTreePeak() as peak:
        for fold in range(FOLDS):
            out = args.out / f"fold{fold}"
            rows = ChestXray14(str(args.data), labels=labels, fold=fold, num_folds=FOLDS)
            rows.check()
            backbone = pairs_stage(args.data, args.backbone, out / "pairs", split_in(rows), args.pairs_options)
            require_unseen(rows, backbone)
            fold_words = [*words, f"--data.init_args.fold={fold}"]
            files = classification_arms(
                "zoo://classification-phantom", out, str(backbone), args.seeds, [1.0], fold_words, jobs
            )
            parts[fold], seen[fold] = files
        merged = merge_folds(parts, args.out / "predictions" / "classification.parquet")
        zero_shot = merge_folds(seen, args.out / "predictions" / "zero_shot.parquet")
        figures = [*figures_of(merged), *figures_of(zero_shot)]
    write_results(args.out, figures, start, peak.bytes, args.record and args.record / "chestxray14.json")

"""Classification on real ChestX-ray14 over patient folds: the arms, a linear probe, zero-shot, and calibration."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from gkmvlp.app.experiments.conditions import Conditions, merge, run_conditions
from gkmvlp.app.experiments.real.arm_names import WITH_BACKBONE
from gkmvlp.app.experiments.real.calibration import measure_calibration
from gkmvlp.app.experiments.real.folds import FOLDS, merge_folds, require_unseen
from gkmvlp.app.experiments.real.pieces import all_figures, run_pieces
from gkmvlp.app.experiments.real.subgroups import record_groups
from gkmvlp.app.experiments.real.table_arms import arms_of
from gkmvlp.app.running.run import Overrides, data_overrides, merged, model_overrides, overrides_of
from gkmvlp.data_modules import ChestXray14
from gkmvlp.errors import UsageError
from gkmvlp.hardware import runs_at_once
from gkmvlp.metrics.results.metric_result import MetricResult

CONFIG = "zoo://classification-nih"
FEWEST = 25  # positives of a label that is measured
SUBSET = 5_000  # images; with fewer the config's steps are far too many
EPOCHS: Overrides = {
    "trainer.max_steps": -1,
    "trainer.max_epochs": 12,
    "trainer.val_check_interval": 1.0,
    "trainer.check_val_every_n_epoch": 1,
}


def frequent_labels(rows: ChestXray14) -> list[str]:
    """Labels with at least ``FEWEST`` positives among the images that are there."""
    count_L = np.stack([sample.fields["label"] for sample in rows.samples]).sum(0)
    return [label for label, count in zip(rows.labels, count_L, strict=True) if count >= FEWEST]


def with_probe(arms: Conditions) -> Conditions:
    """The arms, and a linear probe on the backbone."""
    if "pretrained" not in arms:
        return arms
    return {**arms, "linear_probe": merged(arms["pretrained"], model_overrides(linear_probe=True))}


def measure(args: argparse.Namespace) -> None:
    """Runs what is not there yet; ``--record`` gets ``chestxray14-PIECE.json``.

    Raises:
        UsageError: If a backbone is to be calibrated and none is named.
    """
    if args.only == ["calibration"] and not args.backbone:
        raise UsageError("--only calibration needs --backbone REF, whose entity head it is")
    jobs, arms = args.jobs or runs_at_once(), arms_of(args.arms, args.backbone, CONFIG, overrides_of(args.settings))
    every = ChestXray14(str(args.root))
    every.check()
    data = data_overrides(root=args.root, labels=frequent_labels(every), num_folds=FOLDS, cache_dir=args.out / "cache")
    overrides = merged(data, EPOCHS if len(every.samples) < SUBSET else {}, overrides_of(args.settings))

    def classification(out: Path) -> list[MetricResult]:
        labelled, zero_shot = {}, {}
        for fold in range(FOLDS):
            rows = ChestXray14(str(args.root), fold=fold, num_folds=FOLDS)
            rows.check()
            if "pretrained" in arms:
                require_unseen(rows, args.backbone)
            folder, changed = out / f"fold{fold}", merged(overrides, data_overrides(fold=fold))
            labelled[fold] = run_conditions(
                "classification", CONFIG, folder, with_probe(arms), args.seeds, changed, jobs
            )
            if file := _zero_shot(folder, arms, args.seeds):
                zero_shot[fold] = file
        parts_of = {"classification": labelled, "zero_shot": zero_shot}
        files = [
            merge_folds(parts, out / "predictions" / f"{task}.parquet") for task, parts in parts_of.items() if parts
        ]
        record_groups("chestxray14", files, args.root, out, args.record)
        return all_figures(files)

    pieces = {"classification": classification}
    if args.backbone:
        pieces["calibration"] = lambda out: measure_calibration(args.backbone, args.root, out)
    run_pieces("chestxray14", pieces, args.only, args.out, args.record)


def _zero_shot(folder: Path, arms: Mapping[str, Overrides], seeds: Sequence[int]) -> Path | None:
    """What the backbones say by sentences alone, which every fine-tuning from one leaves beside its labels."""
    names = [name for name in arms if name in WITH_BACKBONE]
    output = "predictions/zero_shot.parquet"
    files = [folder / "classification" / f"{name}-{seeds[0]}" / output for name in names]
    return merge(files, folder / output, names) if names else None

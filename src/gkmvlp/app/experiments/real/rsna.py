"""Detection and grounding on the real RSNA challenge over patient folds, by arm."""

import argparse
from pathlib import Path

from gkmvlp.app.experiments.conditions import run_conditions
from gkmvlp.app.experiments.real.folds import FOLDS, merge_folds, require_unseen
from gkmvlp.app.experiments.real.pieces import run_pieces
from gkmvlp.app.experiments.real.subgroups import record_groups
from gkmvlp.app.experiments.real.table_arms import arms_of, run_arms
from gkmvlp.app.experiments.runs import test
from gkmvlp.app.running.run import data_overrides, merged, of_trainer, overrides_of
from gkmvlp.data_modules import RsnaPneumonia
from gkmvlp.hardware import runs_at_once
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.metric_result import MetricResult

DETECTION, POINTING = "zoo://localization-rsna", "zoo://grounding-rsna"


def measure(args: argparse.Namespace) -> None:
    """Runs what is not there yet; ``--record`` gets ``rsna-localization.json`` and ``rsna-grounding.json``."""
    jobs, overrides = args.jobs or runs_at_once(), overrides_of(args.settings)
    for fold in range(FOLDS if "pretrained" in args.arms and args.backbone else 0):
        rows = RsnaPneumonia(str(args.root), fold=fold, num_folds=FOLDS)
        rows.check()
        require_unseen(rows, args.backbone)

    def finished(file: Path, out: Path) -> list[MetricResult]:
        record_groups(f"rsna-{out.name}", [file], args.nih, out, args.record)
        return figures_of(file)

    def localization(out: Path) -> list[MetricResult]:
        arms, parts = arms_of(args.arms, args.backbone, DETECTION, overrides), {}
        for fold in range(FOLDS):
            data = data_overrides(root=args.root, fold=fold, num_folds=FOLDS, cache_dir=args.out / "cache")
            changed = merged(data, overrides)
            parts[fold] = run_conditions(
                "localization", DETECTION, out / f"fold{fold}", arms, args.seeds, changed, jobs
            )
        return finished(merge_folds(parts, out / "predictions" / "localization.parquet"), out)

    def grounding(out: Path) -> list[MetricResult]:
        arms, parts = {args.seeds[0]: arms_of(args.arms, args.backbone, POINTING, learns=False)}, dict[int, Path]()
        for fold in range(FOLDS):
            changed = merged(data_overrides(root=args.root, fold=fold, num_folds=FOLDS), of_trainer(overrides))
            # every arm reads the one prompt that stands for an opacity: all score the same rows
            [parts[fold]] = run_arms(test, POINTING, ["grounding"], out / f"fold{fold}", arms, changed)
        return finished(merge_folds(parts, out / "predictions" / "grounding.parquet"), out)

    pieces = {"localization": localization, "grounding": grounding}
    run_pieces("rsna", pieces, args.only, args.out, args.record)

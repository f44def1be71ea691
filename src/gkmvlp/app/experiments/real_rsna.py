"""Detection and grounding on the real RSNA challenge over patient folds, after a stage on real pairs."""

import argparse
from collections.abc import Callable
from pathlib import Path

from gkmvlp.app.experiments.conditions import run_conditions, with_frozen
from gkmvlp.app.experiments.folds import FOLDS, merge_folds, pairs_stage, require_unseen
from gkmvlp.app.experiments.runs import run_missing, test
from gkmvlp.app.running.outcome import write_results
from gkmvlp.app.running.run import Run, data_overrides, merged, parse_overrides
from gkmvlp.data_modules import RsnaPneumonia
from gkmvlp.data_modules.pipeline.splits import hash_split
from gkmvlp.hardware import runs_at_once
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.provenance import ProcessTreePeak


def _unless_challenged(root: Path) -> Callable[[str], str]:
    """Patient id -> split of the stage on pairs: all serve every fold, but for patients of the challenge itself."""
    rows = RsnaPneumonia(str(root))
    rows.check()
    challenged = {sample.patient_id for sample in rows.samples}
    return lambda patient: "test" if patient in challenged else hash_split(patient, test=0.0)


def measure_rsna(args: argparse.Namespace) -> None:
    """Runs what is not there yet, prints the figures, writes ``results.json``, with ``--record`` the figures there."""
    jobs = args.jobs or runs_at_once()
    overrides, stage = parse_overrides(args.options), parse_overrides(args.pairs_options)
    with ProcessTreePeak() as peak:
        split_of = _unless_challenged(args.data)
        backbone = pairs_stage(args.pairs, args.backbone, args.out / "pairs", split_of, stage)
        conditions = with_frozen(str(backbone))
        boxes, pointing = {}, {}
        for fold in range(FOLDS):
            out = args.out / f"fold{fold}"
            rows = RsnaPneumonia(str(args.data), fold=fold, num_folds=FOLDS)
            rows.check()
            require_unseen(rows, backbone)
            data = data_overrides(root=args.data, fold=fold, num_folds=FOLDS, cache_dir=args.out / "cache")
            changed = merged(data, overrides)
            boxes[fold] = run_conditions(
                "localization", "zoo://localization-rsna", out, conditions, args.seeds, changed, jobs
            )
            run = Run("zoo://grounding-rsna", out / "grounding", merged(conditions["pretrained"], data))
            run_missing(test, [run], "predictions/grounding.parquet", 1)
            pointing[fold] = run.folder / "predictions" / "grounding.parquet"
        files = [
            merge_folds(boxes, args.out / "predictions" / "localization.parquet"),
            merge_folds(pointing, args.out / "predictions" / "grounding.parquet"),
        ]
        figures = [figure for file in files for figure in figures_of(file)]
    write_results(args.out, figures, peak, args.record and args.record / "rsna-pneumonia.json")

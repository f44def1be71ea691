"""Detection and grounding on the real RSNA challenge over patient folds, after a stage on real pairs."""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from gkmvlp.app.experiments.conditions import localization_words, run_arms, test
from gkmvlp.app.experiments.folds import FOLDS, merge_folds, pairs_stage, require_unseen
from gkmvlp.app.experiments.runs import run_missing
from gkmvlp.app.running.outcome import write_results
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
    start, jobs = time.monotonic(), args.jobs or runs_at_once()
    with ProcessTreePeak() as peak:
        backbone = pairs_stage(
            args.pairs, args.backbone, args.out / "pairs", _unless_challenged(args.data), args.pairs_options
        )
        found, looked = {}, {}
        for fold in range(FOLDS):
            out = args.out / f"fold{fold}"
            rows = RsnaPneumonia(str(args.data), fold=fold, num_folds=FOLDS)
            rows.check()
            require_unseen(rows, backbone)
            place = {"root": args.data, "fold": fold, "num_folds": FOLDS, "cache_dir": args.out / "cache"}
            words = [f"--data.init_args.{key}={value}" for key, value in place.items()]
            arms = localization_words(str(backbone))
            options = [*words, *args.options]
            found[fold] = run_arms("localization", "zoo://localization-rsna", out, arms, args.seeds, options, jobs)
            call = ("zoo://grounding-rsna", out / "grounding", [*arms["pretrained"], *words])
            run_missing(test, [call], "predictions/grounding.parquet", 1)
            looked[fold] = out / "grounding" / "predictions" / "grounding.parquet"
        merged = merge_folds(found, args.out / "predictions" / "localization.parquet")
        attended = merge_folds(looked, args.out / "predictions" / "grounding.parquet")
        figures = [*figures_of(merged), *figures_of(attended)]
    write_results(args.out, figures, start, peak.bytes, args.record and args.record / "rsna-pneumonia.json")

"""Detection and grounding on the real RSNA challenge over patient folds, after a stage on real pairs."""

import argparse
import time
from dataclasses import replace

from gkmvlp.commands._arms import lightning, run_arms, start_words
from gkmvlp.commands._folds import FOLDS, merge_folds, pairs_stage, require_unseen
from gkmvlp.data_modules import RsnaPneumonia
from gkmvlp.data_modules.splits import hash_split
from gkmvlp.hardware import runs_at_once
from gkmvlp.metrics.evaluate import figures_of
from gkmvlp.metrics.figure import Results
from gkmvlp.metrics.provenance import ProcessTreePeak, command, commit, created
from gkmvlp.metrics.tables import interval


def measure_rsna(args: argparse.Namespace) -> None:
    """Runs what is not there yet, prints the figures, writes ``results.json``, with ``--record`` the figures there."""
    start, jobs = time.monotonic(), args.jobs or runs_at_once()
    with ProcessTreePeak() as peak:
        # no patient of the pairs is in the challenge's subset: all of them serve every fold
        stage = args.out / "pairs"
        backbone = pairs_stage(
            args.pairs, args.backbone, stage, lambda patient: hash_split(patient, test=0.0), args.pairs_options
        )
        found, looked = {}, {}
        for fold in range(FOLDS):
            out = args.out / f"fold{fold}"
            require_unseen(RsnaPneumonia(str(args.data), fold=fold, folds=FOLDS), backbone)
            place = {"root": args.data, "fold": fold, "folds": FOLDS, "cache_dir": args.out / "cache"}
            words = [f"--data.init_args.{key}={value}" for key, value in place.items()]
            arms = start_words(str(backbone))
            arms["frozen"] = [*arms["pretrained"], "--model.init_args.freeze=true"]
            options = [*words, *args.options]
            found[fold] = run_arms("localization", "zoo://localization-rsna", out, arms, args.seeds, options, jobs)
            looked[fold] = out / "grounding" / "predictions" / "grounding.parquet"
            if not looked[fold].is_file():
                places = [f"--trainer.default_root_dir={out / 'grounding'}", *arms["pretrained"], *words]
                lightning("test", "--config=zoo://grounding-rsna", *places)
        merged = merge_folds(found, args.out / "predictions" / "localization.parquet")
        attended = merge_folds(looked, args.out / "predictions" / "grounding.parquet")
        figures = [*figures_of(merged), *figures_of(attended)]
    results = Results(created(), command(), commit(), time.monotonic() - start, peak.bytes, figures)
    results.write(args.out / "results.json")
    for figure in figures:
        if figure.label is None:
            value = interval({"value": figure.value, "low": figure.low, "high": figure.high})
            against = ", ".join(f"minus {name} {interval(span)}" for name, span in figure.difference.items())
            print(f"{figure.task} {figure.name} {figure.model}: {value}; {against}; {figure.note or ''}")
    print(args.out / "results.json")
    if args.record:
        # the predictions stay where they are: others' ids do not go into the repository
        bare = [replace(figure, predictions=None) for figure in figures]
        replace(results, figures=bare).write(args.record / "rsna-pneumonia.json")

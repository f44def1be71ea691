"""Pre-training on real Open-i from public weights, and what the backbone knows before any fine-tuning."""

import argparse
from pathlib import Path

from gkmvlp.app.experiments.conditions import merge
from gkmvlp.app.experiments.runs import fit_and_test, run_missing, test
from gkmvlp.app.running.outcome import write_results
from gkmvlp.app.running.recipes import start_from
from gkmvlp.app.running.run import Run, data_overrides, merged, of_trainer, parse_overrides
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.provenance import ProcessTreePeak


def measure_openi(args: argparse.Namespace) -> None:
    """Runs what is not there yet, prints the figures, writes ``results.json``, with ``--record`` ``openi.json``.

    Each seed pre-trains on R2Gen's training studies and chooses its checkpoint on the validation studies. On the test
    studies entities are read by the head and by sentences, and reports are retrieved. On the boxes of SLAKE, whose
    radiographs no seed has seen, the prompts point.
    """
    parts: dict[str, list[Path]] = {}
    with ProcessTreePeak() as peak:
        for seed in args.seeds:
            for folder in _runs_of_seed(args, seed):
                for file in sorted((folder / "predictions").glob("*.parquet")):
                    data = folder.name.rpartition("-")[0]
                    parts.setdefault(f"{data}/{file.name}", []).append(file)
        figures = []
        for name, files in parts.items():
            figures += figures_of(merge(files, args.out / "predictions" / name))
    write_results(args.out, figures, peak, args.record and args.record / "openi.json")


def _runs_of_seed(args: argparse.Namespace, seed: int) -> list[Path]:
    """Makes the runs of a seed that are missing.

    Returns:
        Their folders: the pre-training first.
    """
    given = parse_overrides(args.options)
    run = Run(
        "zoo://pretrain-openi", args.out / f"pretraining-{seed}", merged(data_overrides(root=args.data), given), seed
    )
    run_missing(fit_and_test, [run], "predictions/entity_classification.parquet", jobs=1)
    start, folders = start_from(str(run.folder / "backbone")), [run.folder]
    looks = (("retrieval", "retrieval-openi", args.data), ("grounding", "grounding-slake", args.slake))
    for task, config, root in looks:
        if root is not None:
            overrides = merged(start, data_overrides(root=root), of_trainer(given))
            look = Run(f"zoo://{config}", args.out / f"{task}-{seed}", overrides, seed)
            run_missing(test, [look], f"predictions/{task}.parquet", jobs=1)
            folders.append(look.folder)
    return folders

"""Put the claim of grounded knowledge to a test on phantoms: leave parts out, and measure every task.

full is pretrain-phantom; no-gk has no grounded-knowledge module; no-grounding lets every prompt read all regions;
shuffled lets it read regions in the wrong places; leaky shows the prompts what the report says. All are pre-trained
alike and fine-tuned alike. Predictions of complete runs are kept under --record; the next call goes on from there.
"""

import argparse
from pathlib import Path

PATIENTS, VQA_IMAGES, NIH_PATIENTS = 3200, 1600, 3000
EPOCHS = 5  # three to four minutes of pre-training on two cores


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--out", type=Path, default=Path("outputs/ablation"), metavar="DIR", help="where to write")
    parser.add_argument(
        "--record", type=Path, default=Path("docs/results"), metavar="DIR", help="folder of what is kept (docs/results)"
    )
    parser.add_argument(
        "--variants", nargs="+", metavar="NAME", help="variants (full no-gk no-grounding shuffled leaky)"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="S", help="seeds (0 1 2)")
    for name, default in (("patients", PATIENTS), ("vqa-images", VQA_IMAGES), ("nih-patients", NIH_PATIENTS)):
        parser.add_argument(
            f"--{name}", type=int, default=default, metavar="N", help=f"size of the phantoms ({default})"
        )
    for stage, what in (("--pretrain", "pre-training"), ("--downstream", "every fine-tuning")):
        described = f"one more option of {what}, like {stage}=--trainer.max_epochs=1; may be repeated"
        parser.add_argument(stage, action="append", default=[], metavar="OPTION", help=described)


def run(args: argparse.Namespace) -> int:
    """Run what is not kept yet, seed by seed; write table and plot of all that is kept, also after a fault."""
    import os
    import time

    os.environ.setdefault("GKMVLP_PROGRESS", "1")
    from gkmvlp.app.commands.phantom import write_corpora
    from gkmvlp.app.experiments import ablation
    from gkmvlp.app.experiments.runs import side_by_side
    from gkmvlp.errors import UsageError
    from gkmvlp.hardware import runs_at_once

    variants = args.variants or list(ablation.DEFAULT)
    if strange := sorted(set(variants) - set(ablation.VARIANTS)):
        raise UsageError(f"no variant {strange[0]}: {', '.join(ablation.VARIANTS)} are known")
    data, keep = args.out / "data", args.record / "ablation"
    epochs = [f"--trainer.max_epochs={EPOCHS}", f"--trainer.check_val_every_n_epoch={EPOCHS}"]
    start = time.monotonic()
    runs = [(name, seed) for seed in args.seeds for name in variants]
    if missing := [run for run in runs if not (keep / "{}-{}".format(*run)).is_dir()]:
        write_corpora(data, {"mimic": args.patients, "vqa": args.vqa_images, "nih": args.nih_patients}, 0)
    calls = [(*run, args.out, data, keep, [*epochs, *args.pretrain], args.downstream) for run in missing]
    try:
        side_by_side(ablation.run_variant, calls, runs_at_once())
    finally:
        if any(keep.glob("[!.]*")):
            _record(args.record, keep, time.monotonic() - start)
    return 0


def _record(record: Path, keep: Path, seconds: float) -> None:
    """Writes ``ablation.json`` and ``ablation.png``, and prints the table."""
    from gkmvlp.app.experiments.ablation_table import COLUMNS, cells, plot, rows
    from gkmvlp.metrics.results.figure import Results
    from gkmvlp.metrics.results.plain_table import write_table
    from gkmvlp.metrics.results.provenance import command

    found = cells(keep)
    taken = sum(Results.read(file).seconds for file in keep.glob("[!.]*/results.json"))
    note = (
        "Paired differences on the same resamples and seeds. The calls that completed the runs took "
        f"{taken:,.0f} s, added up, as many at once as the cores allow; the seconds above are those of the last call."
    )
    table = record / "ablation.json"
    write_table(table, "Ablation", COLUMNS, rows(found), command=command(), seconds=seconds, note=note)
    plot(found).savefig(record / "ablation.png", dpi=90)
    for row in rows(found):
        print(*row, sep=" | ")
    print(table)

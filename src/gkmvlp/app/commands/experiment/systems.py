"""Compare GK-MVLP and ARL: the same pairs, encoders, budget and seeds of pre-training, and every task that both can do.

On phantoms, unless --root names Open-i; its questions are those of --questions. Both find entities and reports as they
are, and learn to answer questions and, on phantoms, to name classes of figures by image and caption. Runs that are
complete are not repeated; each piece is recorded by itself. --backbones leaves pre-training and its entities out.
"""

import argparse
from pathlib import Path

from gkmvlp.app.commands.options import add_record_argument, add_set_argument

PATIENTS, VQA_IMAGES, FIGURES = 3200, 1600, 1600
PIECES = ("entities", "retrieval", "vqa", "image_text")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--root", type=Path, metavar="DIR", help="folder of Open-i (absent: phantoms)")
    parser.add_argument("--questions", type=Path, metavar="DIR", help="with --root: folder of VQA-RAD or SLAKE")
    parser.add_argument(
        "--out", type=Path, default=Path("outputs/systems"), metavar="DIR", help="where to write (outputs/systems)"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="S", help="seeds (0 1 2)")
    for name, default in (("patients", PATIENTS), ("vqa-images", VQA_IMAGES), ("melinda-figures", FIGURES)):
        parser.add_argument(
            f"--{name}", type=int, default=default, metavar="N", help=f"size of the phantoms ({default})"
        )
    parser.add_argument("--backbones", nargs="+", metavar="REF", help="a backbone of each system (absent: pre-train)")
    parser.add_argument("--only", nargs="+", metavar="PIECE", help=f"pieces of the table ({' '.join(PIECES)})")
    add_set_argument(parser, "every pre-training or every fine-tuning", "pretrain", "finetune")
    add_record_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Run what is not there yet; write the table of all that is there, also after a fault."""
    import os
    import time

    os.environ.setdefault("GKMVLP_PROGRESS", "1")
    from gkmvlp.app.experiments.systems import compare_systems, layouts_of, on_openi, on_phantoms
    from gkmvlp.app.experiments.systems_table import record_table
    from gkmvlp.app.running.run import overrides_of
    from gkmvlp.data_modules.synthetic.lookalikes import write_lookalikes
    from gkmvlp.errors import UsageError

    start = time.monotonic()
    if args.questions and not args.root:
        raise UsageError("--questions is for patients: name Open-i by --root, or leave both out for phantoms")
    if strange := sorted(set(args.only or ()) - set(PIECES)):
        raise UsageError(f"--only {strange[0]}: one of {', '.join(PIECES)} was expected")
    comparison = on_openi(args.root, args.questions) if args.root else on_phantoms(args.out / "data")
    if args.backbones:
        comparison = comparison.from_backbones(args.backbones)
    if not args.root:
        counts = {"mimic": args.patients, "vqa": args.vqa_images, "melinda": args.melinda_figures}
        needed = layouts_of(comparison, args.only)
        write_lookalikes(args.out / "data", {name: counts[name] for name in counts if name in needed}, 0)
    stages = overrides_of(args.settings, "pretrain"), overrides_of(args.settings, "finetune")
    try:
        compare_systems(comparison, args.seeds, args.out, args.record, args.only, *stages)
    finally:
        if any(args.out.glob("*/predictions/*.parquet")):
            folder, seconds = args.record or args.out, time.monotonic() - start
            record_table(folder, args.out, list(comparison.pretraining), seconds, comparison.backbones)
    return 0

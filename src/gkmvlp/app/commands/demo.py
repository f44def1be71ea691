"""Show the whole method on phantoms, with one result page.

Pre-train, classify, ground, answer questions.

With --all also classification, localization, reports, grounding, retrieval and regions, the first two and grounding on
the other data sets' look-alikes.
"""

import argparse
from pathlib import Path

from gkmvlp.app.commands.options import add_set_argument
from gkmvlp.app.running.demo_sizes import NIH_PATIENTS, PATIENTS, RSNA_IMAGES, SEED, VQA_IMAGES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--out", type=Path, default=Path("outputs/demo"), metavar="DIR", help="where to write")
    parser.add_argument("--patients", type=int, default=PATIENTS, metavar="N", help=f"phantom patients ({PATIENTS})")
    parser.add_argument(
        "--vqa-images", type=int, default=VQA_IMAGES, metavar="M", help=f"phantoms with questions ({VQA_IMAGES})"
    )
    parser.add_argument("--seed", type=int, default=SEED, metavar="S", help=f"seed of the phantoms ({SEED})")
    parser.add_argument("--all", action="store_true", help="the further tasks too, half an hour more")
    for name, default in (("nih-patients", NIH_PATIENTS), ("rsna-images", RSNA_IMAGES)):
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N", help=f"of --all ({default})")
    add_set_argument(parser, "pre-training or question answering", "pretrain", "vqa")


def run(args: argparse.Namespace) -> int:
    """Run all stages; what a broken call left is written anew."""
    import os

    os.environ.setdefault("GKMVLP_PROGRESS", "1")
    from gkmvlp.app.experiments.demo import run_demo
    from gkmvlp.app.running.run import overrides_of

    sizes = {"mimic": args.patients, "vqa": args.vqa_images}
    further = {"nih": args.nih_patients, "rsna": args.rsna_images} if args.all else None
    pretraining, answering = (overrides_of(args.settings, stage) for stage in ("pretrain", "vqa"))
    run_demo(args.out, sizes, further, args.seed, pretraining, answering)
    return 0

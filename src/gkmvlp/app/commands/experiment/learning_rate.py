"""Choose the learning rates of a config that fine-tunes, on validation data.

Without --root on phantoms of another seed than the demo's, from a backbone pre-trained on them; with --root on the
validation rows of a real data set. From a backbone and from scratch the same rates are tried; no test row is read.
The chosen rates are then written into the config by hand: optimizer.lr and scratch_lr.
"""

import argparse
from pathlib import Path

from gkmvlp.app.commands.options import add_set_argument, require_data
from gkmvlp.app.running.demo_sizes import PATIENTS

LRS = (3e-4, 1e-3, 3e-3)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", default="vqa-phantom", metavar="NAME", help="config of the zoo (vqa-phantom)")
    parser.add_argument("--root", metavar="DIR", help="root of a real data set (absent: phantoms)")
    parser.add_argument("--backbone", metavar="REF", help="backbone for --root")
    parser.add_argument("--out", type=Path, default=Path("outputs/rates"), metavar="DIR", help="where to write")
    parser.add_argument("--record", type=Path, metavar="DIR", help="folder that gets the table too, as docs/results")
    parser.add_argument("--lrs", type=float, nargs="+", default=LRS, metavar="R", help="learning rates to try")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], metavar="S", help="seeds of each run (0)")
    parser.add_argument("--patients", type=int, default=PATIENTS, metavar="N", help=f"phantom patients ({PATIENTS})")
    parser.add_argument("--images", type=int, metavar="M", help="size of the task's own look-alike (as in the demo)")
    add_set_argument(parser, "pre-training or fine-tuning", "pretrain", "finetune")


def run(args: argparse.Namespace) -> int:
    """Run what is not there yet, choose, write the table."""
    require_data(args.root)
    import time

    from gkmvlp.errors import UsageError

    if args.root and not args.backbone:
        raise UsageError("--root needs --backbone: the rates hold for fine-tuning a certain backbone")
    from gkmvlp.app.experiments.learning_rate import Corpus, phantom_corpus, record_rates, try_rates
    from gkmvlp.app.running.run import overrides_of

    start, overrides = time.monotonic(), overrides_of(args.settings, "finetune")
    if args.root:
        corpus = Corpus(args.root, args.backbone)
    else:
        pretraining = overrides_of(args.settings, "pretrain")
        corpus = phantom_corpus(args.config, args.out, args.patients, args.images, pretraining)
    rows = try_rates(args.config, args.out, corpus, args.lrs, args.seeds, overrides)
    record_rates(args.config, args.out, rows, corpus, overrides, time.monotonic() - start, args.record)
    return 0

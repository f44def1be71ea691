"""Put the claim of grounded knowledge to a test on phantoms: leave parts out, and measure every task.

full is pretrain-phantom; no-gk has no grounded-knowledge module; no-grounding lets every prompt read all regions;
shuffled lets it read regions in the wrong places; leaky shows the prompts what the report says; late-fusion has texts
read the image in the upper half of their layers alone. With --system arl, full is pretrain-arl-phantom; no-knowledge
reads no entities of a text; no-align does not align images and texts with entities; in the graph of shuffled-graph
findings show where chance says. Entities and questions are measured then. All are pre-trained alike and fine-tuned
alike. Predictions of complete runs are kept under --record; the next call goes on from there.
"""

import argparse
from pathlib import Path

from gkmvlp.app.commands.options import add_jobs_argument, add_set_argument

PATIENTS, VQA_IMAGES, NIH_PATIENTS = 3200, 1600, 3000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--system", choices=("gk_mvlp", "arl"), default="gk_mvlp", help="which system (gk_mvlp)")
    parser.add_argument("--out", type=Path, default=Path("outputs/ablation"), metavar="DIR", help="where to write")
    parser.add_argument(
        "--record", type=Path, default=Path("docs/results"), metavar="DIR", help="folder of what is kept (docs/results)"
    )
    parser.add_argument(
        "--variants", nargs="+", metavar="NAME", help="variants (full no-gk no-grounding shuffled leaky; of arl all)"
    )
    parser.add_argument("--only", nargs="+", metavar="STAGE", help="what is fine-tuned (all; a wrong name lists them)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="S", help="seeds (0 1 2)")
    for name, default in (("patients", PATIENTS), ("vqa-images", VQA_IMAGES), ("nih-patients", NIH_PATIENTS)):
        parser.add_argument(
            f"--{name}", type=int, default=default, metavar="N", help=f"size of the phantoms ({default})"
        )
    add_jobs_argument(parser)
    add_set_argument(parser, "pre-training or every fine-tuning", "pretrain", "finetune")


def run(args: argparse.Namespace) -> int:
    """Run what is not kept yet; write table and plot of all that is kept, also after a fault."""
    import os
    import time

    os.environ.setdefault("GKMVLP_PROGRESS", "1")
    from gkmvlp.app.experiments.ablation import ON_PHANTOMS, Study, require_known, run_variants
    from gkmvlp.app.experiments.ablation_table import record_table
    from gkmvlp.app.running.run import overrides_of
    from gkmvlp.data_modules.synthetic.lookalikes import write_lookalikes
    from gkmvlp.hardware import runs_at_once

    start, system = time.monotonic(), ON_PHANTOMS[args.system]
    made = system.study(args.out / "data", args.only)
    variants, keep = args.variants or system.default, args.record / system.table
    require_known(variants, made)
    counts = {"mimic": args.patients, "vqa": args.vqa_images, "nih": args.nih_patients}
    sizes = {name: counts[name] for name in system.layouts}
    stages = overrides_of(args.settings, "pretrain"), overrides_of(args.settings, "finetune")

    def study() -> Study:
        write_lookalikes(args.out / "data", sizes, 0)
        return made

    try:
        run_variants(study, variants, args.seeds, args.out, keep, *stages, args.jobs or runs_at_once())
    finally:
        if any(keep.glob("[!.]*")):
            record_table(args.record / f"{system.table}.json", keep, time.monotonic() - start)
    return 0

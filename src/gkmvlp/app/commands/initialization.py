"""Compare the two starts of a task: from a backbone and from scratch, same config, same steps, several seeds.

On phantoms, unless --data names a real data set. classification is repeated at each share of the labels, with a linear
probe beside; localization and regions with a frozen encoder beside. On phantoms the backbone then reads the regions
that were found, beside those of the atlas, and learns questions and reports from either. Fits that are complete are not
repeated.
"""

import argparse
from pathlib import Path

from gkmvlp.app.commands.finetune import CONFIGS
from gkmvlp.app.running.recipes import (
    PHANTOMS,
    add_backbone_argument,
    add_record_argument,
    common_options,
    some_backbone,
)

SHARES = (0.01, 0.1, 1.0)
TASKS = {
    "classification": "classification",
    "localization": "localization",
    "regions": "region_detection",
    "report": "report_generation",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the task and the options."""
    parser.add_argument("task", choices=sorted(TASKS), help="downstream task")
    parser.add_argument("--data", metavar="DIR", help="root of the real data set (absent: phantoms)")
    parser.add_argument("--config", metavar="NAME", help="config of the zoo, or a file (absent: by --data)")
    parser.add_argument("--out", metavar="DIR", type=Path, help="where to write (outputs/starts-TASK)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="S", help="seeds (0 1 2)")
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES, metavar="X", help="of labels (0.01 0.1 1)")
    described = "one more option of the runs, like --options=--trainer.max_epochs=1; may be repeated"
    parser.add_argument("--options", action="append", default=[], metavar="OPTION", help=described)
    add_backbone_argument(parser)
    add_record_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run what is not there yet, write the figures."""
    import time

    from gkmvlp.app.running.outcome import conclude
    from gkmvlp.metrics.results.provenance import ProcessTreePeak

    start, task = time.monotonic(), arguments.task
    arguments.out = arguments.out or Path(f"outputs/starts-{task}")
    with ProcessTreePeak() as peak:
        config, *options = common_options(arguments, *CONFIGS[task])
        options = [word for word in options if not word.startswith("--trainer.default_root_dir")]
        backbone = arguments.backbone or some_backbone()
        _arms(arguments, config.partition("=")[2], backbone, [*options, *arguments.options])
    conclude(arguments.out, start, peak.bytes, arguments.record and arguments.record / f"{task}.json")
    return 0


def _arms(arguments: argparse.Namespace, config: str, backbone: str, options: list[str]) -> None:
    """The runs of the task."""
    from gkmvlp.app.experiments.classification import classification_arms
    from gkmvlp.app.experiments.conditions import localization_words, run_arms, start_words
    from gkmvlp.app.experiments.region_boxes import compare_boxes
    from gkmvlp.app.running.recipes import ensure_phantoms
    from gkmvlp.hardware import runs_at_once

    out, seeds, jobs = arguments.out, arguments.seeds, runs_at_once()
    if arguments.task == "classification":
        classification_arms(config, out, backbone, seeds, arguments.shares, options, jobs)
        return
    arms = start_words(backbone) if arguments.task == "report" else localization_words(backbone)
    compares_boxes = arguments.task == "regions" and not arguments.data
    if compares_boxes:
        ensure_phantoms("VqaRad")
    run_arms(TASKS[arguments.task], config, out, arms, seeds, options, jobs)
    if compares_boxes:
        detector = out / "region_detection" / f"pretrained-{seeds[0]}" / "model"
        trainer = [word for word in arguments.options if word.startswith("--trainer.")]
        compare_boxes(out, backbone, PHANTOMS, detector, seeds, trainer, jobs)

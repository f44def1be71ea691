"""Write a model as a program that runs without this package: torch.export (.pt2), ONNX (.onnx), or a MONAI bundle.

The batch may have any size.

classification  log odds of each label, or of each entity of a backbone
grounding       log odds of each entity, and what its prompt attends to: patches and regions
localization    log odds and box at every anchor of a detector, before overlapping boxes are dropped
vqa             log-probability of each answer, by a model for questions with `answer_mode: classify`

FILE.json beside it says how an image is made ready, what goes in and what comes out; for vqa FILE.tokenizer holds the
tokenizer. What was written is compared with PyTorch before it gets its name. ONNX needs pip install 'gkmvlp[export]'.
A bundle is a folder that `python -m monai.bundle run` executes. A model that was trained as an
adapter is written whole.

Research software, not for clinical use.
"""

import argparse
from pathlib import Path

TASKS = ("classification", "grounding", "localization", "vqa")
NO_REPORTS = f"reports are written word by word: gkmvlp predict writes them; here: {', '.join(TASKS)}"
FORMATS = {"torch-export": ".pt2", "onnx": ".onnx", "monai-bundle": ""}  # a bundle is a folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare model, task, format and file."""
    described = "zoo://NAME, or folder of a backbone, a model or their run"
    parser.add_argument("--model", metavar="REF", required=True, help=described)
    parser.add_argument("--task", type=_task, choices=TASKS, help="what the program computes (what it was trained for)")
    parser.add_argument("--format", required=True, choices=FORMATS, help="how it is written")
    parser.add_argument(
        "--out", metavar="FILE", required=True, type=Path, help="FILE.pt2 or FILE.onnx, or a folder; new"
    )


def _task(word: str) -> str:
    """A task; reports, which ``predict`` has and ``export`` has not, are refused with the reason."""
    if word == "report":
        raise argparse.ArgumentTypeError(NO_REPORTS)
    return word


def run(arguments: argparse.Namespace) -> int:
    """Export, and say what was written."""
    from gkmvlp.errors import UsageError

    form, out = arguments.format, arguments.out
    if out.suffix != FORMATS[form]:
        where = f"a file *{FORMATS[form]}" if FORMATS[form] else "a folder, whose name has no suffix"
        raise UsageError(f"--out {out}: --format {form} is written to {where}")
    from gkmvlp.zoo.export.bundle import FORM, export_bundle
    from gkmvlp.zoo.export.export import export
    from gkmvlp.zoo.inference.loading import open_predictor

    predictor = open_predictor(arguments.model, "cpu")
    if predictor.notice:
        print(predictor.notice)
    task = arguments.task or predictor.reads_as
    if task not in TASKS:
        raise UsageError(NO_REPORTS if task == "report" else f"--task {task} is not exported: {', '.join(TASKS)} are")
    if form == FORM:
        difference = export_bundle(predictor, task, out)["largest_difference_from_pytorch"]
        print(f"{out}: a bundle; differs from PyTorch by {difference:.1e} at most")
        print(f"cd {out} && python -m monai.bundle run --config_file configs/inference.json --dataset_dir FOLDER")
        return 0
    description = export(predictor, task, form, out)
    difference = description["largest_difference_from_pytorch"]
    print(f"{out} ({out.stat().st_size / 1e6:.1f} MB) and {out}.json; differs from PyTorch by {difference:.1e} at most")
    return 0

"""Write a model as a program that runs without this package: torch.export (.pt2) or ONNX (.onnx).

The batch may have any size.

classification  log odds of each label, or of each entity of a backbone
grounding       log odds of each entity, and what its prompt attends to: patches and regions
vqa             log-probability of each answer, by a model for questions with `answer_mode: classify`

FILE.json beside it says how an image is made ready, what goes in and what comes out; for vqa FILE.tokenizer holds the
tokenizer. What was written is compared with PyTorch before it gets its name. ONNX needs pip install 'gkmvlp[export]'.

Research software, not for clinical use.
"""

import argparse
from pathlib import Path

TASKS = ("classification", "grounding", "vqa")
FORMATS = {"torch-export": ".pt2", "onnx": ".onnx"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare model, task, format and file."""
    described = "zoo://NAME, or folder of a backbone, a model or their run"
    parser.add_argument("--model", metavar="REF", required=True, help=described)
    parser.add_argument("--task", required=True, choices=TASKS, help="what the program computes")
    parser.add_argument("--format", required=True, choices=FORMATS, help="how it is written")
    parser.add_argument("--out", metavar="FILE", required=True, type=Path, help="FILE.pt2 or FILE.onnx, a new file")


def run(arguments: argparse.Namespace) -> int:
    """Export, and say what was written."""
    from gkmvlp.errors import UsageError

    form, out = arguments.format, arguments.out
    if out.suffix != FORMATS[form]:
        raise UsageError(f"--out {out}: --format {form} is written to a file *{FORMATS[form]}")
    from gkmvlp.zoo.export.export import export
    from gkmvlp.zoo.inference.loading import open_predictor

    predictor = open_predictor(arguments.model, "cpu")
    if predictor.notice:
        print(predictor.notice)
    description = export(predictor, arguments.task, form, out)
    difference = description["largest_difference_from_pytorch"]
    print(f"{out} ({out.stat().st_size / 1e6:.1f} MB) and {out}.json; differs from PyTorch by {difference:.1e} at most")
    return 0

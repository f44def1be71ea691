"""Fine-tune a backbone for a downstream task and test it."""

import argparse
from pathlib import Path

from gkmvlp.commands._recipes import (
    BACKBONES,
    add_recipe_arguments,
    best_checkpoint,
    common_options,
    gkmvlp,
    newest_backbone,
)

FORWARDS = True
CONFIGS = {  # task: its config on phantoms, its config on real data
    "localization": ("localization-phantom", "localization-rsna"),
    "vqa": ("vqa-phantom", "vqa-rad"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the task and the options."""
    parser.add_argument("task", choices=sorted(CONFIGS), help="downstream task")
    add_recipe_arguments(parser, "outputs/finetune-TASK")
    parser.add_argument(
        "--backbone",
        metavar="REF",
        help="pre-trained backbone, or null for none (absent: the newer of those in outputs/, else one is pre-trained)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Fit, then test the best checkpoint."""
    arguments.out = arguments.out or Path(f"outputs/finetune-{arguments.task}")
    options = common_options(arguments, *CONFIGS[arguments.task])
    options += [f"--model.init_args.backbone={arguments.backbone or _backbone()}", *arguments.forwarded]
    gkmvlp("fit", *options)
    gkmvlp("test", *options, f"--ckpt_path={best_checkpoint(arguments.out)}")
    return 0


def _backbone() -> Path:
    """The newest backbone, pre-trained on phantoms first where there is none."""
    if (found := newest_backbone()) is None:
        print("no --backbone and none in outputs/: pre-training one on phantoms", flush=True)
        gkmvlp("pretrain")
        found = BACKBONES[0]
    print(f"backbone: {found}", flush=True)
    return found

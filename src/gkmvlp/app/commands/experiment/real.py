"""Measure on real input: Open-i, SLAKE, VQA-RAD, ChestX-ray14, RSNA Pneumonia, pairs, an ablation, the report labeler.

Each of the first five is a table: the same runs on several arms, beside baselines.
  pretrained      from the backbone of --backbone, pre-trained on radiographs with their reports
  phantom         from the backbone that comes with the package, which has seen phantoms alone
  public_weights  from public weights of both encoders, without vision-language pre-training
  random_weights  the same architecture from random weights
Each action can be called again in the same --out: runs that are complete are not repeated. With --record docs/results
the numbers are written there too; images and predictions stay in --out.
"""

import argparse
from pathlib import Path

from gkmvlp.app.commands.options import add_jobs_argument, add_record_argument, add_set_argument
from gkmvlp.app.experiments.real.arm_names import ARMS

OWNERS = {"openi": "Open-i", "slake": "SLAKE", "vqa-rad": "VQA-RAD", "pairs": "ChestX-ray14",
          "chestxray14": "ChestX-ray14", "rsna": "the RSNA challenge", "ablation": "Open-i"}  # fmt: skip
TABLES = ("openi", "slake", "vqa-rad", "chestxray14", "rsna")
SPLITS = ("official", "image-disjoint", "legacy-mevf")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    names = (*TABLES, "pairs", "ablation", "labeler")
    actions = parser.add_subparsers(dest="action", required=True, metavar=" | ".join(names))
    openi = actions.add_parser("openi", help="pre-training, and what the arms know and learn of Open-i")
    slake = actions.add_parser("slake", help="questions in English, pointing at boxes, labels by sentences")
    vqa = actions.add_parser("vqa-rad", help="questions, and a model without the image")
    vqa.add_argument("--splits", nargs="*", default=SPLITS, metavar="NAME", help=f"splits ({' '.join(SPLITS)})")
    vqa.add_argument(
        "--slake",
        type=Path,
        metavar="DIR",
        help="folder of SLAKE: official again, learning from its questions too",
    )
    nih = actions.add_parser("chestxray14", help="classification over patient folds, and calibration of the backbone")
    rsna = actions.add_parser("rsna", help="detection and pointing over patient folds")
    pairs = actions.add_parser("pairs", help="pre-training on ChestX-ray14 with its labels as sentences, by fold")
    pairs.add_argument("--folds", type=int, nargs="+", default=list(range(5)), metavar="K", help="folds (0 1 2 3 4)")
    ablation = actions.add_parser("ablation", help="variants of pre-training on Open-i, and what each knows and learns")
    _add_ablation_arguments(ablation)
    labeler = actions.add_parser("labeler", help="status F1 on phantom, hard and real sentences, and speed")
    _add_labeler_arguments(labeler)
    for name, action in zip(names, (openi, slake, vqa, nih, rsna, pairs, ablation, labeler), strict=True):
        if name in OWNERS:
            action.add_argument("--root", type=Path, required=True, metavar="DIR", help=f"folder of {OWNERS[name]}")
            add_set_argument(action, "the runs", *(("pretrain", "finetune") if name in ("openi", "ablation") else ()))
        if name in TABLES:
            _add_table_arguments(action, [0, 1, 2] if name in ("slake", "vqa-rad") else [0])
        out = Path("outputs/real") / name
        action.add_argument("--out", type=Path, default=out, metavar="DIR", help=f"where to write ({out})")
        add_record_argument(action)
    for action, use in ((slake, "labels, sex and age"), (rsna, "sex and age")):
        action.add_argument("--nih", type=Path, metavar="DIR", help=f"folder of ChestX-ray14: {use} of the same images")
    for action in (openi, slake, nih, rsna, ablation):
        action.add_argument(
            "--only", nargs="+", metavar="PIECE", help="pieces of the table (all; a wrong name lists them)"
        )
    for action in (slake, vqa, nih, rsna, ablation):
        add_jobs_argument(action)


def _add_table_arguments(action: argparse.ArgumentParser, seeds: list[int]) -> None:
    """Options of every table."""
    action.add_argument("--backbone", metavar="REF", help="backbone of the arm pretrained (openi: absent, made first)")
    action.add_argument("--arms", nargs="+", default=ARMS, metavar="NAME", help=f"arms ({' '.join(ARMS)})")
    defaults = " ".join(map(str, seeds))
    action.add_argument("--seeds", type=int, nargs="+", default=seeds, metavar="S", help=f"seeds ({defaults})")


def _add_ablation_arguments(ablation: argparse.ArgumentParser) -> None:
    """Options of the ablation beside those of Open-i."""
    ablation.add_argument("--slake", type=Path, required=True, metavar="DIR", help="folder of SLAKE")
    ablation.add_argument(
        "--nih", type=Path, required=True, metavar="DIR", help="folder of ChestX-ray14: labels of SLAKE's radiographs"
    )
    ablation.add_argument(
        "--variants", nargs="+", metavar="NAME", help="variants (full no-gk no-grounding shuffled leaky)"
    )
    ablation.add_argument("--seeds", type=int, nargs="+", default=[0, 1], metavar="S", help="seeds (0 1)")


def _add_labeler_arguments(labeler: argparse.ArgumentParser) -> None:
    """Options of the labeler, which no model is needed for."""
    labeler.add_argument("--reports", type=int, default=2000, metavar="N", help="phantom reports (2000)")
    labeler.add_argument("--seed", type=int, default=4321, metavar="S", help="seed that no training corpus has (4321)")
    labeler.add_argument("--hard", type=Path, default=Path("tests/report"), metavar="DIR", help="hard_*.json")
    labeler.add_argument("--openi", type=Path, metavar="CSV", help="pairs.csv of Open-i: real sentences are scored too")


def run(arguments: argparse.Namespace) -> int:
    """Measure by the module of ``gkmvlp.app.experiments.real`` that is called as the action."""
    from importlib import import_module

    import_module(f"gkmvlp.app.experiments.real.{arguments.action.replace('-', '_')}").measure(arguments)
    return 0

"""Measure on real input: Open-i, VQA-RAD, image-report pairs, ChestX-ray14, RSNA Pneumonia, the report labeler.

Each action can be called again in the same --out: runs that are complete are not repeated. With --record docs/results
the numbers are written there too; images and predictions stay in --out.
"""

import argparse
from pathlib import Path

from gkmvlp.app.commands.options import add_overrides_argument, add_record_argument


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="openi | vqa-rad | pairs | chestxray14 | rsna | labeler"
    )
    openi = actions.add_parser("openi", help="pre-training from public weights, and what the backbone knows by itself")
    openi.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of Open-i, in any layout")
    openi.add_argument("--slake", type=Path, metavar="DIR", help="folder of SLAKE: its boxes are pointed at too")
    openi.add_argument("--seeds", type=int, nargs="+", default=[0], metavar="S", help="seeds (0)")
    vqa = actions.add_parser("vqa-rad", help="three seeds from a backbone, from scratch and without the image")
    vqa.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of VQA-RAD")
    vqa.add_argument("--backbone", required=True, metavar="REF", help="folder of the backbone")
    vqa.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="S", help="seeds (0 1 2)")
    splits = ["official", "image-disjoint"]
    vqa.add_argument("--splits", nargs="+", default=splits, metavar="NAME", help=f"splits ({' '.join(splits)})")
    vqa.add_argument("--jobs", type=int, metavar="N", help="runs side by side (2 on a processor, 1 on a GPU)")
    pairs = actions.add_parser("pairs", help="pre-training on ChestX-ray14 with its labels as sentences, by fold")
    pairs.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of ChestX-ray14")
    pairs.add_argument("--folds", type=int, nargs="+", default=list(range(5)), metavar="K", help="folds (0 1 2 3 4)")
    nih = actions.add_parser("chestxray14", help="classification over patient folds, after a short stage on real pairs")
    rsna = actions.add_parser("rsna", help="detection and grounding over patient folds, after a stage on real pairs")
    rsna.add_argument("--pairs", type=Path, required=True, metavar="DIR", help="folder of ChestX-ray14, for the pairs")
    for action, owner in ((nih, "ChestX-ray14"), (rsna, "the RSNA challenge")):
        action.add_argument("--data", type=Path, required=True, metavar="DIR", help=f"folder of {owner}")
        action.add_argument("--backbone", required=True, metavar="REF", help="folder of the backbone")
        action.add_argument("--seeds", type=int, nargs="+", default=[0], metavar="S", help="seeds (0)")
        action.add_argument("--jobs", type=int, metavar="N", help="runs side by side (2 on a processor, 1 on a GPU)")
        add_overrides_argument(action, "--pairs-options", "the stage on real pairs")
    labeler = actions.add_parser("labeler", help="status F1 on phantom, hard and real sentences, and speed")
    labeler.add_argument("--reports", type=int, default=2000, metavar="N", help="phantom reports (2000)")
    labeler.add_argument("--seed", type=int, default=4321, metavar="S", help="seed that no training corpus has (4321)")
    labeler.add_argument("--hard", type=Path, default=Path("tests/report"), metavar="DIR", help="hard_*.json")
    labeler.add_argument("--openi", type=Path, metavar="CSV", help="pairs.csv of Open-i: real sentences are scored too")
    names = ("openi", "vqa-rad", "pairs", "chestxray14", "rsna", "labeler")
    for action, name in zip((openi, vqa, pairs, nih, rsna, labeler), names, strict=True):
        out = Path("outputs/real") / name
        action.add_argument("--out", type=Path, default=out, metavar="DIR", help=f"where to write ({out})")
        add_record_argument(action)
    for action in (openi, vqa, pairs, nih, rsna):
        add_overrides_argument(action, "--options", "the runs")


def run(arguments: argparse.Namespace) -> int:
    """Do it."""
    if arguments.action == "openi":
        from gkmvlp.app.experiments.real_openi import measure_openi

        measure_openi(arguments)
    elif arguments.action == "vqa-rad":
        from gkmvlp.app.experiments.real_vqa import measure_vqa

        measure_vqa(arguments)
    elif arguments.action == "pairs":
        from gkmvlp.app.experiments.real_pairs import measure_pairs

        measure_pairs(arguments)
    elif arguments.action == "chestxray14":
        from gkmvlp.app.experiments.real_chestxray14 import measure_chestxray14

        measure_chestxray14(arguments)
    elif arguments.action == "rsna":
        from gkmvlp.app.experiments.real_rsna import measure_rsna

        measure_rsna(arguments)
    else:
        from gkmvlp.app.experiments.real_labeler import measure_labeler

        measure_labeler(arguments)
    return 0

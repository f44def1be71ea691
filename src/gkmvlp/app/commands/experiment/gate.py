"""Train and measure the gate: the small network that says whether a picture is a frontal chest radiograph.

On phantoms, on altered radiographs of ChestX-ray14, RSNA Pneumonia, SLAKE and VQA-RAD, on their pictures of other parts
of the body, and on what is drawn. Open-i and lateral radiographs are measured on alone. Takes minutes on one core; what
was read is kept in --out.
"""

import argparse
from pathlib import Path

from gkmvlp.app.commands.options import add_record_argument

OWNERS = {"rsna": "the RSNA challenge", "slake": "SLAKE", "vqa_rad": "VQA-RAD", "openi": "Open-i (measured on alone)",
          "laterals": "lateral radiographs as JPG or PNG (measured on alone)"}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare data, size of the training and outputs."""
    parser.add_argument("--nih", type=Path, required=True, metavar="DIR", help="folder of ChestX-ray14")
    for name, owner in OWNERS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=Path, metavar="DIR", help=f"folder of {owner}")
    parser.add_argument("--phantoms", type=int, default=600, metavar="N", help="phantoms that are drawn (600)")
    parser.add_argument("--steps", type=int, default=600, metavar="N", help="batches of 64 (600)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="seed (0)")
    share = "share of frontal validation radiographs that thresholds may refuse (0.015)"
    parser.add_argument("--most", type=float, default=0.015, metavar="X", help=share)
    parser.add_argument("--only-measure", action="store_true", help="measure the gate that is there")
    parser.add_argument("--out", type=Path, default=Path("outputs/gate"), metavar="DIR", help="figures (outputs/gate)")
    parser.add_argument("--models", type=Path, metavar="DIR", help="where the gate goes (absent: the package itself)")
    add_record_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Train, measure, write."""
    from gkmvlp.app.experiments.gate.making import make_gate

    make_gate(arguments)
    return 0

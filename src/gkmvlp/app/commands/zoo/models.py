"""Find, fetch, check, publish and remove trained models; convert and import weights; list and copy configs.

A model is NAME, zoo://NAME or zoo://NAME@DIGEST; download and show also take the address of an entry:
https://host/NAME.yaml, hf://org/repo@COMMIT/NAME.yaml or a file. Environment: GKMVLP_CACHE (where models are kept),
GKMVLP_ZOO (folders with more entries), GKMVLP_MIRROR (another host), GKMVLP_OFFLINE=1 (ask no network).
"""

import argparse
from pathlib import Path

from gkmvlp.app.commands.options import add_set_argument

METER = "zoo://_base/architecture_meter"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions; each takes ``--json``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser("list", help="names of the models, with task, size and where they are")
    listed.add_argument("--task", metavar="TASK", help="only the models of one task")
    show = actions.add_parser("show", help="what a model is and reaches (--json: all that its entry says)")
    download = actions.add_parser("download", help="fetch the files of a model and check them")
    download.add_argument("--sha256", metavar="HEX", help="what the entry at an address must have")
    for action in (show, download):
        action.add_argument("model", metavar="MODEL", help="name, or address of an entry")
    verify = actions.add_parser("verify", help="read every byte of the models that are here")
    verify.add_argument("model", metavar="MODEL", nargs="*", help="names (absent: all that are here)")
    remove = actions.add_parser("remove", help="remove what was downloaded of a model")
    remove.add_argument("model", metavar="MODEL")
    card = actions.add_parser("card", help="print the card of a model")
    card.add_argument("model", metavar="MODEL")
    card.add_argument("--write", action="store_true", help="write it beside the entry")
    _add_publish(actions.add_parser("publish", help="turn the folder of a run into what download reads"))
    make = actions.add_parser("make", help="train, measure, calibrate, publish the models that come with the package")
    make.add_argument("--out", metavar="DIR", type=Path, default=Path("outputs/zoo"), help="runs (outputs/zoo)")
    make.add_argument("--models", metavar="DIR", type=Path, help="where entries go (absent: the package itself)")
    make.add_argument(
        "--only", metavar="NAME", nargs="+", default=[], help="these alone, from the backbone that is there"
    )
    calibrated = "train nothing: calibrate the models that are there, and name backbones by their files of today"
    tested = "train nothing: test the models that are there, and write their figures, by groups too, on their cards"
    steps = make.add_mutually_exclusive_group()
    steps.add_argument("--only-calibrate", action="store_true", help=calibrated)
    steps.add_argument("--only-test", action="store_true", help=tested)
    add_set_argument(make, "every run")
    convert = actions.add_parser("convert", help="tensors of a pickle (.ckpt, .pt, .bin) as safetensors")
    convert.add_argument("file", metavar="FILE", type=Path)
    convert.add_argument("--out", metavar="FILE.safetensors", type=Path, help="where to (beside FILE)")
    imported = actions.add_parser("import", help="a checkpoint of METER or M3AE as an ARL backbone")
    imported.add_argument("file", metavar="FILE", type=Path, help="safetensors; convert makes them of a pickle")
    imported.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder of the backbone")
    imported.add_argument(
        "--tokenizer", metavar="REF", default="roberta-base", help="hub name or folder (roberta-base)"
    )
    imported.add_argument("--architecture", metavar="FILE", default=METER, help=f"that of the checkpoint ({METER})")
    for action in actions.choices.values():
        action.add_argument("--json", action="store_true", help="print JSON")


def _add_publish(publish: argparse.ArgumentParser) -> None:
    publish.add_argument("folder", metavar="FOLDER", type=Path, help="outputs/TARGET of a run")
    publish.add_argument("--out", metavar="DIR", type=Path, required=True, help="where to write")
    publish.add_argument("--name", required=True, help="name of the model")
    publish.add_argument("--summary", metavar="TEXT", help="one line (absent: task and data)")
    publish.add_argument("--weights-licence", metavar="TEXT", help="needed where patients were seen")
    publish.add_argument("--data-terms", metavar="TEXT", help="needed where patients were seen")
    for option, value, what in (
        ("--limit", "TEXT", "what it cannot do"),
        ("--source", "URL", "where its files will lie"),
    ):
        publish.add_argument(option, metavar=value, action="append", default=[], help=f"{what}; may be repeated")


def run(arguments: argparse.Namespace) -> int:
    """Do it; what is printed is told by ``--json``."""
    import json

    from gkmvlp.app.actions.zoo import ACTIONS

    content, text = ACTIONS[arguments.action](arguments)
    print(json.dumps(content, indent=1) if arguments.json else text)
    return 0

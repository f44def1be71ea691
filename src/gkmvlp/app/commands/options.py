"""Options that several commands share."""

import argparse
from pathlib import Path


def add_recipe_arguments(parser: argparse.ArgumentParser, out: str) -> None:
    """Options that every recipe has; whatever else is given reaches ``fit`` and ``test``.

    Args:
        parser: Parser of the recipe.
        out: Where it writes unless told otherwise, for the help.
    """
    parser.add_argument("--data", metavar="DIR", help="root of the real data set (absent: phantoms)")
    parser.add_argument("--config", metavar="NAME", help="config of the zoo, or a file (absent: by --data)")
    parser.add_argument("--out", metavar="DIR", type=Path, help=f"where to write ({out})")
    parser.epilog = "Other options go to fit, for example --trainer.max_epochs=1."


def add_backbone_argument(parser: argparse.ArgumentParser) -> None:
    """The option that names a backbone; without it see ``recipes.default_backbone``."""
    parser.add_argument(
        "--backbone",
        metavar="REF",
        help="pre-trained backbone, or null for none (absent: the newer of those in outputs/, else "
        "zoo://gk-mvlp-phantom)",
    )


def add_record_argument(parser: argparse.ArgumentParser) -> None:
    """The option by which figures enter the documents."""
    parser.add_argument("--record", type=Path, metavar="DIR", help="folder that gets the figures too: docs/results")


def add_overrides_argument(parser: argparse.ArgumentParser, option: str, what: str) -> None:
    """An option that passes options of ``fit`` on, read by ``running.run.parse_overrides``.

    Args:
        parser: Parser of the command.
        option: Its name, such as ``--options``.
        what: The runs that it is for.
    """
    described = f"one more option of {what}, like {option}=--trainer.max_epochs=1; may be repeated"
    parser.add_argument(option, action="append", default=[], metavar="OPTION", help=described)

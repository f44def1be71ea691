"""Options that several commands share."""

import argparse
import errno
import os
from pathlib import Path

from gkmvlp.app.running.run import setting_of
from gkmvlp.errors import UsageError


def add_recipe_arguments(parser: argparse.ArgumentParser, out: str) -> None:
    """Options that every recipe has; whatever else is given reaches ``fit`` and ``test``.

    Args:
        parser: Parser of the recipe.
        out: Where it writes unless told otherwise, for the help.
    """
    add_data_arguments(parser)
    parser.add_argument("--out", metavar="DIR", type=Path, help=f"where to write ({out})")
    add_set_argument(parser, "the run")
    parser.epilog = "Other options go to fit: --trainer.max_epochs=1 says the same as --set trainer.max_epochs=1."


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """The data set and the config of a recipe."""
    described = "root of the real data set (absent: phantoms)"
    parser.add_argument("--root", metavar="DIR", help=described)
    parser.add_argument("--config", metavar="NAME", help="config of the zoo, or a file (absent: by --root)")


def require_data(word: str | None) -> None:
    """Checks first of all that ``--root``, where it is given, is a file, or a folder with something in it.

    A recipe would load its libraries twice, for half a minute, before its class says what it misses there.

    Raises:
        UsageError: If nothing is there.
    """
    if word is None:
        return
    place = Path(word)
    try:
        is_empty = place.is_dir() and next(place.iterdir(), None) is None
        reason = "the folder is empty" if is_empty else "" if place.exists() else os.strerror(errno.ENOENT)
    except OSError as error:
        reason = error.strerror or str(error)
    if reason:
        told = f"argument --root: {word}: {reason}; name the place of the data, or leave it out for phantoms"
        raise UsageError(told)


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


def add_jobs_argument(parser: argparse.ArgumentParser) -> None:
    """``--jobs``, of what makes several runs; ``hardware.runs_at_once`` says how many where it is absent."""
    parser.add_argument("--jobs", type=int, metavar="N", help="runs side by side (2 on a processor, 1 on a GPU)")


def add_set_argument(parser: argparse.ArgumentParser, what: str, *stages: str) -> None:
    """``--set``, which changes configs of runs; read by ``running.run.overrides_of``.

    Args:
        parser: Parser of the command.
        what: The runs that it is for.
        *stages: Names of the stages that may stand before a key; without a name a key is for all of them.
    """
    form = f"[{'|'.join(stages)}:]KEY=VALUE" if stages else "KEY=VALUE"
    described = f"value of a config key in {what}, like trainer.max_epochs=1; may be repeated"
    kind = setting_of(stages)
    parser.add_argument("--set", dest="settings", type=kind, action="append", default=[], metavar=form, help=described)


def add_device_argument(parser: argparse.ArgumentParser) -> None:
    """``--device``, of what reads with a model."""
    parser.add_argument("--device", metavar="NAME", help="cpu, cuda or cuda:N (absent: a GPU where there is one)")


def add_reading_arguments(parser: argparse.ArgumentParser) -> None:
    """``--gate`` and ``--at``: what happens to a doubtful picture, and which thresholds count."""
    judged = "a picture that looks like no upright frontal chest radiograph: refuse, warn, off (warn)"
    parser.add_argument("--gate", metavar="MODE", default="warn", help=judged)
    chosen = "threshold: sensitivity=0.90, specificity=0.95, youden ... (absent: the first that was calibrated)"
    parser.add_argument("--at", metavar="POINT", help=chosen)


def add_accept_argument(parser: argparse.ArgumentParser) -> None:
    """``--accept``: what is read although it is no frontal radiograph."""
    described = "read what is no frontal radiograph too: lateral, modality (CT, MG ...), blank"
    parser.add_argument("--accept", metavar="WHAT", nargs="+", default=(), help=described)


def add_evaluation_arguments(parser: argparse.ArgumentParser, name: str) -> None:
    """Device and outputs of ``gkmvlp evaluate NAME``: ``--device``, ``--out``, ``--record``, ``--record-as``."""
    out = Path(f"outputs/evaluate-{name}")
    parser.add_argument("--out", metavar="DIR", type=Path, default=out, help=f"where to write ({out})")
    add_device_argument(parser)
    add_record_argument(parser)
    parser.add_argument("--record-as", metavar="NAME", default=name, help=f"its name there ({name})")

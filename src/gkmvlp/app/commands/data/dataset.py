"""Check, audit, explain or cache a data set, find its regions, or write phantoms.

A data set is a class of this package (MimicCxr), the path of a class of your own in the working folder or installed
(my_module.OpenI), or a config. check, audit, explain, regions and cache take all that the class takes, as fit does:
--data.init_args.image_root=DIR, or shorter --image_root DIR.
"""

import argparse
from pathlib import Path

from gkmvlp.app.command_line.outputs import file_of
from gkmvlp.app.running.run import parse_init_args
from gkmvlp.errors import UsageError

FORWARDS = True  # init_args of a data set's class


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``check``, ``audit``, ``explain``, ``atlas``, ``regions`` and ``cache``."""
    names = "check | audit | explain | atlas | regions | cache"
    actions = parser.add_subparsers(dest="action", required=True, metavar=names)
    check = actions.add_parser("check", help="what is there, what is missing, what was dropped and why")
    check.add_argument("--images", action="store_true", help="decode every image, however many there are")
    audit = actions.add_parser("audit", help="patients and images that lie on two sides; writes manifests")
    audit.add_argument("sources", nargs="+", metavar="CLASS_OR_CONFIG", help="data sets that are compared")
    audit.add_argument("--root", metavar="DIR", help="folder of the data sets, or one that holds their folders")
    audit.add_argument("--backbone", metavar="REF", help="no test patient may be in its pre-training")
    audit.add_argument("--images", action="store_true", help="compare the images too, however many there are")
    folder = "folder for audit.json and the manifests; manifests that are there must match (outputs/audit)"
    audit.add_argument("--out", type=Path, default=Path("outputs/audit"), metavar="DIR", help=folder)
    cache = actions.add_parser("cache", help="decode all images and label all reports once; goes on where it stopped")
    cache.add_argument("--cache-dir", required=True, metavar="DIR", help="folder, or s3://...; a config key as well")
    cache.add_argument("--encoding", choices=("jpeg", "raw"), default="jpeg", help="raw: a byte a pixel (jpeg)")
    cache.add_argument("--images-per-shard", type=at_least_one, default=4000, metavar="N", help="images a tar (4000)")
    cache.add_argument("--workers", type=at_least_one, metavar="N", help="threads that decode (all cores)")
    part = "i/n: of n processes, on any machines, this is the i-th (1/1)"
    cache.add_argument("--shard", type=part_of, default=(1, 1), metavar="I/N", help=part)
    regions = actions.add_parser("regions", help="find the regions of every image, for region_boxes: detected")
    regions.add_argument("--model", type=Path, required=True, metavar="DIR", help="model/ of gkmvlp finetune regions")
    regions.add_argument("--out", type=file_of(".parquet"), required=True, metavar="FILE.parquet", help="file to write")
    for action in (check, cache, regions):
        action.add_argument("source", metavar="CLASS_OR_CONFIG", help="MimicCxr, ChestXray14, ... or a config")
        action.add_argument("--root", metavar="DIR", help="folder of the data; for ImageReportPairs the table")
    explain = actions.add_parser("explain", help="what was read out of a study's report, and where it lies")
    explain.add_argument("study", metavar="STUDY", help="study id, like s50000000")
    explain.add_argument("--picture", type=Path, metavar="FILE", help="also draw the radiograph with its regions")
    atlas = actions.add_parser("atlas", help="mean box of each region over the training patients")
    atlas.add_argument("--out", type=file_of(".json"), required=True, metavar="FILE.json", help="file to write")
    explain.add_argument("--data", default="MimicCxr", metavar="CLASS_OR_CONFIG", help="the data set (MimicCxr)")
    explain.add_argument("--root", metavar="DIR", help="folder of the data; for ImageReportPairs the table")
    atlas.add_argument("--root", required=True, metavar="DIR", help="folder in the layout of MIMIC-CXR-JPG")
    for action in (check, audit, explain):
        action.add_argument("--json", action="store_true", help="print JSON")


def at_least_one(word: str) -> int:
    """A whole number from 1 on."""
    if not word.isdecimal() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"{word}: a whole number from 1 on was expected")
    return int(word)


def part_of(word: str) -> tuple[int, int]:
    """The numbers of ``2/8``: the second of eight parts."""
    number, _, count = word.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise argparse.ArgumentTypeError(f"{word}: i/n with i from 1 to n was expected, like 2/8")
    return int(number), int(count)


def run(arguments: argparse.Namespace) -> int:
    """Do it."""
    if arguments.action == "atlas" and arguments.forwarded:
        raise UsageError(f"data atlas: unrecognized arguments: {' '.join(arguments.forwarded)}")
    arguments.init_args = parse_init_args(arguments.forwarded)
    from gkmvlp.app.actions.data import ACTIONS  # after the words are right: it takes seconds

    ACTIONS[arguments.action](arguments)
    return 0

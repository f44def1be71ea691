"""Write synthetic radiographs in the layouts of MIMIC-CXR, VQA-RAD, ChestX-ray14, RSNA Pneumonia, Open-i and SLAKE.

The layout dicom writes a radiograph in every way that scanners, archives and exports write it.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Layout(NamedTuple):
    """A look-alike: its module in ``data_modules.synthetic``, and how much of it is written."""

    writer: str
    option: str  # of this command, that counts
    share: int  # what --patients is divided by where the option is not given
    unit: str  # what is counted
    least: int = 2  # of it


LAYOUTS = {
    "mimic": Layout("mimic_cxr", "patients", 1, "patients"),
    "vqa": Layout("vqa_rad", "vqa_images", 5, "images with questions"),
    "nih": Layout("chest_xray14", "nih_patients", 1, "patients like those of ChestX-ray14"),
    "rsna": Layout("rsna_pneumonia", "rsna_images", 1, "images like those of RSNA Pneumonia"),
    "openi": Layout("openi", "openi_patients", 1, "patients like those of Open-i", 10),
    "slake": Layout("slake", "slake_images", 5, "images like those of SLAKE", 6),
    "dicom": Layout("dicom", "dicom_images", 100, "images in every way of DICOM", 1),
}
DEFAULT = ("mimic", "vqa")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--root", type=Path, required=True, metavar="DIR", help="folder to write to")
    parser.add_argument("--patients", type=int, required=True, metavar="N", help="patients of the MIMIC-CXR look-alike")
    parser.add_argument("--seed", type=int, required=True, metavar="S", help="seed; the same seed gives the same bytes")
    parser.add_argument("--layouts", nargs="+", choices=LAYOUTS, default=DEFAULT, metavar="LAYOUT",
                        help=f"look-alikes to write, out of {', '.join(LAYOUTS)} ({' '.join(DEFAULT)})")  # fmt: skip
    parser.add_argument("--size", type=int, default=256, metavar="PX", help="longer side of the images (256)")
    parser.add_argument("--vqa-images", type=int, metavar="M", help="images of the VQA-RAD look-alike (patients / 5)")
    parser.add_argument(
        "--nih-patients", type=int, metavar="N", help="patients of the ChestX-ray14 look-alike (patients)"
    )
    parser.add_argument("--rsna-images", type=int, metavar="M", help="images of the RSNA look-alike (patients)")
    parser.add_argument("--openi-patients", type=int, metavar="N", help="patients of the Open-i look-alike (patients)")
    parser.add_argument("--slake-images", type=int, metavar="M", help="images of the SLAKE look-alike (patients / 5)")
    parser.add_argument("--dicom-images", type=int, metavar="M", help="images in every way of DICOM (patients / 100)")
    parser.add_argument("--workers", type=int, metavar="W", help="processes (as many as there are cores)")
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")


def run(args: argparse.Namespace) -> int:
    """Write the look-alikes, or find them there."""
    import json
    import time

    from gkmvlp.errors import UsageError

    if args.size < 32 or args.seed < 0:
        raise UsageError(f"--size from 32 and --seed from 0, got {args.size} and {args.seed}")
    counts = {layout: _count(args, layout) for layout in args.layouts}
    start = time.monotonic()
    write_corpora(args.root, counts, args.seed, args.size, args.workers)
    seconds = time.monotonic() - start
    if args.json:
        written = {LAYOUTS[layout].option: count for layout, count in counts.items()}
        said = {"root": str(args.root), **written, "seed": args.seed, "size": args.size, "seconds": round(seconds, 1)}
        print(json.dumps(said))
    else:
        told = " and ".join(f"{count} {LAYOUTS[layout].unit}" for layout, count in counts.items())
        print(f"{told} in {args.root} ({seconds:.0f} s)")
    return 0


def _count(args: argparse.Namespace, layout: str) -> int:
    """What the layout's option says, or what follows from the patients, at least the layout's least."""
    asked: int | None = getattr(args, LAYOUTS[layout].option)
    return max(args.patients // LAYOUTS[layout].share, LAYOUTS[layout].least) if asked is None else asked


def write_corpora(
    root: Path, counts: Mapping[str, int], seed: int, size: int = 256, workers: int | None = None
) -> None:
    """Write look-alikes, or find them there.

    Args:
        root: Folder to write to.
        counts: Layout -> its patients or images.
        seed: Seed of all that is drawn.
        size: Longer side of the images in pixels.
        workers: Processes; as many as there are cores without it.
    """
    import importlib
    import os

    workers = workers or len(os.sched_getaffinity(0))
    for layout, count in counts.items():
        writer = importlib.import_module(f"gkmvlp.data_modules.synthetic.{LAYOUTS[layout].writer}")
        writer.write(root, count, seed, size, workers)

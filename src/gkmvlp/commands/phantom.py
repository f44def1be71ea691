"""Write synthetic radiographs with reports and questions in the layouts of MIMIC-CXR and VQA-RAD."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--root", type=Path, required=True, metavar="DIR", help="folder to write to")
    parser.add_argument("--patients", type=int, required=True, metavar="N", help="patients of the MIMIC-CXR look-alike")
    parser.add_argument("--seed", type=int, required=True, metavar="S", help="seed; the same seed gives the same bytes")
    parser.add_argument("--size", type=int, default=256, metavar="PX", help="longer side of the images (256)")
    parser.add_argument("--vqa-images", type=int, metavar="M", help="images of the VQA-RAD look-alike (patients / 5)")
    parser.add_argument("--workers", type=int, metavar="W", help="processes (as many as there are cores)")
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")


def run(args: argparse.Namespace) -> int:
    """Write both corpora, or find them there."""
    import json
    import time

    from gkmvlp.errors import UsageError

    if args.size < 32 or args.seed < 0:
        raise UsageError(f"--size from 32 and --seed from 0, got {args.size} and {args.seed}")
    images = max(args.patients // 5, 2) if args.vqa_images is None else args.vqa_images
    start = time.monotonic()
    write_corpora(args.root, args.patients, images, args.seed, args.size, args.workers)
    seconds = time.monotonic() - start
    said = {"root": str(args.root), "patients": args.patients, "vqa_images": images, "seed": args.seed,
            "size": args.size, "seconds": round(seconds, 1)}  # fmt: skip
    if args.json:
        print(json.dumps(said))
    else:
        print(f"{args.patients} patients and {images} images with questions in {args.root} ({seconds:.0f} s)")
    return 0


def write_corpora(
    root: Path, patients: int, images: int, seed: int, size: int = 256, workers: int | None = None
) -> None:
    """Write the look-alikes of MIMIC-CXR and VQA-RAD, or find them there.

    Args:
        root: Folder to write to.
        patients: Patients of the MIMIC-CXR look-alike.
        images: Images of the VQA-RAD look-alike.
        seed: Seed of all that is drawn.
        size: Longer side of the images in pixels.
        workers: Processes; as many as there are cores without it.
    """
    import os

    from gkmvlp.data_modules.lookalikes import mimic_cxr, vqa_rad

    workers = workers or len(os.sched_getaffinity(0))
    mimic_cxr.write(root, patients, seed, size, workers)
    vqa_rad.write(root, images, seed, size, workers)

"""Write synthetic radiographs in the layouts of MIMIC-CXR, VQA-RAD, ChestX-ray14, RSNA Pneumonia and further data sets.

Others are Open-i, SLAKE, VQA-Med-2019, ROCO, MedICaT and MELINDA. The layout dicom writes a radiograph in every way
that scanners, archives and exports write it.
"""

import argparse
from pathlib import Path

DEFAULT = ("mimic", "vqa")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--root", type=Path, required=True, metavar="DIR", help="folder to write to")
    parser.add_argument("--patients", type=int, required=True, metavar="N", help="patients of the MIMIC-CXR look-alike")
    parser.add_argument("--seed", type=int, required=True, metavar="S", help="seed; the same seed gives the same bytes")
    layouts = "look-alikes to write, out of mimic, vqa, nih, rsna, openi, slake, vqa-med, roco, medicat, melinda, dicom"
    parser.add_argument("--layouts", nargs="+", default=DEFAULT, metavar="LAYOUT", help=f"{layouts} (mimic vqa)")
    parser.add_argument("--image-size", type=int, default=256, metavar="PX", help="longer side of the images (256)")
    parser.add_argument("--vqa-images", type=int, metavar="M", help="images of the VQA-RAD look-alike (patients / 5)")
    parser.add_argument(
        "--nih-patients", type=int, metavar="N", help="patients of the ChestX-ray14 look-alike (patients)"
    )
    parser.add_argument("--rsna-images", type=int, metavar="M", help="images of the RSNA look-alike (patients)")
    parser.add_argument("--openi-patients", type=int, metavar="N", help="patients of the Open-i look-alike (patients)")
    parser.add_argument("--slake-images", type=int, metavar="M", help="images of the SLAKE look-alike (patients / 5)")
    parser.add_argument(
        "--vqa-med-images", type=int, metavar="M", help="images of the VQA-Med-2019 look-alike (patients / 5)"
    )
    parser.add_argument("--roco-figures", type=int, metavar="M", help="figures of the ROCO look-alike (patients)")
    parser.add_argument("--medicat-figures", type=int, metavar="M", help="figures of the MedICaT look-alike (patients)")
    parser.add_argument("--melinda-figures", type=int, metavar="M", help="figures of the MELINDA look-alike (patients)")
    parser.add_argument("--dicom-images", type=int, metavar="M", help="images in every way of DICOM (patients / 100)")
    parser.add_argument("--num-workers", type=int, metavar="W", help="processes (as many as there are cores)")
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")


def run(args: argparse.Namespace) -> int:
    """Write the look-alikes, or find them there."""
    import json
    import time

    from gkmvlp.app.command_line.cli_errors import hint
    from gkmvlp.data_modules.synthetic.lookalikes import LOOKALIKES, write_lookalikes
    from gkmvlp.errors import UsageError

    if args.image_size < 32 or args.seed < 0:
        raise UsageError(f"--image-size from 32 and --seed from 0, got {args.image_size} and {args.seed}")
    if strange := [layout for layout in args.layouts if layout not in LOOKALIKES]:
        known = ", ".join(LOOKALIKES)
        raise UsageError(f"--layouts {strange[0]}: one of {known} expected{hint(strange[0], LOOKALIKES)}")
    rows = {layout: LOOKALIKES[layout] for layout in args.layouts}
    sizes = {layout: getattr(args, row.option) for layout, row in rows.items()}
    counts = {
        layout: max(args.patients // row.per_patients, row.least) if sizes[layout] is None else sizes[layout]
        for layout, row in rows.items()
    }
    start = time.monotonic()
    write_lookalikes(args.root, counts, args.seed, args.image_size, args.num_workers)
    seconds = time.monotonic() - start
    if args.json:
        written = {row.option: counts[layout] for layout, row in rows.items()}
        drawn = {"seed": args.seed, "size": args.image_size, "seconds": round(seconds, 1)}
        print(json.dumps({"root": str(args.root), **written, **drawn}))
    else:
        contents = " and ".join(f"{counts[layout]} {row.unit}" for layout, row in rows.items())
        print(f"{contents} in {args.root} ({seconds:.0f} s)")
    return 0

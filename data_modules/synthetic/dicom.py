"""Phantoms written in every way of DICOM: a set that any reader of radiographs can be tried on.

``dicom/`` holds for each radiograph a folder with the picture as it must look (``picture.png``, eight bits, air dark,
the patient's right on the left), files that show it, and files that must be refused. ``dicom/ways.json`` says of each
file how it was written, whether a border of padding lies around the picture, and what a refusal has to name.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gkmvlp.data_modules.synthetic.dicom_ways import (
    BORDER,
    FACTORS,
    REFUSED,
    is_allowed,
    write_refused,
    write_way,
)
from gkmvlp.data_modules.synthetic.pairwise import Row, cover
from gkmvlp.data_modules.synthetic.staging import in_parallel, staged
from gkmvlp.errors import DataError
from gkmvlp.phantom.generate import draw_phantom

FOLDER = "dicom"
WAYS = "ways.json"
SMALLEST = 64  # pixels; JPEG 2000 halves the sides five times


def ways() -> dict[str, Row]:
    """Name of a file -> how it is written: every two levels of every two factors meet in one."""
    rows = cover(FACTORS, is_allowed)
    return {f"{number:03}-{'-'.join(row['syntax'].split())}.dcm": row for number, row in enumerate(rows)}


def picture(seed: int, index: int, size: int) -> NDArray[np.uint8]:
    """Grey levels (H, W) of a phantom that use all of 0 to 255 inside the border, higher than wide."""
    image_HW = draw_phantom(seed, index, size).image_HW
    image_HW = image_HW[:, : image_HW.shape[1] * 7 // 8].astype(np.float64)
    inside_HW = image_HW[BORDER:-BORDER, BORDER:-BORDER]
    unit_HW = (image_HW - inside_HW.min()) / np.ptp(inside_HW)
    return np.rint(np.clip(unit_HW, 0, 1) * 255).astype(np.uint8)


def write(root: Path, images: int, seed: int, size: int = 256, workers: int = 1) -> None:
    """Writes the set, or returns at once where it is there already.

    Args:
        root: Gets ``dicom``.
        images: Number of radiographs, each of which is written in every way.
        seed: Seed of the phantoms.
        size: Height of the images in pixels.
        workers: Processes that write.

    Raises:
        DataError: If ``root`` holds another set or cannot be written, or ``images`` is too small.
    """
    if images < 1 or size < SMALLEST:
        raise DataError(f"one radiograph or more of {SMALLEST} px or more were expected, got {images} of {size}")
    settings = {"corpus": FOLDER, "seed": seed, "images": images, "size": size}
    with staged(root, "dicom_corpus", (FOLDER,), settings) as folder:
        if folder is None:
            return
        tree = folder / FOLDER
        tasks: list[tuple[Path, NDArray[np.uint8], Row | str]] = []
        for index in range(images):
            image_HW = picture(seed, index, size)
            target = tree / f"{index:03}"
            target.mkdir(parents=True)
            Image.fromarray(image_HW).save(target / "picture.png")
            tasks += [(target / name, image_HW, row) for name, row in ways().items()]
            tasks += [(target / f"refused-{name}.dcm", image_HW, name) for name in REFUSED]
        list(in_parallel(_write, tasks, workers, "DICOM phantoms"))
        (tree / WAYS).write_text(json.dumps(_described(), indent=1) + "\n")


def _write(task: tuple[Path, NDArray[np.uint8], Row | str]) -> None:
    path, image_HW, way = task
    path.write_bytes(write_refused(image_HW, way) if isinstance(way, str) else write_way(image_HW, way))


def _described() -> dict[str, Any]:
    """What each file of a folder is."""
    border = {name: 0 if row["padding"] == "none" else BORDER for name, row in ways().items()}
    read = {name: {"way": row, "border": border[name]} for name, row in ways().items()}
    return read | {f"refused-{name}.dcm": {"names": attribute} for name, (_, attribute) in REFUSED.items()}

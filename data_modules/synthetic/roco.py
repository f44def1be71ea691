"""Phantoms in the layout of ROCO: a folder a side with captions, concepts, licences and images.

As in the collection some images are not there, and articles have figures on several sides.
"""

from pathlib import Path

import numpy as np

from gkmvlp.data_modules.formats.roco import FOLDER, KIND
from gkmvlp.data_modules.synthetic.figures import Written, draw_sides, figure_corpus, write_figure
from gkmvlp.data_modules.synthetic.staging import in_parallel, share, write_csv

LEAST = 10  # figures, so that each side has one
_HELD = 0.1  # share of validation, and of test
_MISSING = 0.04
_SIDES = ("train", "validation", "test")


def write(root: Path, figures: int, seed: int, size: int = 256, workers: int = 1) -> None:
    """Writes a corpus, or returns at once where it is there already.

    Args:
        root: Gets ``roco``.
        figures: Number of figures, at least 10.
        seed: Seed of all that is drawn.
        size: Longer side of the images in pixels.
        workers: Processes that draw.

    Raises:
        DataError: If ``root`` holds another corpus or cannot be written, or ``figures`` is too small.
    """
    with figure_corpus(root, FOLDER, "ROCO", figures, LEAST, seed, size) as folder:
        if folder is None:
            return
        base = folder / FOLDER / "data"
        for side in _SIDES:
            (base / side / KIND / "images").mkdir(parents=True)
        sides = sides_of(figures, seed)
        places = [base / side / KIND / "images" / f"{name_of(number)}.jpg" for number, side in enumerate(sides)]
        tasks = [(place, number, seed, size) for number, place in enumerate(places)]
        written = list(in_parallel(write_figure, tasks, workers, "ROCO phantoms"))
        for number, (side, place) in enumerate(zip(sides, places, strict=True)):
            if side == "train" and share("missing", seed, number) < _MISSING:
                place.unlink()
        for side in _SIDES:
            _write_tables(base / side / KIND, [n for n in range(figures) if sides[n] == side], written)


def name_of(number: int) -> str:
    """ROCO's id of a figure."""
    return f"ROCO_{number + 1:05d}"


def article_of(number: int) -> str:
    """The article of a figure: two figures that follow each other are of one."""
    return f"PMC{3_000_000 + number // 2}"


def sides_of(figures: int, seed: int) -> list[str]:
    """Side of each figure."""
    return draw_sides(np.random.default_rng([seed, 0x20C0]), figures, _HELD, _SIDES)


def _write_tables(folder: Path, numbers: list[int], written: list[Written]) -> None:
    """Captions behind a tab and a blank; concepts behind an empty field; licences as CSV."""
    captions = "".join(f"{name_of(n)}\t {written[n].caption}\n" for n in numbers)
    (folder / "captions.txt").write_text(captions, encoding="utf-8")
    (folder / "cuis.txt").write_text("".join(f"{name_of(n)}\t\t{written[n].concept}\n" for n in numbers))
    rows = [(name_of(n), f"{article_of(n)}_fig-{n % 2 + 1}.jpg", "CC BY") for n in numbers]
    write_csv(folder / "licences.txt", ("ROCO_ID", "PMC_ID", "CC"), rows)

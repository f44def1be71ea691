"""Phantoms in the layout of MELINDA: three tables beside one folder of images, two rows a figure.

Classes are methods of imaging in place of those of experiments. Neither side tells all: tomography and resonance look
alike, and the text of every other figure names no method.
"""

import csv
import io
from pathlib import Path

import numpy as np

from gkmvlp.data_modules.formats.melinda import FOLDER, IMAGES, SIDES
from gkmvlp.data_modules.synthetic.figures import Written, draw_sides, figure_corpus, write_figure
from gkmvlp.data_modules.synthetic.staging import in_parallel, share

LEAST = 12  # figures, so that training has each class
_HELD = 0.15  # share of dev, and of test
_MUTE = 0.5  # share of figures whose text names no method
_METHODS = {"X-ray": ("radiography", "projection"), "CT": ("tomography", "section"), "MRI": ("resonance", "section")}
_MUTE_TEXTS = ("The same patient at admission.", "What was found is shown in the figure.")
_COLUMNS = ("figure_file", "caption", "i_meth", "p_meth", "i_meth_label", "p_meth_label")


def write(root: Path, figures: int, seed: int, size: int = 256, workers: int = 1) -> None:
    """Writes a corpus, or returns at once where it is there already.

    Args:
        root: Gets ``melinda``.
        figures: Number of figures, at least 12.
        seed: Seed of all that is drawn.
        size: Longer side of the images in pixels.
        workers: Processes that draw.

    Raises:
        DataError: If ``root`` holds another corpus or cannot be written, or ``figures`` is too small.
    """
    with figure_corpus(root, FOLDER, "MELINDA", figures, LEAST, seed, size) as folder:
        if folder is None:
            return
        images = folder / FOLDER / IMAGES
        images.mkdir(parents=True)
        names = [f"{10_000_000 + number}_{number % 7 + 1}.jpg" for number in range(figures)]
        tasks = [(images / name, number, seed, size) for number, name in enumerate(names)]
        written = list(in_parallel(write_figure, tasks, workers, "MELINDA phantoms"))
        sides = sides_of(figures, seed)
        for side in SIDES.values():
            rows = [
                row
                for n in range(figures)
                if sides[n] == side
                for row in _rows(names[n], written[n], share("mute", seed, n) < _MUTE)
            ]
            _write(folder / FOLDER / f"{side}.csv", rows)


def sides_of(figures: int, seed: int) -> list[str]:
    """Side of each figure."""
    return draw_sides(np.random.default_rng([seed, 0x3E11]), figures, _HELD, ("train", "dev", "test"))


def _rows(name: str, figure: Written, is_mute: bool) -> list[tuple[str, ...]]:
    """A row for the caption and one for the sentence that refers to it."""
    method, group = _METHODS[figure.kind]
    texts = _MUTE_TEXTS if is_mute else (figure.caption, figure.reference)
    return [
        (name, text, f"{method}, {kind}", method, kind, group)
        for text, kind in zip(texts, ("described", "referred to"), strict=True)
    ]


def _write(path: Path, rows: list[tuple[str, ...]]) -> None:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([_COLUMNS, *rows])
    path.write_text(file.getvalue(), encoding="utf-8")

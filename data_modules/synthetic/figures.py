"""Figures of articles that never were: phantoms, and slices in between, with captions and sentences that refer to them.

Two figures in three are chest radiographs. Some captions are short, as those of panels are; some hold letters beyond
ASCII.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from gkmvlp.data_modules.synthetic.slices import draw_slice
from gkmvlp.data_modules.synthetic.staging import share, staged
from gkmvlp.errors import DataError
from gkmvlp.phantom.generate import draw_phantom
from gkmvlp.phantom.writing.grammar import write_report

# Phantoms are numbered from here, so that none is a patient of another look-alike of the same seed.
FIRST_INDEX = 7_000_000
_STREAM = 101
_SHORT, _PATIENT = 0.05, {"M": "man", "F": "woman"}
_SLICES = (
    ("Axial CT of the abdomen shows a round lesion of the liver (arrow)", "CT", "C0040405"),
    ("T2\u2010weighted MRI of the brain shows a round lesion (\u2248 2 cm)", "MRI", "C0024485"),
)
RADIOGRAPH = "C0039985"  # concept of a plain chest radiograph


class Written(NamedTuple):
    """A figure once its image is written.

    Attributes:
        caption: Its caption.
        reference: A sentence that refers to it.
        kind: ``X-ray``, ``CT`` or ``MRI``.
        concept: UMLS id of that.
    """

    caption: str
    reference: str
    kind: str
    concept: str


@contextmanager
def figure_corpus(
    root: Path, folder: str, name: str, figures: int, least: int, seed: int, size: int
) -> Iterator[Path | None]:
    """The folder that a corpus of figures is written into; None where it is there already.

    Args:
        root: Gets ``folder``.
        folder: Name of the corpus's folder.
        name: Name of the data set, for the error.
        figures: Number of figures.
        least: Fewest that give three sides.
        seed: Seed of all that is drawn.
        size: Longer side of the images in pixels.

    Raises:
        DataError: If ``root`` holds another corpus or cannot be written, or ``figures`` is too small.
    """
    if figures < least:
        raise DataError(f"a corpus like {name} needs {least} figures or more, for three sides, got {figures}")
    settings = {"corpus": folder, "seed": seed, "figures": figures, "size": size}
    with staged(root, f"{folder}_corpus", (folder,), settings) as place:
        yield place


def draw_sides(rng: np.random.Generator, figures: int, held: float, names: tuple[str, str, str]) -> list[str]:
    """Side of each figure.

    Args:
        rng: Source of chance.
        figures: Their number.
        held: Share of the second side, and of the third; each gets one at least.
        names: Of training, of validation and of test.
    """
    train, validation, test = names
    order, count = rng.permutation(figures), max(round(figures * held), 1)
    side = [train] * figures
    for rank, figure in enumerate(order[: 2 * count]):
        side[int(figure)] = test if rank < count else validation
    return side


def write_figure(task: tuple[Path, int, int, int]) -> Written:
    """Writes one image, and says what an article would.

    Args:
        task: Path of the image, number of the figure, seed, longer side in pixels.
    """
    path, number, seed, size = task
    rng = np.random.default_rng([seed, FIRST_INDEX + number, _STREAM])
    if number % 3 == 2:
        caption, kind, concept = _SLICES[number // 3 % 2]
        levels = draw_slice(rng, size).image_HW
        reference = f"Further workup with {kind} (Figure {number % 4 + 1}) showed a lesion"
    else:
        phantom = draw_phantom(seed, FIRST_INDEX + number, size)
        levels, kind, concept = phantom.image_HW, "X-ray", RADIOGRAPH
        report = write_report(phantom, rng)
        told = " ".join((report.impression or report.findings).replace("___", "").split()).rstrip(".")
        caption = f"Chest radiograph of a {phantom.age}-year-old {_PATIENT[phantom.sex]}. {told}"
        reference = f"On admission the chest radiograph was read as follows (Figure {number % 4 + 1}): {told}"
    Image.fromarray(levels).convert("RGB").save(path, quality=90)
    if share("caption", seed, number) < _SHORT:
        caption = "Panel b"
    return Written(f"{caption}.", f"{reference}.", kind, concept)

"""Figures of articles that never were: phantoms, and slices in between, with captions and sentences that refer to them.

Two figures in three are chest radiographs. Some captions are short, as those of panels are; some hold letters beyond
ASCII.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from gkmvlp.data_modules.synthetic.slices import draw_slice
from gkmvlp.data_modules.synthetic.staging import share
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

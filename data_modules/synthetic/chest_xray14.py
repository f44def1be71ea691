"""Phantoms in the official layout of NIH ChestX-ray14.

Labels are those of the planted findings that have a name among the 14; boxes stand in the box table for test images and
the labels that are boxed there. As in the release, images are squares that gave up their aspect.
"""

import dataclasses
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image
from pyarrow import parquet

from gkmvlp.data_modules.formats.chest_xray14 import FOLDER, LISTS, NO_FINDING, RELEASED
from gkmvlp.data_modules.synthetic.staging import TRUTH, in_parallel, share, staged
from gkmvlp.entities import entity
from gkmvlp.errors import DataError
from gkmvlp.phantom.generate import GENERATOR_VERSION, draw_phantom
from gkmvlp.phantom.plan import Finding, Phantom

# Phantoms are numbered from here, so that none is a patient of another look-alike of the same seed.
FIRST_INDEX = 3_000_000
MOST_IMAGES = 4
# Shares of patients with one, two ... images, and of test patients.
_IMAGES = (0.75, 0.15, 0.07, 0.03)
_TEST_SHARE = 0.2
# Shares with the irregularities of the release: follow-up numbers that left the file's behind, RGBA among grey images.
_LATE, _RGBA = 0.2, 0.02
# Of the eight labels that are boxed, those that phantoms show.
BOXED = ("Atelectasis", "Cardiomegaly", "Effusion", "Mass", "Nodule", "Pneumothorax")
_ENTRIES = ("Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
            "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]")  # fmt: skip
_BOXES = "Image Index,Finding Label,Bbox [x,y,w,h],,,"
# The original image behind the released square, as the table tells it: pixels of its longer side, mm a pixel.
_LONGER_SIDE, _SPACING = 3000, 0.143


@dataclass(frozen=True)
class Shot:
    """One image of a patient, before it is drawn.

    Attributes:
        patient: Number of the patient, from 1.
        number: Number of the image among the patient's, from 0.
        side: The list it is in: ``train_val`` or ``test``.
    """

    patient: int
    number: int
    side: str

    @property
    def index(self) -> int:
        """Number of its phantom."""
        return FIRST_INDEX + self.patient * MOST_IMAGES + self.number

    @property
    def name(self) -> str:
        """The official image name."""
        return f"{self.patient:08d}_{self.number:03d}.png"


@dataclass(frozen=True)
class Written:
    """What is known of an image once it is written.

    Attributes:
        shot: The image.
        phantom: What was drawn, its pixels left out.
        height: Of the phantom in pixels.
        width: Of the phantom in pixels.
    """

    shot: Shot
    phantom: Phantom
    height: int
    width: int

    @property
    def boxes(self) -> list[tuple[Finding, list[float]]]:
        """Every planted box, xyxy in pixels of the released square, with its finding."""
        scale = RELEASED / np.array([self.width, self.height, self.width, self.height])
        return [(finding, (box * scale).tolist()) for finding in self.phantom.findings for box in finding.box_K4]


def plan_shots(patients: int, seed: int) -> list[Shot]:
    """All images of a corpus, in the order of the official table."""
    order = np.random.default_rng([seed, 0x5117, FIRST_INDEX]).permutation(patients)
    test = {int(patient) + 1 for patient in order[: max(round(patients * _TEST_SHARE), 1)]}
    edges = np.cumsum(_IMAGES)
    shots = []
    for patient in range(1, patients + 1):
        draw = np.random.default_rng([seed, patient, FIRST_INDEX]).random()
        count = 1 + int((draw >= edges[:-1]).sum())
        shots += [Shot(patient, number, "test" if patient in test else "train_val") for number in range(count)]
    return shots


def draw(shot: Shot, seed: int, size: int) -> Phantom:
    """The phantom of an image; later ones have the sex and, up to years, the age of the first."""
    phantom = draw_phantom(seed, shot.index, size)
    if shot.number == 0:
        return phantom
    first = draw_phantom(seed, shot.index - shot.number, 32)
    return dataclasses.replace(phantom, sex=first.sex, age=first.age + shot.number)


def labels_of(findings: tuple[Finding, ...]) -> list[str]:
    """ChestX-ray14 names of planted findings, sorted as in the official table; ``No Finding`` where there is none."""
    return sorted({entity(finding.entity).nih for finding in findings} - {""}) or [NO_FINDING]


def _write_image(task: tuple[Path, Shot, int, int]) -> Written:
    folder, shot, seed, size = task
    phantom = draw(shot, seed, size)
    is_clear = share("rgba", seed, shot.name) < _RGBA
    square = Image.fromarray(phantom.image_HW).resize((size, size), Image.Resampling.BILINEAR)
    (square.convert("RGBA") if is_clear else square).save(folder / shot.name)
    return Written(shot, dataclasses.replace(phantom, image_HW=np.zeros((0, 0), np.uint8)), *phantom.image_HW.shape)


def write(root: Path, patients: int, seed: int, size: int = 256, workers: int = 1) -> None:
    """Writes a corpus, or returns at once where it is there already.

    Args:
        root: Gets ``chestxray14`` and two tables in ``_truth``.
        patients: Number of patients, at least 2: one for each list.
        seed: Seed of all that is drawn.
        size: Side of the images in pixels.
        workers: Processes that draw.

    Raises:
        DataError: If ``root`` holds another corpus or cannot be written, or ``patients`` is too small.
    """
    if patients < 2:
        raise DataError(f"a corpus like ChestX-ray14 needs 2 patients or more, one for each list, got {patients}")
    settings = {"corpus": FOLDER, "seed": seed, "patients": patients, "size": size}
    with staged(root, "chestxray14_corpus", (FOLDER,), settings) as folder:
        if folder is None:
            return
        tree = folder / FOLDER
        (tree / "images").mkdir(parents=True)
        tasks = [(tree / "images", shot, seed, size) for shot in plan_shots(patients, seed)]
        written = list(in_parallel(_write_image, tasks, workers, "ChestX-ray14 phantoms"))
        _write_tables(tree, written)
        _write_truth(folder / TRUTH, written)


def _write_tables(folder: Path, written: list[Written]) -> None:
    """Label table, box table and lists; the lists end without a newline, as the official ones do."""
    entries, boxes = [_ENTRIES, *map(_entry, written)], [_BOXES, *chain.from_iterable(map(_box_lines, written))]
    (folder / "Data_Entry_2017_v2020.csv").write_text("\n".join(entries) + "\n")
    (folder / "BBox_List_2017.csv").write_text("\n".join(boxes) + "\n")
    for side, file in LISTS.items():
        (folder / file).write_text("\n".join(each.shot.name for each in written if each.shot.side == side))


def _entry(item: Written) -> str:
    """A line of the label table."""
    shot, phantom = item.shot, item.phantom
    follow_up = shot.number + int(shot.number > 0 and share("follow-up", shot.name) < _LATE)
    width, height = (side * _LONGER_SIDE // max(item.width, item.height) for side in (item.width, item.height))
    cells = (shot.name, "|".join(labels_of(phantom.findings)), follow_up, shot.patient, phantom.age, phantom.sex,
             phantom.view, width, height, _SPACING, _SPACING)  # fmt: skip
    return ",".join(map(str, cells))


def _box_lines(item: Written) -> list[str]:
    """Lines of the box table, none for images outside the test list."""
    lines = []
    for finding, (x1, y1, x2, y2) in item.boxes:
        label = entity(finding.entity).nih
        if label in BOXED and item.shot.side == "test":
            corner_and_size = ",".join(f"{value:.6f}" for value in (x1, y1, x2 - x1, y2 - y1))
            lines.append(f"{item.shot.name},{label},{corner_and_size}")
    return lines


def _write_truth(folder: Path, written: list[Written]) -> None:
    """One row a box, of all entities and images, in pixels of the released square; one row an image."""
    findings: list[dict[str, Any]] = []
    images: list[dict[str, Any]] = []
    for item in written:
        shot = item.shot
        ids = {"sample_id": Path(shot.name).stem, "patient_id": str(shot.patient), "split": shot.side}
        images.append(ids | {"view": item.phantom.view, "generator": GENERATOR_VERSION})
        for finding, box in item.boxes:
            planted = {
                "entity": finding.entity,
                "side": finding.side,
                "zone": finding.zone,
                "severity": finding.severity,
            }
            findings.append(ids | planted | dict(zip(("x1", "y1", "x2", "y2"), box, strict=True)))
    names = ("sample_id", "patient_id", "split", "entity", "side", "zone", "severity")
    columns = [(name, pa.string()) for name in names] + [(name, pa.float32()) for name in ("x1", "y1", "x2", "y2")]
    parquet.write_table(pa.Table.from_pylist(findings, pa.schema(columns)), folder / "chestxray14_findings.parquet")
    parquet.write_table(pa.Table.from_pylist(images), folder / "chestxray14_images.parquet")

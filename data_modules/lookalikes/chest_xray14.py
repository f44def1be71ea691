"""Phantoms in the official layout of NIH ChestX-ray14.

Labels are those of the planted findings that have a name among the 14; boxes stand in the box table for test images and
the eight labels that are boxed there. As in the release, images are squares that gave up their aspect.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image
from pyarrow import parquet

from gkmvlp.data_modules.lookalikes.staging import TRUTH, digest, in_parallel, staged
from gkmvlp.data_modules.nih_files import FOLDER, LISTS, NO_FINDING, RELEASED
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
_BOXED = {"Atelectasis": "Atelectasis", "Cardiomegaly": "Cardiomegaly", "Effusion": "Effusion",
          "Infiltration": "Infiltrate", "Mass": "Mass", "Nodule": "Nodule", "Pneumonia": "Pneumonia",
          "Pneumothorax": "Pneumothorax"}  # fmt: skip
_ENTRIES = ("Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
            "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]")  # fmt: skip
_BOXES = "Image Index,Finding Label,Bbox [x,y,w,h],,,"
_SPACING = 0.143  # mm; a phantom's longer side is as long as the longer side of a 43 cm detector


@dataclass(frozen=True)
class Shot:
    """One image of a patient, before it is drawn.

    Attributes:
        patient: Number of the patient, from 1.
        number: Number of the image among the patient's, from 0.
        is_test: Whether it is in the test list.
    """

    patient: int
    number: int
    is_test: bool

    @property
    def index(self) -> int:
        """Number of its phantom."""
        return FIRST_INDEX + self.patient * MOST_IMAGES + self.number

    @property
    def name(self) -> str:
        """The official image name."""
        return f"{self.patient:08d}_{self.number:03d}.png"


def plan_shots(patients: int, seed: int) -> list[Shot]:
    """All images of a corpus, in the order of the official table."""
    order = np.random.default_rng([seed, 0x5117, FIRST_INDEX]).permutation(patients)
    test = {int(patient) + 1 for patient in order[: max(round(patients * _TEST_SHARE), 1)]}
    edges = np.cumsum(_IMAGES)
    shots = []
    for patient in range(1, patients + 1):
        draw = np.random.default_rng([seed, patient, FIRST_INDEX]).random()
        count = 1 + int((draw >= edges[:-1]).sum())
        shots += [Shot(patient, number, patient in test) for number in range(count)]
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


def _write_image(task: tuple[Path, Shot, int, int]) -> Phantom:
    """Writes one image; what is returned has the drawn pixels."""
    folder, shot, seed, size = task
    phantom = draw(shot, seed, size)
    is_clear = int(digest("rgba", seed, shot.name)[:8], 16) / 16**8 < _RGBA
    square = Image.fromarray(phantom.image_HW).resize((size, size), Image.Resampling.BILINEAR)
    (square.convert("RGBA") if is_clear else square).save(folder / shot.name)
    return phantom


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
        shots = plan_shots(patients, seed)
        tasks = [(tree / "images", shot, seed, size) for shot in shots]
        phantoms = list(in_parallel(_write_image, tasks, workers, "ChestX-ray14 phantoms"))
        _write_tables(tree, shots, phantoms)
        _write_truth(folder / TRUTH, shots, phantoms)


def _write_tables(folder: Path, shots: list[Shot], phantoms: list[Phantom]) -> None:
    """Label table, box table and lists; the lists end without a newline, as the official ones do."""
    entries, boxes = [_ENTRIES], [_BOXES]
    for shot, phantom in zip(shots, phantoms, strict=True):
        entries.append(_entry(shot, phantom))
        boxes += _box_lines(shot, phantom) * shot.is_test
    (folder / "Data_Entry_2017_v2020.csv").write_text("\n".join(entries) + "\n")
    (folder / "BBox_List_2017.csv").write_text("\n".join(boxes) + "\n")
    for side, name in LISTS.items():
        (folder / name).write_text("\n".join(shot.name for shot in shots if shot.is_test == (side == "test")))


def _entry(shot: Shot, phantom: Phantom) -> str:
    late = int(shot.number > 0 and int(digest("follow-up", shot.name)[:8], 16) / 16**8 < _LATE)
    height, width = (side * 3000 // max(phantom.image_HW.shape) for side in phantom.image_HW.shape)
    cells = (shot.name, "|".join(labels_of(phantom.findings)), shot.number + late, shot.patient, phantom.age,
             phantom.sex, phantom.view, width, height, _SPACING, _SPACING)  # fmt: skip
    return ",".join(map(str, cells))


def _box_lines(shot: Shot, phantom: Phantom) -> list[str]:
    lines = []
    for label, box in _labelled_boxes(phantom):
        if label in _BOXED:
            x1, y1, x2, y2 = box
            lines.append(",".join([shot.name, _BOXED[label], *(f"{n:.6f}" for n in (x1, y1, x2 - x1, y2 - y1))]))
    return lines


def _labelled_boxes(phantom: Phantom) -> list[tuple[str, list[float]]]:
    """NIH name ("" where there is none) and box xyxy in pixels of the released square, of every planted box."""
    height, width = phantom.image_HW.shape
    scale = RELEASED / np.array([width, height, width, height])
    return [
        (entity(finding.entity).nih, (box * scale).tolist()) for finding in phantom.findings for box in finding.box_K4
    ]


def _write_truth(folder: Path, shots: list[Shot], phantoms: list[Phantom]) -> None:
    """One row a box with all entities and splits, one row an image; boxes in pixels of the released square."""
    findings: list[dict[str, Any]] = []
    images: list[dict[str, Any]] = []
    for shot, phantom in zip(shots, phantoms, strict=True):
        ids = {"sample_id": Path(shot.name).stem, "patient_id": str(shot.patient),
               "split": "test" if shot.is_test else "train_val"}  # fmt: skip
        images.append(ids | {"view": phantom.view, "generator": GENERATOR_VERSION})
        planted = [finding for finding in phantom.findings for _ in finding.box_K4]
        for finding, (_, box) in zip(planted, _labelled_boxes(phantom), strict=True):
            told = {"entity": finding.entity, "side": finding.side, "zone": finding.zone, "severity": finding.severity}
            findings.append(ids | told | dict(zip(("x1", "y1", "x2", "y2"), box, strict=True)))
    names = ("sample_id", "patient_id", "split", "entity", "side", "zone", "severity")
    columns = [(name, pa.string()) for name in names] + [(name, pa.float32()) for name in ("x1", "y1", "x2", "y2")]
    parquet.write_table(pa.Table.from_pylist(findings, pa.schema(columns)), folder / "chestxray14_findings.parquet")
    parquet.write_table(pa.Table.from_pylist(images), folder / "chestxray14_images.parquet")

"""Phantoms in the official layout of the RSNA Pneumonia Detection Challenge, stage 2.

As in the release, the images are some of those of ChestX-ray14 (its look-alike of the same seed), read anew: a
consolidation is the opacity that is boxed. Every image is a DICOM of its own ``patientId``; the mapping says whose.
"""

import io
import json
from dataclasses import dataclass
from math import ceil, floor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image
from pyarrow import parquet
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, JPEGBaseline8Bit, SecondaryCaptureImageStorage, generate_uid

from gkmvlp.data_modules.formats.rsna_pneumonia import CLASSES, IMAGES, LABELS, MAPPING
from gkmvlp.data_modules.synthetic.chest_xray14 import Shot, draw, labels_of, plan_shots
from gkmvlp.data_modules.synthetic.staging import TRUTH, digest, in_parallel, share, staged, uuid
from gkmvlp.errors import DataError
from gkmvlp.phantom.generate import GENERATOR_VERSION
from gkmvlp.phantom.plan import Phantom
from gkmvlp.phantom.sample import sample_patient

FOLDER = "rsna_pneumonia"
OPACITY = "consolidation"
# Share of images without an opacity that are kept, so that about as many have one as in the release (22.5 %).
_KEPT = 0.43
# Share of images whose age is a slip of 148 to 155 years, as five are in the release (fewer would miss small corpora).
_OLD = 0.01
# Images of the unlabelled test part, which the mapping lists too, for each one of the training part.
_UNLABELLED = 3_000 / 26_684


@dataclass(frozen=True)
class Written:
    """What is known of an image once it is written.

    Attributes:
        patient_id: The official ``patientId``, which names the image.
        shot: The image of ChestX-ray14 that it is.
        view: Projection.
        nih: ChestX-ray14 labels.
        findings: Truth, one row a box: entity, side, zone, severity, x1, y1, x2, y2 in pixels of the DICOM.
    """

    patient_id: str
    shot: Shot
    view: str
    nih: list[str]
    findings: list[dict[str, Any]]

    @property
    def boxes(self) -> list[tuple[int, int, int, int]]:
        """Boxes of its opacities in whole pixels: left, top, width, height."""
        opacities = [row for row in self.findings if row["entity"] == OPACITY]
        whole = [(floor(row["x1"]), floor(row["y1"]), ceil(row["x2"]), ceil(row["y2"])) for row in opacities]
        return [(x1, y1, x2 - x1, y2 - y1) for x1, y1, x2, y2 in whole]

    @property
    def reading(self) -> str:
        """Its class in the detailed table."""
        if self.boxes:
            return "Lung Opacity"
        return "No Lung Opacity / Not Normal" if self.findings else "Normal"


def choose_shots(images: int, seed: int) -> list[Shot]:
    """The images of ChestX-ray14 that are read anew, in its order; more images start with the same ones."""
    patients, chosen = images, list[Shot]()
    while len(chosen) < images:
        patients *= 2
        chosen = [shot for shot in plan_shots(patients, seed) if _is_chosen(shot, seed)]
    return chosen[:images]


def _is_chosen(shot: Shot, seed: int) -> bool:
    planned = sample_patient(seed, shot.index).planned(OPACITY)
    return planned is not None or share("rsna", seed, shot.name) < _KEPT


def _write_image(task: tuple[Path, Shot, int, int]) -> Written:
    folder, shot, seed, size = task
    phantom = draw(shot, seed, size)
    name = uuid(seed, "rsna", shot.name)
    pixels = np.asarray(Image.fromarray(phantom.image_HW).resize((size, size), Image.Resampling.BILINEAR))
    dataset = as_dicom(pixels, name, phantom)
    dataset.save_as(folder / f"{name}.dcm", enforce_file_format=True)
    height, width = phantom.image_HW.shape
    scale = size / np.array([width, height, width, height])
    findings = [
        {"entity": finding.entity, "side": finding.side, "zone": finding.zone, "severity": finding.severity}
        | dict(zip(("x1", "y1", "x2", "y2"), (box * scale).tolist(), strict=True))
        for finding in phantom.findings
        for box in finding.box_K4
    ]
    return Written(name, shot, phantom.view, labels_of(phantom.findings), findings)


def as_dicom(image_HW: NDArray[np.uint8], name: str, phantom: Phantom) -> FileDataset:
    """An image as the challenge ships it: JPEG baseline, no window, the id as name, an age without its unit.

    Args:
        image_HW: Pixels (H, W) uint8.
        name: The image's ``patientId``.
        phantom: Gives view, sex and age.
    """
    study, series, image = (generate_uid(entropy_srcs=[kind, name]) for kind in ("study", "series", "image"))
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = SecondaryCaptureImageStorage, image
    meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    chance = share("age", name)
    tags: dict[str, str | int | UID | list[float]] = {
        "SpecificCharacterSet": "ISO_IR 100", "SOPClassUID": SecondaryCaptureImageStorage, "SOPInstanceUID": image,
        "StudyDate": "19010101", "StudyTime": "000000.00", "AccessionNumber": "", "Modality": "CR",
        "ConversionType": "WSD", "ReferringPhysicianName": "", "SeriesDescription": f"view: {phantom.view}",
        "PatientName": name, "PatientID": name, "PatientBirthDate": "", "PatientSex": phantom.sex,
        "BodyPartExamined": "CHEST", "ViewPosition": phantom.view, "StudyInstanceUID": study,
        "SeriesInstanceUID": series, "StudyID": "", "SeriesNumber": 1, "InstanceNumber": 1, "PatientOrientation": "",
        "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "Rows": image_HW.shape[0],
        "Columns": image_HW.shape[1], "PixelSpacing": [0.143, 0.143], "BitsAllocated": 8, "BitsStored": 8,
        "HighBit": 7, "PixelRepresentation": 0, "LossyImageCompression": "01",
        "LossyImageCompressionMethod": "ISO_10918_1",
    }  # fmt: skip
    for tag, value in tags.items():
        setattr(dataset, tag, value)
    age = str(148 + int(chance / _OLD * 8) if chance < _OLD else phantom.age)
    dataset.add(DataElement("PatientAge", "AS", age, validation_mode=IGNORE))  # the standard asks for 043Y
    file = io.BytesIO()
    Image.fromarray(image_HW).save(file, "JPEG", quality=90)
    dataset.PixelData = encapsulate([file.getvalue()])
    dataset["PixelData"].is_undefined_length = True
    return dataset


def write(root: Path, images: int, seed: int, size: int = 256, workers: int = 1) -> None:
    """Writes a corpus, or returns at once where it is there already.

    Args:
        root: Gets ``rsna_pneumonia`` and two tables in ``_truth``.
        images: Number of images, at least 2.
        seed: Seed of all that is drawn.
        size: Side of the images in pixels; boxes are measured in them.
        workers: Processes that draw.

    Raises:
        DataError: If ``root`` holds another corpus or cannot be written, or ``images`` is too small.
    """
    if images < 2:
        raise DataError(f"a corpus like RSNA Pneumonia needs 2 images or more, got {images}")
    settings = {"corpus": FOLDER, "seed": seed, "images": images, "size": size}
    with staged(root, "rsna_corpus", (FOLDER,), settings) as folder:
        if folder is None:
            return
        tree = folder / FOLDER
        (tree / IMAGES).mkdir(parents=True)
        tasks = [(tree / IMAGES, shot, seed, size) for shot in choose_shots(images, seed)]
        written = list(in_parallel(_write_image, tasks, workers, "RSNA phantoms"))
        _write_tables(tree, sorted(written, key=lambda item: digest(seed, item.patient_id)), seed)
        _write_truth(folder / TRUTH, written)


def _write_tables(folder: Path, written: list[Written], seed: int) -> None:
    """Labels and classes, both with one row a box in the same order, and the mapping, which lists the test part too."""
    labels, classes = ["patientId,x,y,width,height,Target"], ["patientId,class"]
    for item in written:
        boxes = [",".join(f"{side}.0" for side in box) + ",1" for box in item.boxes] or [",,,,0"]
        labels += [f"{item.patient_id},{box}" for box in boxes]
        classes += [f"{item.patient_id},{item.reading}"] * len(boxes)
    (folder / LABELS).write_text("\n".join(labels) + "\n")
    (folder / CLASSES).write_text("\n".join(classes) + "\n")
    rows = [(item.patient_id, item.shot.name, item.nih, item.reading) for item in written]
    unlabelled = [shot.name for shot in plan_shots(round(_UNLABELLED * len(written)), seed)]
    names = {item.shot.name for item in written}
    rows += [(uuid(seed, "rsna", name), name, ["No Finding"], "") for name in unlabelled if name not in names]
    told = [
        {"img_id": name, "subset_img_id": image, "orig_labels": nih, "subset_init_label": reading}
        | {f"{kind.title()}InstanceUID": generate_uid(entropy_srcs=[kind, image]) for kind in ("study", "series")}
        | {"SOPInstanceUID": generate_uid(entropy_srcs=["image", image])}
        for image, name, nih, reading in rows
    ]
    (folder / MAPPING).write_text(json.dumps(told))


def _write_truth(folder: Path, written: list[Written]) -> None:
    """One row a box of any entity, one row an image; boxes in pixels of the DICOM."""
    findings: list[dict[str, Any]] = []
    images: list[dict[str, Any]] = []
    for item in written:
        ids = {"sample_id": item.patient_id, "patient_id": str(item.shot.patient)}
        images.append(ids | {"view": item.view, "opacity": bool(item.boxes), "generator": GENERATOR_VERSION})
        findings += [ids | finding for finding in item.findings]
    names = ("sample_id", "patient_id", "entity", "side", "zone", "severity")
    columns = [(name, pa.string()) for name in names] + [(name, pa.float32()) for name in ("x1", "y1", "x2", "y2")]
    parquet.write_table(pa.Table.from_pylist(findings, pa.schema(columns)), folder / "rsna_findings.parquet")
    parquet.write_table(pa.Table.from_pylist(images), folder / "rsna_images.parquet")

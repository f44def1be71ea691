"""Phantoms in the layout of Open-i, with Kaggle's tables and R2Gen's annotation beside the official files.

A study has a frontal image and most times a second one, marked lateral: the frontal one narrowed, for phantoms have no
side view. Names of people and dates are ``XXXX``.
"""

import csv
import dataclasses
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
from PIL import Image
from pyarrow import parquet

from gkmvlp.data_modules.formats.openi import FOLDER
from gkmvlp.data_modules.synthetic.staging import TRUTH, in_parallel, share, staged
from gkmvlp.errors import DataError
from gkmvlp.phantom.generate import GENERATOR_VERSION, draw_phantom
from gkmvlp.phantom.plan import Phantom
from gkmvlp.phantom.writing.grammar import write_report

# Phantoms are numbered from here, so that none is a patient of another look-alike of the same seed.
FIRST_INDEX = 5_000_000
LEAST = 10  # patients, so that R2Gen's lists have one study each
_REPORT_STREAM = 101
# Shares as in the collection: studies with two views, those whose lateral image comes first, reports with a mark.
_TWO_VIEWS, _LATERAL_FIRST, _MARKED = 0.9, 0.1, 0.45
_MARKS = (" Comparison is made to XXXX, XXXX.", " XXXX XXXX and lateral views were obtained.", " Chest x-XXXX.")
# R2Gen's shares of test and validation.
_TEST, _VALIDATE = 0.2, 0.1


@dataclass(frozen=True)
class Written:
    """A study once its images are written.

    Attributes:
        number: The study's number, from 1.
        phantom: What was drawn, its pixels left out.
        images: Open-i's ids of its images in order, each with its projection.
        findings: Text of that section, "" where empty.
        impression: Text of that section, "" where empty.
    """

    number: int
    phantom: Phantom
    images: list[tuple[str, str]]
    findings: str
    impression: str

    @property
    def name(self) -> str:
        """R2Gen's id."""
        return self.images[0][0].rpartition("-")[0]


def draw(number: int, seed: int, size: int) -> Phantom:
    """The phantom of a study."""
    return draw_phantom(seed, FIRST_INDEX + number, size)


def sections_of(phantom: Phantom, number: int, seed: int) -> tuple[str, str]:
    """Findings and impression in one line each, ``XXXX`` where something is left out or marked."""
    report = write_report(phantom, np.random.default_rng([seed, FIRST_INDEX + number, _REPORT_STREAM]))
    findings, impression = (
        " ".join(text.replace("___", "XXXX").split()) for text in (report.findings, report.impression)
    )
    if findings and share("mark", seed, number) < _MARKED:
        findings += _MARKS[number % len(_MARKS)]
    return findings, impression


def _images(number: int, seed: int) -> list[tuple[str, str]]:
    """Ids and projections; those of the first study are irregular, as in the collection."""
    stem = f"CXR{number}{'_1' * (number == 1)}_IM-{1 + int(share('series', seed, number) * 3000):04d}"
    views = ["Frontal", "Lateral"][: 1 + int(share("views", seed, number) < _TWO_VIEWS)]
    if len(views) == 2 and share("order", seed, number) < _LATERAL_FIRST:
        views.reverse()
    return [(f"{stem}-{place}001", view) for place, view in enumerate(views, 1)]


def _write_study(task: tuple[Path, int, int, int]) -> Written:
    folder, number, seed, size = task
    phantom = draw(number, seed, size)
    images = _images(number, seed)
    height, width = phantom.image_HW.shape
    for name, view in images:
        picture = Image.fromarray(phantom.image_HW)
        (picture if view == "Frontal" else picture.resize((width * 2 // 3, height))).save(folder / f"{name}.png")
    bare = dataclasses.replace(phantom, image_HW=np.zeros((0, 0), np.uint8))
    return Written(number, bare, images, *sections_of(phantom, number, seed))


def write(root: Path, patients: int, seed: int, size: int = 256, workers: int = 1) -> None:
    """Writes a corpus, or returns at once where it is there already.

    Args:
        root: Gets ``openi`` and two tables in ``_truth``.
        patients: Number of patients, one study each, at least 10.
        seed: Seed of all that is drawn.
        size: Longer side of the images in pixels.
        workers: Processes that draw.

    Raises:
        DataError: If ``root`` holds another corpus or cannot be written, or ``patients`` is too small.
    """
    if patients < LEAST:
        raise DataError(f"a corpus like Open-i needs {LEAST} patients or more, for R2Gen's three lists, got {patients}")
    settings = {"corpus": FOLDER, "seed": seed, "patients": patients, "size": size}
    with staged(root, "openi_corpus", (FOLDER,), settings) as folder:
        if folder is None:
            return
        tree = folder / FOLDER
        (tree / "NLMCXR_png").mkdir(parents=True)
        tasks = [(tree / "NLMCXR_png", number, seed, size) for number in range(1, patients + 1)]
        written = list(in_parallel(_write_study, tasks, workers, "Open-i phantoms"))
        _write_xml(tree / "ecgen-radiology", written)
        _write_tables(tree, written)
        (tree / "annotation.json").write_text(json.dumps(_annotation(written, seed)), encoding="utf-8")
        _write_truth(folder / TRUTH, written)


def _caption(item: Written) -> str:
    if len(item.images) == 2:
        return "PA and lateral chest x-XXXX XXXX, XXXX."
    return "Portable AP chest" if item.phantom.view == "AP" else "PA chest x-XXXX"


def _write_xml(folder: Path, written: list[Written]) -> None:
    """One report a study; all four sections stand there, often empty."""
    folder.mkdir()
    for item in written:
        root = ElementTree.Element("eCitation")
        ElementTree.SubElement(root, "uId", id=f"CXR{item.number}")
        ElementTree.SubElement(root, "licenseType").text = "phantom"
        citation = ElementTree.SubElement(root, "MedlineCitation", Owner="phantoms")
        abstract = ElementTree.SubElement(ElementTree.SubElement(citation, "Article"), "Abstract")
        sections = {"FINDINGS": item.findings, "IMPRESSION": item.impression}
        for label in ("COMPARISON", "INDICATION", "FINDINGS", "IMPRESSION"):
            ElementTree.SubElement(abstract, "AbstractText", Label=label).text = sections.get(label, "XXXX")
        terms = ElementTree.SubElement(root, "MeSH")
        for name in sorted({finding.entity for finding in item.phantom.findings}) or ["normal"]:
            ElementTree.SubElement(terms, "major").text = name.capitalize()
            ElementTree.SubElement(terms, "automatic").text = name
        for name, _ in item.images:
            image = ElementTree.SubElement(root, "parentImage", id=name)
            ElementTree.SubElement(image, "caption").text = _caption(item)
        ElementTree.indent(root)
        ElementTree.ElementTree(root).write(folder / f"{item.number}.xml", "utf-8", xml_declaration=True)


def kaggle_name(image: str) -> str:
    """Kaggle's name of an image: ``1_IM-0001-3001.dcm.png`` of ``CXR1_1_IM-0001-3001``."""
    number, _, rest = image.removeprefix("CXR").partition("_")
    return f"{number}_{rest[rest.index('IM-') :]}.dcm.png"


def _write_tables(folder: Path, written: list[Written]) -> None:
    """Kaggle's tables of reports and of projections."""
    header = ("uid", "MeSH", "Problems", "image", "indication", "comparison", "findings", "impression")
    reports = [
        (item.number, "", "", _caption(item), "XXXX", "XXXX", item.findings, item.impression) for item in written
    ]
    images = [(item.number, kaggle_name(name), view) for item in written for name, view in item.images]
    _write_quoted(folder / "indiana_reports.csv", [header, *reports])
    _write_quoted(folder / "indiana_projections.csv", [("uid", "filename", "projection"), *images])


def _write_quoted(path: Path, rows: list[tuple[object, ...]]) -> None:
    """A table whose cells may hold commas."""
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    path.write_text(file.getvalue(), encoding="utf-8")


def _annotation(written: list[Written], seed: int) -> dict[str, list[dict[str, Any]]]:
    """R2Gen's lists: the studies with findings and two images, drawn at random."""
    usable = [item for item in written if item.findings and len(item.images) == 2]
    order = np.random.default_rng([seed, 0x5117, FIRST_INDEX]).permutation(len(usable))
    test, validate = (max(round(share * len(usable)), 1) for share in (_TEST, _VALIDATE))
    parts: dict[str, list[dict[str, Any]]] = {"train": [], "val": [], "test": []}
    for rank, place in enumerate(order):
        split, item = "test" if rank < test else "val" if rank < test + validate else "train", usable[int(place)]
        paths = [f"{item.name}/{place}.png" for place in range(2)]
        parts[split].append({"id": item.name, "report": item.findings, "image_path": paths, "split": split})
    return parts


def _write_truth(folder: Path, written: list[Written]) -> None:
    """One row a box, in pixels of the frontal image; one row a frontal image."""
    findings: list[dict[str, Any]] = []
    images: list[dict[str, Any]] = []
    for item in written:
        ids = {"sample_id": name_of_frontal(item.images), "patient_id": f"CXR{item.number}"}
        images.append(ids | {"view": item.phantom.view, "generator": GENERATOR_VERSION})
        for finding in item.phantom.findings:
            planted = {
                "entity": finding.entity,
                "side": finding.side,
                "zone": finding.zone,
                "severity": finding.severity,
            }
            corners = ("x1", "y1", "x2", "y2")
            findings += [ids | planted | dict(zip(corners, map(float, box), strict=True)) for box in finding.box_K4]
    names = ("sample_id", "patient_id", "entity", "side", "zone", "severity")
    columns = [(name, pa.string()) for name in names] + [(name, pa.float32()) for name in ("x1", "y1", "x2", "y2")]
    parquet.write_table(pa.Table.from_pylist(findings, pa.schema(columns)), folder / "openi_findings.parquet")
    parquet.write_table(pa.Table.from_pylist(images), folder / "openi_images.parquet")


def name_of_frontal(images: list[tuple[str, str]]) -> str:
    """``sample_id`` of the frontal image: the irregular names of the first study are read as the others."""
    name = next(name for name, view in images if view == "Frontal")
    return f"CXR{kaggle_name(name).removesuffix('.dcm.png')}"

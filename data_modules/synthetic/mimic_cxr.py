"""Phantoms in the official layout of MIMIC-CXR-JPG 2.1.0, its reports, Chest ImaGenome, and MIMIC-IV's patients.

Label tables say what the reports say, not what was planted; the truth lies in ``_truth``.
"""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from gkmvlp.data_modules.synthetic.mimic_tables import write_patients, write_tables
from gkmvlp.data_modules.synthetic.scene_graphs import scene_graph
from gkmvlp.data_modules.synthetic.staging import (
    TRUTH,
    equalized_jpg,
    in_parallel,
    staged,
    write_zip,
)
from gkmvlp.data_modules.synthetic.studies import Study, Written, draw, plan_studies
from gkmvlp.errors import DataError
from gkmvlp.phantom.generate import GENERATOR_VERSION
from gkmvlp.phantom.writing.grammar import as_text, write_report

JPG = "mimic-cxr-jpg/2.1.0"
CXR = "mimic-cxr/2.1.0"
GRAPHS = "chest-imagenome/1.0.0/silver_dataset"
IV = "mimiciv/3.1/hosp"
_TREES = ("mimic-cxr-jpg", "mimic-cxr", "chest-imagenome", "mimiciv")
# Streams of a phantom's random numbers: the drawing has low ones.
_REPORT_STREAM = 101


def _write_study(task: tuple[Path, Study, int, int]) -> Written:
    """Draws a study and writes its image."""
    root, study, seed, size = task
    phantom = draw(study, seed, size)
    report = write_report(phantom, np.random.default_rng([seed, study.index, _REPORT_STREAM]))
    image = root / JPG / study.path / f"{study.dicom_id}.jpg"
    image.parent.mkdir(parents=True, exist_ok=True)
    image.write_bytes(equalized_jpg(phantom.image_HW))
    graph = scene_graph(
        phantom,
        report,
        image_id=study.dicom_id,
        patient_id=study.subject_id,
        study_id=study.study_id,
        order=study.order,
        taken=study.taken,
    )
    findings = [
        {"entity": finding.entity, "side": finding.side, "zone": finding.zone, "severity": finding.severity}
        | dict(zip(("x1", "y1", "x2", "y2"), map(float, box), strict=True))
        for finding in phantom.findings
        for box in finding.box_K4
    ]
    height, width = phantom.image_HW.shape
    person = phantom.sex, phantom.age
    return Written(
        study, phantom.view, height, width, report.stated, as_text(report), json.dumps(graph), findings, *person
    )


def _write_truth(folder: Path, written: list[Written]) -> None:
    """``findings.parquet``, one row a box, and ``images.parquet``, one row an image."""
    images, findings = [], []
    for item in written:
        ids = {
            "sample_id": item.study.dicom_id,
            "study_id": str(item.study.study_id),
            "patient_id": str(item.study.subject_id),
            "split": item.study.split,
        }
        size = {"width": item.width, "height": item.height, "view": item.view}
        images.append({**ids, **size, "generator": GENERATOR_VERSION})
        findings += [{**ids, **finding} for finding in item.findings]
    names = ("sample_id", "study_id", "patient_id", "split")
    text = [(name, pa.string()) for name in (*names, "entity", "side", "zone", "severity")]
    corners = [(name, pa.float32()) for name in ("x1", "y1", "x2", "y2")]
    parquet.write_table(pa.Table.from_pylist(findings, pa.schema(text + corners)), folder / "findings.parquet")
    parquet.write_table(pa.Table.from_pylist(images), folder / "images.parquet")


def write(root: Path, patients: int, seed: int, size: int = 256, workers: int = 1) -> None:
    """Writes a corpus, or returns at once where it is there already.

    Args:
        root: Gets ``mimic-cxr-jpg``, ``mimic-cxr``, ``chest-imagenome``, ``mimiciv`` and ``_truth``.
        patients: Number of patients, at least 3: one for each split.
        seed: Seed of all that is drawn.
        size: Longer side of the images in pixels.
        workers: Processes that draw.

    Raises:
        DataError: If ``root`` holds another corpus or cannot be written, or ``patients`` is too small.
    """
    if patients < 3:
        raise DataError(f"a corpus needs 3 patients or more, one for each split, got {patients}")
    settings = {"corpus": "mimic-cxr", "seed": seed, "patients": patients, "size": size}
    with staged(root, "corpus", _TREES, settings) as folder:
        if folder is None:
            return
        tasks = [(folder, study, seed, size) for study in plan_studies(patients, seed)]
        written = list(in_parallel(_write_study, tasks, workers, "phantoms"))
        write_tables(folder / JPG, folder / CXR, folder / GRAPHS, written)
        write_patients(folder / IV, written)
        write_zip(folder / CXR / "mimic-cxr-reports.zip", {f"{item.study.path}.txt": item.report for item in written})
        graphs = {f"scene_graph/{item.study.dicom_id}_SceneGraph.json": item.graph for item in written}
        write_zip(folder / GRAPHS / "scene_graph.zip", graphs)
        _write_truth(folder / TRUTH, written)

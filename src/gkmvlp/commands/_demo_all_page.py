"""Sections of the demo's page for the further tasks: classification, localization, reports, grounding and the like."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Plot
from numpy.typing import NDArray

from gkmvlp.commands._page import Section, figure_table, paragraph, png
from gkmvlp.commands._page_reports import report_pairs
from gkmvlp.commands._page_saliency import where_they_look
from gkmvlp.commands._plots import Read, detections, regions, reliability, roc_and_precision
from gkmvlp.data_modules import ChestXray14, MimicCxr, RsnaPneumonia
from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.images import read_image
from gkmvlp.data_modules.transforms import letterbox
from gkmvlp.geometry import Frame
from gkmvlp.metrics.figure import Figure
from gkmvlp.metrics.predictions import read_predictions
from gkmvlp.zoo.loading import open_reader

SIDE = 256


def further_sections(out: Path, data: Path, figures: Sequence[Figure]) -> list[Section]:
    """The sections, in the order of the tasks.

    Args:
        out: Folder of the demo.
        data: Root of its phantoms.
        figures: All figures of the demo.
    """
    predictions = out / "predictions"
    labelled, _ = read_predictions(predictions / "classification-1.parquet")
    boxed, _ = read_predictions(predictions / "localization.parquet")
    reports, _ = read_predictions(predictions / "report_generation.parquet")
    found, _ = read_predictions(predictions / "region_detection.parquet")
    own = _pretrained(reports)

    def table(task: str, data_name: str | None = None) -> str:
        return figure_table([f for f in figures if f.task == task and data_name in (None, f.data)])

    return [
        Section(
            "Classification",
            [
                png(roc_and_precision(labelled), "ROC, and precision over recall; dashed: chance."),
                png(reliability(labelled), "Share present over mean probability; dashed: perfect calibration."),
                table("classification"),
                png(
                    _saliency(out, data),
                    "Green: the true box. Middle: by how much the log odds of the classifier from scratch fall where "
                    "that part is hidden. Right: where the pre-trained prompt looks; it saw no boxes of findings.",
                ),
                paragraph("Zero-shot, from sentences alone, on the same images:"),
                table("zero_shot", "phantom-chestxray14"),
            ],
        ),
        Section(
            "Localization",
            [
                png(_worst_boxes(boxed, data), "Worst first. Green: true opacities; red: found above the threshold."),
                table("localization"),
            ],
        ),
        Section("Reports", [report_pairs(own), table("report_generation")]),
        Section("Grounding on boxes of ChestX-ray14's layout", [table("grounding", "phantom-chestxray14")]),
        Section("Retrieval", [table("retrieval")]),
        Section(
            "Regions",
            [
                png(
                    regions(_pretrained(found), _images(MimicCxr(str(data)))),
                    "Six of the 29 regions, worst first. Green: true boxes; red: found.",
                ),
                table("region_detection"),
            ],
        ),
    ]


def _pretrained(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the pre-trained model's first seed."""
    rows = table[table["model"].eq("pretrained")]
    return rows[rows["seed"].eq(rows["seed"].min())].reset_index(drop=True)


def _saliency(out: Path, data: Path) -> Plot:
    """Test radiographs of the ChestX-ray14 look-alike that have boxes: plain classifier beside knowledge prompts."""
    source = ChestXray14(str(data))
    source.check()
    classifier = open_reader(out / "classification" / "scratch-1-0" / "model", "cpu")
    return where_they_look(classifier, open_reader(out / "backbone", "cpu"), source.rows("test"), source.labels)


def _worst_boxes(table: pd.DataFrame, data: Path) -> Plot:
    """Test radiographs of the RSNA look-alike with true and found boxes."""
    rows = _pretrained(table)
    return detections(rows, _images(RsnaPneumonia(str(data))), float(rows["threshold"].iloc[0]))


def _images(source: DataModule) -> Read:
    """How a test radiograph of a look-alike is read."""
    source.check()
    files = {sample.sample_id: sample.image for sample in source.rows("test")}

    def read(sample_id: str) -> tuple[NDArray[np.float32], Frame]:
        pixels, frame = letterbox(read_image(files[sample_id], "equalized"), SIDE)
        return pixels.astype(np.float32) / np.float32(255), frame

    return read

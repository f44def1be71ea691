"""The page of the demo: what ran, curves, tables, and pictures of what the model looks at."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Plot

import gkmvlp.data_modules
from gkmvlp.anatomy import atlas
from gkmvlp.app.pages.page import Section, paragraph, png, tiles, write_page
from gkmvlp.app.pages.radiographs import RadiographSource
from gkmvlp.app.pages.task_sections import Part, task_sections
from gkmvlp.app.pages.training_curves import curves_of, plot_curves
from gkmvlp.app.running.planted_truth import read_truth
from gkmvlp.data_modules.synthetic.lookalikes import LOOKALIKES
from gkmvlp.metrics.results.metric_result import MetricResult, Results
from gkmvlp.metrics.results.predictions import read_predictions
from gkmvlp.tasks.parts.drawing import draw_boxes, draw_regions, panels
from gkmvlp.zoo.inference.loading import open_predictor

OWN = ("phantom-mimic-cxr", "phantom-vqa-rad")  # data of the stages that run without --all


def write_demo_page(
    out: Path, data: Path, results: Results, figures_by_file: Mapping[Path, Sequence[MetricResult]]
) -> None:
    """Writes ``report.html``.

    Args:
        out: Folder of the demo.
        data: Root of its phantoms.
        results: Its figures.
        figures_by_file: Predictions files and their figures, a section each.
    """
    findings, images = read_truth(data)
    gallery = cache(lambda name: _gallery(name, data))  # each data set is read once
    parts = [Part(figures, *read_predictions(file)) for file, figures in figures_by_file.items()]
    plain = out / "classification" / "scratch-1-0" / "model"
    own = [figure for figure in results.figures if figure.data in OWN]
    objectives = "Objectives in nats over steps: lines are training, dots are validation."
    sheet = "Phantoms with some of their regions (orange) and findings (green)."
    sections = [
        Section("Overview", [paragraph(INTRODUCTION), tiles(headline(own))]),
        Section("Phantoms", [png(region_sheet(gallery(OWN[0]), findings), sheet)]),
        Section("Pre-training", [png(plot_curves(curves_of(out)), objectives)]),
        *task_sections(
            parts,
            gallery,
            open_predictor(out / "backbone", "cpu"),
            classifier_of=lambda meta: plain if meta["label_fraction"] == 1 else None,
            own=OWN,
        ),
    ]
    write_page(out / "report.html", "GK-MVLP on phantoms", sections, facts=_facts(results, images))


def _gallery(dataset_name: str, data: Path) -> RadiographSource:
    """The radiographs of a look-alike by the name that figures call it."""
    row = next(row for row in LOOKALIKES.values() if row.dataset_name == dataset_name)
    return RadiographSource(getattr(gkmvlp.data_modules, str(row.data_module))(str(data)))


def _facts(results: Results, images: pd.DataFrame) -> dict[str, object]:
    """What stands under the title."""
    counts = images["split"].value_counts()
    return {
        "phantoms": f"{counts['train']} train, {counts['validate']} validate, {counts['test']} test",
        "seeds": "one",
        "time": f"{results.seconds:.0f} s",
        "memory": f"{results.peak_rss_bytes / 1e9:.1f} GB",
        "commit": results.commit,
        "command": results.command,
    }


INTRODUCTION = (
    "Synthetic radiographs with known findings, their reports and questions: the model was pre-trained on the reports, "
    "then asked which entities it sees, where, and fine-tuned to answer questions. Every figure is measured on "
    "phantoms of patients that were held out. It shows that method and code work, not how well a model reads patients. "
    "To ask such models about single images in the browser: "
    "gkmvlp serve --model gk-mvlp-phantom-report gk-mvlp-phantom-vqa (extra serve)."
)
_TILES = (
    ("entity_classification", "entity_auroc_macro", "Entities present, AUROC"),
    ("grounding", "pointing_game", "Pointing game, lateralised"),
    ("vqa", "accuracy_overall", "Questions answered"),
)


def headline(figures: list[MetricResult]) -> list[tuple[str, str, str]]:
    """The three main figures with their baseline or rival beside them."""
    out = []
    for task, name, title in _TILES:
        for figure in figures:
            if (figure.task, figure.name, figure.label, figure.model) == (task, name, None, "pretrained"):
                beside = [
                    f"{baseline} {span['value']:.2f}"
                    for baseline, span in figure.baselines.items()
                    if span["value"] is not None
                ]
                out.append((title, "-" if figure.value is None else f"{figure.value:.2f}", ", ".join(beside)))
    return out


def region_sheet(gallery: RadiographSource, findings: pd.DataFrame, count: int = 8) -> Plot:
    """A few test phantoms with regions of the atlas and planted findings."""
    chosen = findings[findings["split"].eq("test")]["sample_id"].unique()[:count]
    plot, axes = panels(len(chosen))
    for axis, sample_id in zip(axes, chosen, strict=True):
        image_SS, frame = gallery(sample_id)
        axis.imshow(image_SS, cmap="gray", vmin=0, vmax=1)
        draw_regions(axis, atlas() * len(image_SS))
        rows = findings[findings["sample_id"].eq(sample_id)]
        draw_boxes(axis, frame.to_square(rows[["x1", "y1", "x2", "y2"]].to_numpy(np.float32)), "lime")
        axis.set_title(fill(", ".join(rows["entity"].unique()), 44), fontsize=7)
    return plot

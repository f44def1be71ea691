"""One section of a page a task: pictures from its predictions, worst cases first, then its figures."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from gkmvlp.app.pages.answers import answered
from gkmvlp.app.pages.page import Section, figure_table, group_table, png
from gkmvlp.app.pages.plots import detections, main_rows, regions, reliability, roc_and_precision
from gkmvlp.app.pages.radiographs import SIDE, RadiographSource, heat_maps
from gkmvlp.app.pages.reports import report_pairs
from gkmvlp.app.pages.saliency import CAPTION, occlusion_vs_attention
from gkmvlp.metrics.assemble import BASELINE
from gkmvlp.metrics.protocols import PROTOCOLS
from gkmvlp.metrics.results.group_result import GroupedResult
from gkmvlp.metrics.results.metric_result import MetricResult
from gkmvlp.task_ids import TASKS, TaskId
from gkmvlp.zoo.inference.loading import open_predictor
from gkmvlp.zoo.inference.predictor import Predictor

RELIABILITY = "Share present over mean probability; dashed: perfect calibration."


@dataclass(frozen=True)
class Part:
    """A predictions file: its figures, its rows, its metadata, and figures by group, among those of other files."""

    figures: Sequence[MetricResult]
    table: pd.DataFrame
    meta: dict[str, Any]
    all_groups: Sequence[GroupedResult] = ()

    @property
    def groups(self) -> list[GroupedResult]:
        """Its figures by group."""
        mine = self.meta["task"], self.meta["data"], self.meta["split"]
        return [figure for figure in self.all_groups if (figure.task, figure.data, figure.split) == mine]


@dataclass(frozen=True)
class SectionInput:
    """What the pictures of a section are made from.

    Attributes:
        task: Its name.
        table: Its predictions.
        gallery: Its radiographs.
        predictor: The backbone whose prompts are shown; None shows none.
        prompts: Stand-ins for prompts that it lacks (see ``prompt_of``).
    """

    task: TaskId
    table: pd.DataFrame
    gallery: RadiographSource
    predictor: Predictor | None = None
    prompts: Mapping[str, str] = field(default_factory=dict)


def title_of(meta: Mapping[str, Any]) -> str:
    """Heading of a predictions file: its task, and the share of the labels where that is told."""
    share = meta["label_fraction"]
    return TASKS[meta["task"]].title + (f", {100 * share:g}% of the labels" if share else "")


def task_sections(
    parts: Sequence[Part],
    gallery_of: Callable[[str], RadiographSource | None],
    backbone: Predictor | None,
    classifier_of: Callable[[dict[str, Any]], Path | None],
    own: Collection[str],
    prompts: Mapping[str, str] | None = None,
) -> list[Section]:
    """A section for each predictions file; one of data without radiographs at hand has figures alone.

    Args:
        parts: The predictions files.
        gallery_of: Name of the data -> its radiographs, or None.
        backbone: Whose prompts are shown; None shows none.
        classifier_of: Metadata of classification -> folder of the model whose evidence is shown; it may be absent, or
            None.
        own: Data that a title does not name.
        prompts: Stand-ins for prompts that the backbone lacks.
    """
    sections = []
    for part in parts:
        data, task = part.meta["data"], part.meta["task"]
        title = title_of(part.meta) + ("" if data in own else f": {data}")
        gallery = gallery_of(data)
        if gallery is None:
            sections.append(Section(title, [figure_table(part.figures), group_table(part.groups)]))
            continue
        inputs = SectionInput(task, part.table, gallery, backbone, prompts or {})
        more = _saliency(classifier_of(part.meta), gallery, backbone) if task == "classification" else []
        section = task_section(title, inputs, part.figures, more)
        section.parts.append(group_table(part.groups))
        sections.append(section)
    return sections


def _saliency(classifier: Path | None, gallery: RadiographSource, backbone: Predictor | None) -> list[str]:
    """Occlusion of a classifier beside the prompts of its backbone, where radiographs have boxes of what both know."""
    has_boxes = any(sample.finding_K4 is not None and sample.finding_K4.any() for sample in gallery.test)
    if classifier is None or backbone is None or not has_boxes or not classifier.is_dir():
        return []
    plot = occlusion_vs_attention(open_predictor(classifier, "cpu"), backbone, gallery.test, gallery.labels)
    return [png(plot, CAPTION)] if plot.axes else []


def task_section(
    title: str, inputs: SectionInput, figures: Sequence[MetricResult], more: Sequence[str] = ()
) -> Section:
    """The section of a task: its pictures, further parts, its figures."""
    draw = None if inputs.table.empty else PICTURES.get(inputs.task)
    pictures = draw(inputs) if draw else []
    return Section(title, [*pictures, *more, figure_table(figures)])


def _curves(inputs: SectionInput) -> list[str]:
    """ROC and precision over recall, and reliability where scores are probabilities."""
    images = [png(roc_and_precision(inputs.table), "ROC, and precision over recall; dashed: chance.")]
    if PROTOCOLS[inputs.task].columns["score"] == "probability":
        images.append(png(reliability(inputs.table), RELIABILITY))
    return images


def calibration_pictures(table: pd.DataFrame) -> list[str]:
    """Reliability before and after; the former is a baseline, which other plots leave out."""
    return [png(reliability(table.assign(model=table["model"].str.removeprefix(BASELINE))), RELIABILITY)]


def _looks(inputs: SectionInput) -> list[str]:
    if inputs.predictor is None:
        return []
    plot = heat_maps(main_rows(inputs.table), inputs.gallery, inputs.predictor, inputs.prompts)
    return [png(plot, "Attention of a finding's prompt on its first radiographs, misses first; green: the true boxes.")]


def _boxes(inputs: SectionInput) -> list[str]:
    plot = detections(main_rows(inputs.table), inputs.gallery)
    return [png(plot, "Worst first. Green: true boxes; red: found above the threshold.")]


def _regions(inputs: SectionInput) -> list[str]:
    plot = regions(main_rows(inputs.table), inputs.gallery)
    return [png(plot, "Six of the 29 regions, worst first. Green: true boxes; red: found.")]


def _reports(inputs: SectionInput) -> list[str]:
    return [report_pairs(main_rows(inputs.table), inputs.gallery.thumbnail)]


def _answers(inputs: SectionInput) -> list[str]:
    return [answered(main_rows(inputs.table), partial(inputs.gallery.thumbnail, side=SIDE))]


PICTURES: Mapping[TaskId, Callable[[SectionInput], list[str]]] = {
    "entity_classification": _curves,
    "classification": _curves,
    "calibration": lambda inputs: calibration_pictures(inputs.table),
    "grounding": _looks,
    "vqa": _answers,
    "localization": _boxes,
    "report_generation": _reports,
    "region_detection": _regions,
}

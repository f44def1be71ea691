"""The page of one run: its curves, and a section for each of its predictions files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from gkmvlp.app.pages.page import Section, figure_table, paragraph, png, write_page
from gkmvlp.app.pages.radiographs import Gallery
from gkmvlp.app.pages.saliency import CAPTION, where_they_look
from gkmvlp.app.pages.task_sections import Shown, task_section, title_of
from gkmvlp.app.pages.training_curves import curve_names, curves_of, plot_curves
from gkmvlp.app.running.run_config import RunConfig, read_run_config
from gkmvlp.app.running.trainer_defaults import keep_out_of_git
from gkmvlp.checkpoints.hub import trained_on_patients
from gkmvlp.errors import UsageError
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.figure import Figure
from gkmvlp.metrics.results.predictions import read_predictions
from gkmvlp.zoo.inference.loading import open_reader
from gkmvlp.zoo.inference.predictor import Reader

PROMPTED = ("grounding", "classification")  # tasks whose pictures show prompts of the backbone


@dataclass(frozen=True)
class _Part:
    """A predictions file: its figures, its rows, its metadata."""

    figures: Sequence[Figure]
    table: pd.DataFrame
    meta: dict[str, Any]


def figures_of_run(out: Path) -> dict[Path, list[Figure]]:
    """The predictions files of a run and their figures."""
    return {file: figures_of(file) for file in sorted((out / "predictions").glob("*.parquet"))}


def write_run_page(out: Path, found: Mapping[Path, Sequence[Figure]]) -> Path:
    """Writes ``report.html`` into the folder of a run; one of credentialed data is kept out of git.

    Args:
        out: A folder with ``config.yaml`` and ``predictions/``, as ``fit`` and ``test`` leave it; or with the merged
            ``predictions/`` of runs two folders below, whose first describes data and backbone.
        found: Its predictions files and their figures, a section each.

    Returns:
        The page.

    Raises:
        UsageError: If config or predictions are not there.
        DataError: If the data of the config is not there any more.
    """
    config = read_run_config(out)
    if not found:
        raise UsageError(f"{out}: expected predictions/*.parquet, found none; run gkmvlp test, or name a run's folder")
    parts = [_Part(figures, *read_predictions(file)) for file, figures in found.items()]
    path, metas = out / "report.html", [part.meta for part in parts]
    credentialed = any(meta["credentialed"] for meta in metas)
    if credentialed:
        keep_out_of_git(out)
    write_page(
        path,
        f"{', '.join(dict.fromkeys(meta['data'] for meta in metas))}: {out.resolve().name}",
        [*_training(out), *_task_sections(out, config, parts)],
        facts=_facts(config, parts),
        phantoms_only=not any(trained_on_patients(meta) for meta in metas),
        credentialed=credentialed,
    )
    return path


def _training(out: Path) -> list[Section]:
    """The curves of a fit; a run that only tested has none."""
    scalars = curves_of(out)
    if not curve_names(scalars):
        is_fit = (out / "checkpoints").is_dir()
        return [Section("Training", [paragraph("No curves: the fit logged nothing.")])] if is_fit else []
    caption = "Over steps: lines are training, dots are validation; objectives in nats."
    return [Section("Training", [png(plot_curves(scalars), caption)])]


def _task_sections(out: Path, config: RunConfig, parts: Sequence[_Part]) -> list[Section]:
    """A section for each predictions file; one of other data than the config's has figures alone."""
    gallery = Gallery(config.make_data())
    prompted = any(part.meta["task"] in PROMPTED for part in parts)
    reader, prompts = _backbone(config) if prompted else None, config.model[1].get("prompts") or {}
    sections = []
    for part in parts:
        title = title_of(part.meta)
        if part.meta["data"] != gallery.name:
            sections.append(Section(f"{title}: {part.meta['data']}", [figure_table(part.figures)]))
            continue
        shown = Shown(part.meta["task"], part.table, gallery, reader, prompts)
        more = _saliency(out, gallery, reader) if shown.task == "classification" else []
        sections.append(task_section(title, shown, part.figures, more))
    return sections


def _backbone(config: RunConfig) -> Reader | None:
    """The backbone that a pre-training left, or a run started from; None where it started from scratch."""
    own = config.file.parent / "backbone"
    reference = str(own) if own.is_dir() else config.model[1].get("backbone")
    return open_reader(reference, "cpu") if reference else None


def _saliency(out: Path, gallery: Gallery, backbone: Reader | None) -> list[str]:
    """Occlusion of a classifier beside the prompts of its backbone, where radiographs have boxes of what both know.

    A run that only tested left no classifier; a folder with merged predictions has many, of which none is shown.
    """
    has_boxes = any(sample.finding_K4 is not None and sample.finding_K4.any() for sample in gallery.test)
    if backbone is None or not has_boxes or not (out / "model").is_dir():
        return []
    plot = where_they_look(open_reader(out / "model", "cpu"), backbone, gallery.test, gallery.labels)
    return [png(plot, CAPTION)] if plot.axes else []


def _facts(config: RunConfig, parts: Sequence[_Part]) -> dict[str, object]:
    """What stands under the title."""
    seeds = sorted({seed for part in parts for seed in part.table["seed"].tolist()})
    return {
        "task": config.model[0].rpartition(".")[2],
        "backbone": config.model[1].get("backbone") or "none",
        "trained on": parts[0].meta["trained_on"] or "unknown data",
        "split": ", ".join(dict.fromkeys(part.meta["split"] for part in parts)),
        "seeds" if len(seeds) > 1 else "seed": ", ".join(map(str, seeds)),
    }

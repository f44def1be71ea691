"""The page of one run: its curves, and a section for each of its predictions files."""

from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from gkmvlp.commands._page import Section, png, write_page
from gkmvlp.commands._page_curves import curve_names, plot_curves, read_scalars
from gkmvlp.commands._page_pictures import Gallery
from gkmvlp.commands._page_saliency import CAPTION, where_they_look
from gkmvlp.commands._page_tasks import Shown, task_section, title_of
from gkmvlp.data_modules.base import DataModule
from gkmvlp.errors import UsageError
from gkmvlp.metrics.evaluate import figures_of
from gkmvlp.metrics.predictions import read_predictions
from gkmvlp.models.hub import trained_on_patients
from gkmvlp.zoo.loading import open_reader
from gkmvlp.zoo.reader import Reader


def write_run_page(out: Path) -> Path:
    """Writes ``report.html`` into the folder of a run.

    Args:
        out: A folder with ``config.yaml`` and ``predictions/``, as ``fit`` and ``test`` leave it; or with the merged
            ``predictions/`` of runs two folders below, whose first describes data and backbone.

    Returns:
        The page.

    Raises:
        UsageError: If config or predictions are not there.
        DataError: If the data of the config is not there any more.
    """
    files, file = sorted((out / "predictions").glob("*.parquet")), _config_file(out)
    if not files:
        raise UsageError(f"{out}: expected predictions/*.parquet, found none; run gkmvlp test, or name a run's folder")
    run, config = file.parent, yaml.safe_load(file.read_text(encoding="utf-8"))
    gallery = Gallery(_source(config))
    reader, prompts = _backbone(run, config), config["model"]["init_args"].get("prompts") or {}
    sections, metas = _training(out), []
    for part in files:
        table, meta = read_predictions(part)
        shown = Shown(meta["task"], table, gallery, reader, prompts)
        more = _saliency(run, gallery, reader) if meta["task"] == "classification" else []
        sections.append(task_section(title_of(meta), shown, figures_of(part), more))
        metas.append(meta)
    path = out / "report.html"
    write_page(
        path,
        f"{', '.join(dict.fromkeys(meta['data'] for meta in metas))}: {out.name}",
        sections,
        facts=_facts(config, metas[0]),
        phantoms_only=not any(trained_on_patients(meta) for meta in metas),
        credentialed=any(meta["credentialed"] for meta in metas),
    )
    return path


def _config_file(out: Path) -> Path:
    """The config that predictions came from: that of a later test, else the first; else that of a run below."""
    own = [out / "config-test.yaml", out / "config.yaml"]
    found = [file for file in [*own, *sorted(out.glob("*/*/config-test.yaml"))] if file.is_file()]
    if not found:
        raise UsageError(f"{out}: expected config.yaml, as gkmvlp fit and test write it; name a run's folder")
    return found[0]


def _source(config: dict[str, Any]) -> DataModule:
    """The DataModule of a config."""
    module, _, name = config["data"]["class_path"].rpartition(".")
    made: DataModule = getattr(import_module(module), name)(**config["data"]["init_args"])
    return made


def _backbone(run: Path, config: dict[str, Any]) -> Reader | None:
    """The backbone that a pre-training left, or a run started from; None where it started from scratch."""
    own = run / "backbone"
    reference = str(own) if own.is_dir() else config["model"]["init_args"].get("backbone")
    return open_reader(reference, "cpu") if reference else None


def _training(out: Path) -> list[Section]:
    """The curves of a fit; a run that only tested has none."""
    scalars = read_scalars(out / "tensorboard") if (out / "tensorboard").is_dir() else {}
    if not curve_names(scalars):
        return []
    caption = "Over steps: lines are training, dots are validation; objectives in nats."
    return [Section("Training", [png(plot_curves(scalars), caption)])]


def _saliency(run: Path, gallery: Gallery, backbone: Reader | None) -> list[str]:
    """Occlusion of a classifier beside the prompts of its backbone, where radiographs have boxes of findings."""
    if backbone is None or all(sample.finding_K4 is None or not sample.finding_K4.any() for sample in gallery.test):
        return []
    return [png(where_they_look(open_reader(run / "model", "cpu"), backbone, gallery.test, gallery.labels), CAPTION)]


def _facts(config: dict[str, Any], meta: dict[str, Any]) -> dict[str, object]:
    """What stands under the title."""
    init = config["model"]["init_args"]
    return {
        "task": config["model"]["class_path"].rpartition(".")[2],
        "backbone": init.get("backbone"),
        "trained on": meta["trained_on"],
        "split": meta["split"],
        "seed": config["seed_everything"],
    }

"""The page of one run: its curves, and a section for each of its predictions files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from gkmvlp.app.pages.page import Section, paragraph, png, write_page
from gkmvlp.app.pages.radiographs import RadiographSource
from gkmvlp.app.pages.task_sections import Part, task_sections
from gkmvlp.app.pages.training_curves import curve_names, curves_of, plot_curves
from gkmvlp.app.running.run_config import RunConfig, read_run_config
from gkmvlp.app.running.trainer_defaults import keep_out_of_git
from gkmvlp.errors import UsageError
from gkmvlp.metrics.results.evaluate import figures_of, groups_of
from gkmvlp.metrics.results.group_result import GroupedResult
from gkmvlp.metrics.results.metric_result import MetricResult
from gkmvlp.metrics.results.predictions import read_predictions
from gkmvlp.notices import trained_on_patients
from gkmvlp.zoo.inference.loading import open_predictor
from gkmvlp.zoo.inference.predictor import Predictor

PROMPTED = ("grounding", "classification")  # tasks whose pictures show prompts of the backbone


def figures_of_run(out: Path) -> dict[Path, list[MetricResult]]:
    """The predictions files of a run and their figures."""
    return {file: figures_of(file) for file in sorted((out / "predictions").glob("*.parquet"))}


def write_run_page(
    out: Path,
    figures_by_file: Mapping[Path, Sequence[MetricResult]],
    groups: Sequence[GroupedResult] | None = None,
) -> Path:
    """Writes ``report.html`` into the folder of a run; one of credentialed data is kept out of git.

    Args:
        out: A folder with ``config.yaml`` and ``predictions/``, as ``fit`` and ``test`` leave it; or with the merged
            ``predictions/`` of runs two folders below, whose first describes data and backbone.
        figures_by_file: Its predictions files and their figures, a section each.
        groups: Their figures by groups of patients; None computes them.

    Returns:
        The page.

    Raises:
        UsageError: If config or predictions are not there.
        DataError: If the data of the config is not there any more.
    """
    config = read_run_config(out)
    if not figures_by_file:
        raise UsageError(f"{out}: expected predictions/*.parquet, found none; run gkmvlp test, or name a run's folder")
    groups = [one for file in figures_by_file for one in groups_of(file)] if groups is None else groups
    parts = [Part(figures, *read_predictions(file), groups) for file, figures in figures_by_file.items()]
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


def _task_sections(out: Path, config: RunConfig, parts: Sequence[Part]) -> list[Section]:
    """A section for each predictions file, with the radiographs of the config's data.

    A run that only tested left no classifier; a folder with merged predictions has many, of which none is shown.
    """
    gallery = RadiographSource(config.make_data())
    prompted = any(part.meta["task"] in PROMPTED for part in parts)
    return task_sections(
        parts,
        lambda data: gallery if data == gallery.name else None,
        _backbone(config) if prompted else None,
        classifier_of=lambda meta: out / "model",
        own=(str(gallery.name),),
        prompts=config.model[1].get("label_to_entity"),
    )


def _backbone(config: RunConfig) -> Predictor | None:
    """The backbone that a pre-training left, or a run started from; None where it started from scratch."""
    own = config.file.parent / "backbone"
    reference = str(own) if own.is_dir() else config.model[1].get("backbone")
    return open_predictor(reference, "cpu") if reference else None


def _facts(config: RunConfig, parts: Sequence[Part]) -> dict[str, object]:
    """What stands under the title."""
    seeds = sorted({seed for part in parts for seed in part.table["seed"].tolist()})
    return {
        "task": config.model[0].rpartition(".")[2],
        "backbone": config.model[1].get("backbone") or "none",
        "trained on": parts[0].meta["trained_on"] or "unknown data",
        "split": ", ".join(dict.fromkeys(part.meta["split"] for part in parts)),
        "seeds" if len(seeds) > 1 else "seed": ", ".join(map(str, seeds)),
    }

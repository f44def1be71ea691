"""A task from a backbone and without one, compared, with what belongs beside each task."""

from collections.abc import Sequence

from gkmvlp.app.experiments.classification import classification_conditions
from gkmvlp.app.experiments.conditions import (
    Conditions,
    initializations,
    run_conditions,
    with_frozen,
    with_text_baseline,
)
from gkmvlp.app.experiments.region_boxes import compare_boxes
from gkmvlp.app.running.configs import architecture_in
from gkmvlp.app.running.recipes import PHANTOMS, ensure_phantoms
from gkmvlp.app.running.run import Overrides, Run, merged, of_trainer
from gkmvlp.hardware import runs_at_once
from gkmvlp.task_ids import BY_WORD


def compare_initializations(
    task: str,
    recipe: Run,
    overrides: Overrides,
    backbone: str,
    seeds: Sequence[int],
    shares: Sequence[float],
    is_phantom: bool,
) -> None:
    """Runs what is not there yet.

    Args:
        task: Its word: ``classification``, ``image_text``, ``localization``, ``regions``, ``report`` or ``vqa``.
        recipe: Config, data and folder of all runs.
        overrides: Of every run, beside those of the recipe.
        backbone: Where the pre-trained runs start.
        seeds: Seeds of each.
        shares: Of the labels, for classification.
        is_phantom: Whether the data are phantoms.
    """
    config, out, jobs = recipe.config, recipe.folder, runs_at_once()
    changed = merged(recipe.overrides, overrides)
    without = "public_weights" if has_public_weights(config) else "scratch"
    if task == "classification":
        classification_conditions(config, out, backbone, seeds, shares, changed, jobs, without)
    else:
        run_conditions(BY_WORD[task], config, out, conditions_of(task, backbone, without), seeds, changed, jobs)
    if task == "regions" and is_phantom:
        ensure_phantoms("VqaRad")
        detector = out / "region_detection" / f"pretrained-{seeds[0]}" / "model"
        compare_boxes(out, backbone, PHANTOMS, detector, seeds, of_trainer(overrides), jobs)


def conditions_of(task: str, backbone: str, without: str) -> Conditions:
    """Both initialisations, with what belongs beside them.

    Args:
        task: Its word, other than ``classification``.
        backbone: Where one starts.
        without: What the other is called.
    """
    starts = (with_frozen if task in ("localization", "regions") else initializations)(backbone, without)
    return with_text_baseline(BY_WORD[task], starts, "pretrained")


def has_public_weights(config: str) -> bool:
    """Whether an encoder of a config starts from weights that others trained."""
    architecture = architecture_in(config)
    return any(architecture.get(part, {}).get("weights") for part in ("vision", "text"))

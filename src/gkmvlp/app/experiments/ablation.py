"""What the ablation runs: variants of pre-training, what is fine-tuned from each, and what is kept of a run."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gkmvlp.app.experiments.runs import fit_and_test, run_missing, side_by_side
from gkmvlp.app.running.planted_truth import score_on_truth
from gkmvlp.app.running.run import Overrides, Run, data_overrides, merged, model_overrides
from gkmvlp.data_modules.synthetic.lookalikes import write_lookalikes
from gkmvlp.errors import UsageError
from gkmvlp.hardware import runs_at_once
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.predictions import read_predictions, write_predictions
from gkmvlp.metrics.results.provenance import ProcessTreePeak, results_of

_KNOWLEDGE = "model.init_args.architecture.knowledge"
_OBJECTIVES = "model.init_args.objectives"
FULL = "full"
VARIANTS: dict[str, Overrides] = {  # what makes it, in the config of pre-training
    FULL: {},
    "no-gk": {f"{_KNOWLEDGE}.num_hidden_layers": 0, f"{_OBJECTIVES}.position.weight": 0},
    "no-grounding": {f"{_KNOWLEDGE}.region_prior": "all"},
    "shuffled": {f"{_KNOWLEDGE}.region_prior": "shuffled"},
    "no-position": {f"{_OBJECTIVES}.position.weight": 0},  # shuffled leaves this objective next to nothing to teach
    "leaky": {f"{_KNOWLEDGE}.mode": "report"},
    "no-itm": {f"{_OBJECTIVES}.itm.weight": 0},
    "no-lm": {f"{_OBJECTIVES}.lm.weight": 0},
    "no-ecls": {f"{_OBJECTIVES}.ecls.weight": 0},
    "unmentioned-ignored": {f"{_OBJECTIVES}.unmentioned": "ignore"},
}
DEFAULT = (FULL, "no-gk", "no-grounding", "shuffled", "leaky")
EPOCHS = 5  # three to four minutes of pre-training on two cores


@dataclass(frozen=True)
class Stage:
    """What is fine-tuned from a variant's backbone.

    Attributes:
        name: Its name among the kept files.
        config: Config of the zoo.
        task: Its predictions file.
        overrides: What it changes in the config.
    """

    name: str
    config: str
    task: str
    overrides: Overrides = field(default_factory=dict)


STAGES = (
    Stage("classification-1%", "classification-phantom", "classification", data_overrides(train_fraction=0.01)),
    Stage("classification-100%", "classification-phantom", "classification"),
    Stage("vqa", "vqa-phantom", "vqa"),
    Stage("report", "report-phantom", "report_generation", {"trainer.max_epochs": 5}),
)
PRETRAINED = ("entity_classification", "zero_shot", "grounding")  # files of pre-training itself
FILES = (*PRETRAINED, *(stage.name for stage in STAGES))


def require_known(variants: Sequence[str]) -> None:
    """Stops at a name that is none of ``VARIANTS``.

    Raises:
        UsageError: Then.
    """
    if strange := sorted(set(variants) - set(VARIANTS)):
        raise UsageError(f"no variant {strange[0]}: {', '.join(VARIANTS)} are known")


def run_variants(
    variants: Sequence[str],
    seeds: Sequence[int],
    out: Path,
    keep: Path,
    sizes: dict[str, int],
    pretraining: Overrides,
    fine_tuning: Overrides,
) -> None:
    """Runs what is not kept yet, seed by seed.

    Args:
        variants: Names in ``VARIANTS``.
        seeds: Seeds of each.
        out: Folder of phantoms and runs.
        keep: Folder that gets the predictions of complete runs.
        sizes: Layout -> patients or images of the phantoms.
        pretraining: Further overrides of pre-training.
        fine_tuning: Further overrides of every fine-tuning.
    """
    data = out / "data"
    missing = [(name, seed) for seed in seeds for name in variants if not (keep / f"{name}-{seed}").is_dir()]
    if missing:
        write_lookalikes(data, sizes, 0)
    epochs = {"trainer.max_epochs": EPOCHS, "trainer.check_val_every_n_epoch": EPOCHS}
    calls = [(*run, out, data, keep, merged(epochs, pretraining), fine_tuning) for run in missing]
    side_by_side(run_variant, calls, runs_at_once())


def run_variant(
    variant: str, seed: int, out: Path, data: Path, keep: Path, pretraining: Overrides, fine_tuning: Overrides
) -> None:
    """Pre-trains one variant, fine-tunes from it, keeps predictions and figures; a stage that is there is not repeated.

    Args:
        variant: Name in ``VARIANTS``.
        seed: Seed of initialisation, order and dropout.
        out: Folder of all runs.
        data: Root of the phantoms.
        keep: Folder that gets the predictions of a complete run.
        pretraining: Further overrides of pre-training.
        fine_tuning: Further overrides of every fine-tuning.
    """
    folder, root = out / f"{variant}-{seed}", data_overrides(root=data)

    def pretrained(run: Run) -> None:
        score_on_truth(fit_and_test(run), data)

    with ProcessTreePeak() as peak:
        run = Run("zoo://pretrain-phantom", folder, merged(root, pretraining, VARIANTS[variant]), seed)
        run_missing(pretrained, [run], "predictions/grounding.parquet", 1)
        start = model_overrides(backbone=folder / "backbone", architecture=None)
        for stage in STAGES:
            changed = merged(root, start, stage.overrides, fine_tuning)
            run = Run(f"zoo://{stage.config}", folder / stage.name, changed, seed)
            run_missing(fit_and_test, [run], f"predictions/{stage.task}.parquet", 1)
    target = keep / folder.name
    part = target.with_name(f".{target.name}.part")
    _copy_rows(variant, seed, folder, part)
    figures = [replace(figure, predictions=None) for name in FILES for figure in figures_of(part / f"{name}.parquet")]
    results_of(figures, peak).write(part / "results.json")
    part.rename(target)


def _copy_rows(variant: str, seed: int, folder: Path, part: Path) -> None:
    """Copies the rows of the variant, under its name and seed, into a new folder."""
    shutil.rmtree(part, ignore_errors=True)
    sources = {name: folder / "predictions" / f"{name}.parquet" for name in PRETRAINED}
    sources |= {stage.name: folder / stage.name / "predictions" / f"{stage.task}.parquet" for stage in STAGES}
    for name, source in sources.items():
        table, meta = read_predictions(source)
        table = table[table["model"].eq("pretrained")].assign(model=model_name(variant), seed=seed)
        write_predictions(part / f"{name}.parquet", table, {**meta, "trained_on": None})


def model_name(variant: str) -> str:
    """What figures call the model of a variant."""
    return "pretrained" if variant == FULL else f"variant:{variant}"

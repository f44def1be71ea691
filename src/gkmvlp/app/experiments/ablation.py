"""What an ablation runs: variants of pre-training, what is measured from each backbone, and what is kept of a run."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from gkmvlp.app.experiments.real.openi_baselines import frequent_entities
from gkmvlp.app.experiments.runs import fit_and_test, run_missing, side_by_side, test
from gkmvlp.app.running.planted_truth import score_on_truth
from gkmvlp.app.running.run import Overrides, Run, data_overrides, merged, model_overrides
from gkmvlp.errors import UsageError
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.predictions import read_predictions, write_predictions
from gkmvlp.metrics.results.provenance import ProcessTreePeak, results_of

_KNOWLEDGE = "model.init_args.architecture.knowledge"
_OBJECTIVES = "model.init_args.objectives"
_FUSION = "model.init_args.architecture.text.fusion_layer"
FULL, LATE, EARLY = "full", "late-fusion", "early-fusion"
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
    LATE: {_FUSION: 1},  # of the two layers of pretrain-phantom
    EARLY: {_FUSION: 0},  # of the six of pretrain-openi, which begins with the fourth
}
ARL_VARIANTS: dict[str, Overrides] = {  # the same for the second system
    FULL: {},
    "no-knowledge": {"model.init_args.architecture.fusion.entity_stream": False},
    # in three steps of four alignment is alone: masked language has them instead
    "no-align": {f"{_OBJECTIVES}.align.weight": 0, f"{_OBJECTIVES}.mlm.every_n_steps": 1},
    "shuffled-graph": {f"{_KNOWLEDGE}.triples": "shuffled"},
}
FEWER: dict[str, Overrides] = {  # of the training patients of Open-i, as many steps as with all of them
    f"{name}-of-patients": {
        **data_overrides(train_fraction=1 / parts),
        "trainer.max_epochs": 8 * parts,
        "trainer.check_val_every_n_epoch": parts,
    }
    for name, parts in (("half", 2), ("quarter", 4), ("eighth", 8))
}
DEFAULT = (FULL, "no-gk", "no-grounding", "shuffled", "leaky")
EPOCHS = 5  # three to four minutes of pre-training on two cores


@dataclass(frozen=True)
class Stage:
    """What is measured from a variant's backbone.

    Attributes:
        name: Its name among the kept files.
        config: Config of the zoo.
        task: Its predictions file.
        overrides: What it changes in the config.
        learns: Whether it is fine-tuned; otherwise it is tested as it is.
    """

    name: str
    config: str
    task: str
    overrides: Overrides = field(default_factory=dict)
    learns: bool = True


STAGES = (
    Stage("classification-1%", "classification-phantom", "classification", data_overrides(train_fraction=0.01)),
    Stage("classification-100%", "classification-phantom", "classification"),
    Stage("vqa", "vqa-phantom", "vqa"),
    Stage("report", "report-phantom", "report_generation", {"trainer.max_epochs": 5}),
)
PRETRAINED = ("entity_classification", "zero_shot", "grounding")  # files of pre-training itself
FILES = (*PRETRAINED, *(stage.name for stage in STAGES))


@dataclass(frozen=True)
class Study:
    """An ablation: what is pre-trained, on what, and what is measured.

    Attributes:
        config: Config of pre-training, of the zoo.
        variants: Name -> what makes it, in that config.
        overrides: Of pre-training: its data, its length.
        measured: Predictions files of pre-training itself, the last of them the last that it leaves.
        stages: What is measured from its backbone.
        truth: Root of the phantoms whose planted findings score pre-training; None for patients.
        fewest: Positives in test that an entity needs, so that its rows of pre-training are kept.
    """

    config: str
    variants: Mapping[str, Overrides]
    overrides: Overrides
    measured: tuple[str, ...]
    stages: tuple[Stage, ...]
    truth: Path | None = None
    fewest: int = 0

    @property
    def sources(self) -> dict[str, str]:
        """Kept file -> the predictions file below a run's folder that it is a copy of."""
        own = {name: f"predictions/{name}.parquet" for name in self.measured}
        return own | {stage.name: f"{stage.name}/predictions/{stage.task}.parquet" for stage in self.stages}


def chosen(stages: Sequence[Stage], only: Sequence[str] | None) -> tuple[Stage, ...]:
    """The stages that ``only`` names; None takes all.

    Raises:
        UsageError: If it names another.
    """
    names = [stage.name for stage in stages]
    if strange := sorted(set(only or ()) - set(names)):
        raise UsageError(f"--only {strange[0]}: {', '.join(names)} were expected")
    return tuple(stage for stage in stages if only is None or stage.name in only)


def but(same: str) -> dict[str, Overrides]:
    """``VARIANTS`` without the one that a config of pre-training does not tell from the full model."""
    return {name: changes for name, changes in VARIANTS.items() if name != same}


def phantoms(data: Path, only: Sequence[str] | None = None) -> Study:
    """The ablation of GK-MVLP on phantoms.

    Args:
        data: Their root.
        only: Names of the stages that are measured beside pre-training itself; None takes all.

    Raises:
        UsageError: If there is no such stage.
    """
    return _on_phantoms("pretrain-phantom", but(EARLY), data, PRETRAINED, chosen(STAGES, only))


def arl_phantoms(data: Path, only: Sequence[str] | None = None) -> Study:
    """The ablation of ARL on phantoms: findings of images, and questions.

    Args:
        data: Their root.
        only: Names of the stages that are measured beside pre-training itself; None takes all.

    Raises:
        UsageError: If there is no such stage.
    """
    stages = chosen([stage for stage in STAGES if stage.name == "vqa"], only)
    return _on_phantoms("pretrain-arl-phantom", ARL_VARIANTS, data, PRETRAINED[:1], stages)


class OnPhantoms(NamedTuple):
    """The ablation of a system on phantoms.

    Attributes:
        study: Root of the phantoms and names of stages, or None for all, to what is run.
        default: Variants that are run where none is named.
        table: Name of its table and of the folder of what is kept.
        layouts: Layouts of the phantoms that it reads.
    """

    study: Callable[[Path, Sequence[str] | None], Study]
    default: tuple[str, ...]
    table: str
    layouts: tuple[str, ...]


ON_PHANTOMS = {
    "gk_mvlp": OnPhantoms(phantoms, DEFAULT, "ablation", ("mimic", "vqa", "nih")),
    "arl": OnPhantoms(arl_phantoms, tuple(ARL_VARIANTS), "arl-ablation", ("mimic", "vqa")),
}


def _on_phantoms(
    config: str, variants: Mapping[str, Overrides], data: Path, measured: tuple[str, ...], stages: Sequence[Stage]
) -> Study:
    root = data_overrides(root=data)
    length = {"trainer.max_epochs": EPOCHS, "trainer.check_val_every_n_epoch": EPOCHS}
    own = tuple(replace(stage, overrides=merged(root, stage.overrides)) for stage in stages)
    return Study(config, variants, merged(root, length), measured, own, truth=data)


def require_known(variants: Sequence[str], study: Study) -> None:
    """Stops at a name that is no variant of a study.

    Raises:
        UsageError: Then.
    """
    if strange := sorted(set(variants) - set(study.variants)):
        raise UsageError(f"no variant {strange[0]}: {', '.join(study.variants)} are known")


def run_variants(
    study: Callable[[], Study],
    variants: Sequence[str],
    seeds: Sequence[int],
    out: Path,
    keep: Path,
    pretraining: Overrides,
    fine_tuning: Overrides,
    jobs: int,
) -> None:
    """Runs what is not kept yet, seed by seed.

    Args:
        study: What is run; made if anything is missing.
        variants: Names of variants of the study.
        seeds: Seeds of each.
        out: Folder of the runs.
        keep: Folder that gets the predictions of complete runs.
        pretraining: Further overrides of pre-training.
        fine_tuning: Further overrides of every stage that is fine-tuned.
        jobs: Runs side by side.
    """
    missing = [(name, seed) for seed in seeds for name in variants if not (keep / f"{name}-{seed}").is_dir()]
    if missing:
        made = study()
        calls = [(made, *run, out, keep, pretraining, fine_tuning) for run in missing]
        side_by_side(run_variant, calls, jobs)


def run_variant(
    study: Study, variant: str, seed: int, out: Path, keep: Path, pretraining: Overrides, fine_tuning: Overrides
) -> None:
    """Pre-trains one variant, measures its backbone, keeps predictions and figures; what is there is not repeated.

    Args:
        study: What is run.
        variant: Name of one of its variants.
        seed: Seed of initialisation, order and dropout.
        out: Folder of all runs.
        keep: Folder that gets the predictions of a complete run.
        pretraining: Further overrides of pre-training.
        fine_tuning: Further overrides of every stage that is fine-tuned.
    """
    folder = out / f"{variant}-{seed}"

    def pretrained(run: Run) -> None:
        predictions = fit_and_test(run)
        if study.truth is not None:
            score_on_truth(predictions, study.truth)

    with ProcessTreePeak() as peak:
        run = Run(f"zoo://{study.config}", folder, merged(study.overrides, pretraining, study.variants[variant]), seed)
        run_missing(pretrained, [run], f"predictions/{study.measured[-1]}.parquet", 1)
        start = model_overrides(backbone=folder / "backbone", architecture=None)
        for stage in study.stages:
            changed = merged(start, stage.overrides, fine_tuning if stage.learns else {})
            run = Run(f"zoo://{stage.config}", folder / stage.name, changed, seed)
            run_missing(fit_and_test if stage.learns else test, [run], f"predictions/{stage.task}.parquet", 1)
    target = keep / folder.name
    part = target.with_name(f".{target.name}.part")
    _copy_rows(study, variant, seed, folder, part)
    files = [part / f"{name}.parquet" for name in study.sources]
    figures = [replace(figure, predictions=None) for file in files for figure in figures_of(file)]
    results_of(figures, peak).write(part / "results.json")
    part.rename(target)


def _copy_rows(study: Study, variant: str, seed: int, folder: Path, part: Path) -> None:
    """Copies the rows of the variant, under its name and seed, into a new folder."""
    shutil.rmtree(part, ignore_errors=True)
    for name, source in study.sources.items():
        table, meta = read_predictions(folder / source)
        table = table[table["model"].eq("pretrained")].assign(model=model_name(variant), seed=seed)
        if study.fewest and name in study.measured:
            table = table[table["entity"].isin(frequent_entities(table, study.fewest).index)]
        write_predictions(part / f"{name}.parquet", table, {**meta, "trained_on": None})


def model_name(variant: str) -> str:
    """What figures call the model of a variant."""
    return "pretrained" if variant == FULL else f"variant:{variant}"

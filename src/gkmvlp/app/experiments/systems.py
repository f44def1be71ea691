"""GK-MVLP and ARL side by side: the same pairs, encoders, budget and seeds, and what each learns of the same tasks."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from gkmvlp.app.experiments.conditions import Conditions, merge_alike, with_text_baseline
from gkmvlp.app.experiments.real.pieces import Piece, all_figures, run_pieces
from gkmvlp.app.experiments.real.table_arms import run_arms
from gkmvlp.app.experiments.runs import Work, fit_and_test, run_missing, test
from gkmvlp.app.running.configs import by_name, data_class
from gkmvlp.app.running.planted_truth import score_run_on_truth
from gkmvlp.app.running.recipes import FINE_TUNING, config_for, start_from
from gkmvlp.app.running.run import Overrides, Run, data_overrides, merged, of_trainer
from gkmvlp.app.running.step_cost import StepCost
from gkmvlp.checkpoints.backbone import architecture_of
from gkmvlp.checkpoints.systems import system_name
from gkmvlp.data_modules.synthetic.lookalikes import layout_of
from gkmvlp.errors import UsageError
from gkmvlp.hardware import runs_at_once
from gkmvlp.metrics.results.metric_result import MetricResult
from gkmvlp.task_ids import TaskId

ENTITIES = "predictions/entity_classification.parquet"  # what a pre-training leaves of its test rows
COUNTED = {"trainer.callbacks+": f"{StepCost.__module__}.{StepCost.__qualname__}"}


@dataclass(frozen=True)
class Stage:
    """What both systems do from their own backbones.

    Attributes:
        config: Config of the zoo.
        task: Its predictions file.
        work: What makes a run.
        data: Overrides of its data.
    """

    config: str
    task: TaskId
    work: Work
    data: Overrides = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """What is compared on one corpus.

    Attributes:
        pretraining: System -> config of its pre-training; data, encoders and budget are the same in all.
        data: Overrides of their data.
        stages: Name of the piece -> stage.
        backbones: System -> reference of a backbone that is there; empty pre-trains them.
    """

    pretraining: Mapping[str, str]
    data: Overrides
    stages: Mapping[str, Stage]
    backbones: Mapping[str, str] = field(default_factory=dict)

    def from_backbones(self, references: Sequence[str]) -> Self:
        """The same comparison from backbones that are there; nothing is pre-trained.

        Args:
            references: A backbone of each system.

        Raises:
            UsageError: If they are others.
            BackboneError: If there is none, or it is newer.
            ZooError: If one cannot be had.
        """
        found = [(system_name(architecture_of(reference)), reference) for reference in references]
        if sorted(name for name, _ in found) != sorted(self.pretraining):
            wanted, came = (", ".join(names) for names in (self.pretraining, [name for name, _ in found]))
            raise UsageError(f"--backbones: one of each system ({wanted}) was expected, got {came}")
        return replace(self, backbones={name: dict(found)[name] for name in self.pretraining})


def layouts_of(comparison: Comparison, only: Sequence[str] | None) -> set[str | None]:
    """Layouts of the data that pieces read; none stands for data without a look-alike.

    Args:
        comparison: What is compared.
        only: Names of pieces; None makes all.
    """
    configs = [] if comparison.backbones else list(comparison.pretraining.values())
    configs += [stage.config for name, stage in comparison.stages.items() if only is None or name in only]
    return {layout_of(data_class(by_name(config))) for config in configs}


def on_phantoms(root: Path) -> Comparison:
    """The comparison on phantoms.

    Args:
        root: Where they lie.
    """
    data = data_overrides(root=root)
    configs = {"gk_mvlp": "zoo://pretrain-phantom", "arl": "zoo://pretrain-arl-phantom"}
    stages = {
        "retrieval": Stage("zoo://retrieval-phantom", "retrieval", look, data),
        "vqa": Stage("zoo://vqa-phantom", "vqa", fit_and_test, data),
        "image_text": Stage("zoo://image-text-classification-phantom", "image_text_classification", fit_and_test, data),
    }
    return Comparison(configs, data, stages)


def on_openi(root: Path, questions: Path | None) -> Comparison:
    """The comparison on Open-i (IU X-Ray).

    Args:
        root: Where it lies.
        questions: Folder of VQA-RAD or SLAKE; None leaves questions out.
    """
    data = data_overrides(root=root)
    configs = {"gk_mvlp": "zoo://pretrain-openi", "arl": "zoo://pretrain-arl-openi"}
    stages = {"retrieval": Stage("zoo://retrieval-openi", "retrieval", look, data)}
    if questions is not None:
        config = config_for(str(questions), FINE_TUNING["vqa"].real)
        stages["vqa"] = Stage(f"zoo://{config}", "vqa", fit_and_test, data_overrides(root=questions))
    return Comparison(configs, data, stages)


def look(run: Run) -> None:
    """Tests a backbone as it is; of phantoms on what was planted too."""
    test(run)
    score_run_on_truth(run.folder)


def pretrain(run: Run) -> None:
    """Pre-trains and tests; a run that was broken off starts anew."""
    shutil.rmtree(run.folder, ignore_errors=True)
    fit_and_test(run)
    score_run_on_truth(run.folder)


def compare_systems(
    comparison: Comparison,
    seeds: Sequence[int],
    out: Path,
    record: Path | None,
    only: Sequence[str] | None,
    pretraining: Overrides,
    fine_tuning: Overrides,
) -> None:
    """Runs what is not there yet, piece by piece; figures of each stand in ``out/PIECE/results.json``.

    Args:
        comparison: What is compared.
        seeds: Seeds of initialisation, order and dropout.
        out: Folder of all runs.
        record: Folder that gets ``systems-PIECE.json`` too.
        only: Names of pieces; None makes all.
        pretraining: Further overrides of every pre-training.
        fine_tuning: Further overrides of every fine-tuning; what is tested alone takes those of the Trainer.

    Raises:
        UsageError: If ``only`` names no piece.
    """
    runs = pretraining_runs(comparison, seeds, out, pretraining)

    def backbones() -> dict[int, Conditions]:
        if comparison.backbones:
            return {seed: {name: start_from(one) for name, one in comparison.backbones.items()} for seed in seeds}
        jobs = runs_at_once()
        run_missing(pretrain, [run for of_seed in runs.values() for run in of_seed.values()], ENTITIES, jobs)
        return {
            seed: {name: start_from(str(run.folder / "backbone")) for name, run in of_seed.items()}
            for seed, of_seed in runs.items()
        }

    def entities(folder: Path) -> list[MetricResult]:
        backbones()
        parts = {
            name: [of_seed[name].folder / ENTITIES for of_seed in runs.values()] for name in comparison.pretraining
        }
        return all_figures(merge_alike(parts, folder / ENTITIES))

    def stage_piece(stage: Stage) -> Piece:
        def make(folder: Path) -> list[MetricResult]:
            arms = {seed: with_text_baseline(stage.task, of_seed) for seed, of_seed in backbones().items()}
            changed = fine_tuning if stage.work is fit_and_test else of_trainer(fine_tuning)
            return all_figures(
                run_arms(stage.work, stage.config, [stage.task], folder, arms, merged(stage.data, changed))
            )

        return make

    pieces = {name: stage_piece(stage) for name, stage in comparison.stages.items()}
    tested = {} if comparison.backbones else {"entities": entities}  # by the pre-trainings themselves
    run_pieces("systems", {**tested, **pieces}, only, out, record)


def pretraining_runs(
    comparison: Comparison, seeds: Sequence[int], out: Path, overrides: Overrides
) -> dict[int, dict[str, Run]]:
    """Seed -> system -> its pre-training, each in ``out/pretraining/SYSTEM-SEED``."""
    changed = merged(comparison.data, COUNTED, overrides)
    return {
        seed: {
            name: Run(config, out / "pretraining" / f"{name}-{seed}", changed, seed)
            for name, config in comparison.pretraining.items()
        }
        for seed in seeds
    }

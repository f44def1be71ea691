"""What the ablation runs: variants of pre-training, what is fine-tuned from each, and what is kept of a run."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gkmvlp.app.experiments.conditions import fit_and_test, seed_words
from gkmvlp.app.experiments.runs import run_missing
from gkmvlp.app.running.planted_truth import score_on_truth
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.figure import Results
from gkmvlp.metrics.results.predictions import read_predictions, write_predictions
from gkmvlp.metrics.results.provenance import ProcessTreePeak, command, commit, created

_KNOWLEDGE = "--model.init_args.architecture.knowledge"
_OBJECTIVES = "--model.init_args.objectives"
FULL = "full"
VARIANTS: dict[str, list[str]] = {  # the options of pre-training that make it
    FULL: [],
    "no-gk": [f"{_KNOWLEDGE}.num_hidden_layers=0", f"{_OBJECTIVES}.position.weight=0"],
    "no-grounding": [f"{_KNOWLEDGE}.region_prior=all"],
    "shuffled": [f"{_KNOWLEDGE}.region_prior=shuffled"],
    "no-position": [f"{_OBJECTIVES}.position.weight=0"],  # shuffled leaves this objective next to nothing to teach
    "leaky": [f"{_KNOWLEDGE}.mode=report"],
    "no-itm": [f"{_OBJECTIVES}.itm.weight=0"],
    "no-lm": [f"{_OBJECTIVES}.lm.weight=0"],
    "no-ecls": [f"{_OBJECTIVES}.ecls.weight=0"],
    "unmentioned-ignored": [f"{_OBJECTIVES}.unmentioned=ignore"],
}
DEFAULT = (FULL, "no-gk", "no-grounding", "shuffled", "leaky")


@dataclass(frozen=True)
class Stage:
    """What is fine-tuned from a variant's backbone.

    Attributes:
        name: Its name among the kept files.
        config: Config of the zoo.
        task: Its predictions file.
        options: Further words.
    """

    name: str
    config: str
    task: str
    options: tuple[str, ...] = ()


STAGES = (
    Stage("classification-1%", "classification-phantom", "classification", ("--data.init_args.train_fraction=0.01",)),
    Stage("classification-100%", "classification-phantom", "classification"),
    Stage("vqa", "vqa-phantom", "vqa"),
    Stage("report", "report-phantom", "report_generation", ("--trainer.max_epochs=5",)),
)
PRETRAINED = ("entity_classification", "zero_shot", "grounding")  # files of pre-training itself
FILES = (*PRETRAINED, *(stage.name for stage in STAGES))


def run_variant(
    variant: str, seed: int, out: Path, data: Path, keep: Path, pretrain: Sequence[str], downstream: Sequence[str]
) -> None:
    """Pre-trains one variant, fine-tunes from it, keeps predictions and figures; a stage that is there is not repeated.

    Args:
        variant: Name in ``VARIANTS``.
        seed: Seed of initialisation, order and dropout.
        out: Folder of all runs.
        data: Root of the phantoms.
        keep: Folder that gets the predictions of a complete run.
        pretrain: Further options of pre-training.
        downstream: Further options of every fine-tuning.
    """
    folder, root, start = out / f"{variant}-{seed}", f"--data.init_args.root={data}", time.monotonic()
    seeds = [word for word in seed_words(seed) if not word.startswith("--model")]

    def pretrained(config: str, place: Path, words: Sequence[str]) -> None:
        score_on_truth(fit_and_test(config, place, words), data)

    with ProcessTreePeak() as peak:
        call = ("zoo://pretrain-phantom", folder, [root, *seeds, *pretrain, *VARIANTS[variant]])
        run_missing(pretrained, [call], "predictions/grounding.parquet", 1)
        begin = [f"--model.init_args.backbone={folder / 'backbone'}", "--model.init_args.architecture=null"]
        for stage in STAGES:
            words = [root, *seed_words(seed), *begin, *stage.options, *downstream]
            call = (f"zoo://{stage.config}", folder / stage.name, words)
            run_missing(fit_and_test, [call], f"predictions/{stage.task}.parquet", 1)
    kept = keep / folder.name
    part = kept.with_name(f".{kept.name}.part")
    _copy_rows(variant, seed, folder, part)
    figures = [replace(figure, predictions=None) for name in FILES for figure in figures_of(part / f"{name}.parquet")]
    seconds = time.monotonic() - start
    Results(created(), command(), commit(), seconds, peak.bytes, figures).write(part / "results.json")
    part.rename(kept)


def _copy_rows(variant: str, seed: int, folder: Path, part: Path) -> None:
    """Copies the rows of the variant, under its name and seed, into a new folder."""
    shutil.rmtree(part, ignore_errors=True)
    sources = {name: folder / "predictions" / f"{name}.parquet" for name in PRETRAINED}
    sources |= {stage.name: folder / stage.name / "predictions" / f"{stage.task}.parquet" for stage in STAGES}
    for name, source in sources.items():
        table, meta = read_predictions(source)
        table = table[table["model"].eq("pretrained")].assign(model=model_name(variant), seed=seed)
        meta = {key: value for key, value in meta.items() if key not in ("signatures", "trained_on")}
        write_predictions(part / f"{name}.parquet", table, meta)


def model_name(variant: str) -> str:
    """What figures call the model of a variant."""
    return "pretrained" if variant == FULL else f"variant:{variant}"

"""Several conditions of one config, compared: pre-trained against from scratch and against floors."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from gkmvlp.app.experiments.runs import fit_and_test, run_missing
from gkmvlp.app.running.run import Overrides, Run, merged, model_overrides
from gkmvlp.metrics.results.predictions import read_predictions, write_predictions

Conditions = Mapping[str, Overrides]  # name -> what it changes in the config, the longest runs first


def initializations(backbone: str) -> dict[str, Overrides]:
    """The two initialisations that every task compares."""
    return {"scratch": model_overrides(backbone=None), "pretrained": model_overrides(backbone=backbone)}


def with_frozen(backbone: str) -> dict[str, Overrides]:
    """The two initialisations, and a detector on an encoder that is frozen."""
    frozen = model_overrides(backbone=backbone, freeze_image_branch=True)
    return {**initializations(backbone), "frozen": frozen}


def with_question_only(backbone: str) -> dict[str, Overrides]:
    """The two initialisations of question answering, and a model that does not see the image."""
    question_only = model_overrides(backbone=backbone, question_only=True)
    return {**initializations(backbone), "question_only": question_only}


def run_conditions(
    task: str,
    config: str,
    out: Path,
    conditions: Conditions,
    seeds: Sequence[int],
    overrides: Overrides,
    jobs: int = 1,
) -> Path:
    """Several conditions of one task, each with every seed; a run that is complete is not run again.

    Args:
        task: Its predictions file.
        config: ``zoo://NAME`` or a file.
        out: Folder of all runs; each gets its own below ``out/task``.
        conditions: What is compared.
        seeds: Seeds of initialisation, order and dropout.
        overrides: Of every run.
        jobs: How many runs go side by side.

    Returns:
        The merged predictions file, ``predictions/<task>.parquet`` below ``out``.
    """
    runs = [
        Run(config, out / task / f"{name}-{seed}", merged(overrides, condition), seed)
        for seed in seeds
        for name, condition in conditions.items()
    ]
    left = f"predictions/{task}.parquet"
    run_missing(fit_and_test, runs, left, jobs)
    return merge([run.folder / left for run in runs], out / left)


def merge(parts: Sequence[Path], target: Path) -> Path:
    """Rows of several predictions files of one task, data set and split in one; equal rows stand once.

    ``boxes`` is null where the files differ in it: no one word holds for all rows. Notes of all files stay, and all
    that any model in them was trained on.

    Returns:
        The target.
    """
    tables, metas = zip(*(read_predictions(part) for part in parts), strict=True)
    table = pd.concat(tables, ignore_index=True)
    units = [name for name in ("question", "entity", "direction", "metric") if name in table]
    table = table.drop_duplicates(["model", "seed", "sample_id", *units], ignore_index=True)
    meta = dict(metas[0])
    if any(other.get("boxes") != meta.get("boxes") for other in metas):
        meta["boxes"] = None
    joined = {
        key: sep.join(_distinct(sep, [other.get(key) for other in metas])) or None for key, sep in _JOINED.items()
    }
    write_predictions(target, table, {**meta, **joined})
    return target


_JOINED = {"note": "; ", "trained_on": ", "}  # metadata of several files in one: what stands between the parts


def _distinct(separator: str, texts: Sequence[str | None]) -> list[str]:
    """The parts of several texts, each once."""
    return list(dict.fromkeys(part for text in texts if text for part in text.split(separator)))

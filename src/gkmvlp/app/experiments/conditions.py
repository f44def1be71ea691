"""Several conditions of one config, compared: a backbone against other starts and against baselines."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from gkmvlp.app.experiments.runs import fit_and_test, run_missing
from gkmvlp.app.running.run import Overrides, Run, merged, model_overrides
from gkmvlp.checkpoints.systems import SYSTEMS
from gkmvlp.metrics.assemble import STARTS
from gkmvlp.metrics.results.predictions import read_predictions, write_predictions

Conditions = Mapping[str, Overrides]  # name -> what it changes in the config, the longest runs first
# predictions file -> the argument of its task that hides the image, after which the baseline is called
TEXT_BASELINES = {"vqa": "question_only", "image_text_classification": "text_only"}


def initializations(backbone: str, without: str = "scratch") -> dict[str, Overrides]:
    """The two initialisations that every task compares.

    Args:
        backbone: Where one starts.
        without: What the one without a backbone is called: ``scratch``, or ``public_weights`` where the config's
            architecture names such.
    """
    return {without: model_overrides(backbone=None), "pretrained": model_overrides(backbone=backbone)}


def with_frozen(backbone: str, without: str = "scratch") -> dict[str, Overrides]:
    """The two initialisations, and a detector on an encoder that is frozen."""
    frozen = model_overrides(backbone=backbone, freeze_image_branch=True)
    return {**initializations(backbone, without), "frozen": frozen}


def with_text_baseline(task: str, arms: Conditions, start: str | None = None) -> dict[str, Overrides]:
    """The arms of a task and, where a text reads the image, a model that does not see it.

    Args:
        task: Its predictions file.
        arms: The arms.
        start: Which of them it starts as; None for the first.
    """
    if (baseline := TEXT_BASELINES.get(task)) is None:
        return dict(arms)
    own = arms[start or next(iter(arms))]
    return {**arms, baseline: merged(own, model_overrides(**{baseline: True}))}


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
    names = [name for _ in seeds for name in conditions]
    runs = [
        Run(config, out / task / f"{name}-{seed}", merged(overrides, condition), seed)
        for seed in seeds
        for name, condition in conditions.items()
    ]
    output = f"predictions/{task}.parquet"
    run_missing(fit_and_test, runs, output, jobs)
    return merge([run.folder / output for run in runs], out / output, names)


def merge(parts: Sequence[Path], target: Path, names: Sequence[str] = ()) -> Path:
    """Rows of several predictions files of one task, data set and split in one; equal rows stand once.

    ``boxes`` is null where the files differ in it: no one word holds for all rows. Notes of all files stay, and all
    that any model in them was trained on.

    Args:
        parts: The files.
        target: The file to write.
        names: Condition of each file; those of ``STARTS`` become the name of its model, those of a system its
            variant. None keeps the tasks' names, which tell a backbone from none and no more.

    Returns:
        The target.
    """
    tables, metas = zip(*(read_predictions(part) for part in parts), strict=True)
    if names:
        tables = tuple(_called(name, table) for name, table in zip(names, tables, strict=True))
    table = pd.concat(tables, ignore_index=True)
    table = table.drop_duplicates(["model", "seed", *_units(table)], ignore_index=True)
    meta = dict(metas[0])
    if any(other.get("boxes") != meta.get("boxes") for other in metas):
        meta["boxes"] = None
    joined = {
        key: sep.join(_distinct(sep, [other.get(key) for other in metas])) or None for key, sep in _JOINED.items()
    }
    write_predictions(target, table, {**meta, **joined})
    return target


def merge_alike(parts: Mapping[str, Sequence[Path]], target: Path) -> list[Path]:
    """Like ``merge``, of arms that may score other rows: a backbone with fewer entities has fewer trials.

    Args:
        parts: Arm -> its files, one a seed.
        target: The file of the first arm and of all that scored its rows; another arm's gets its name at the end.

    Returns:
        The files: differences are paired inside each of them.
    """
    groups: dict[frozenset[tuple[object, ...]], list[str]] = {}
    for name, files in parts.items():
        table = read_predictions(files[0])[0]
        groups.setdefault(frozenset(table[_units(table)].itertuples(index=False, name=None)), []).append(name)
    out: list[Path] = []
    for names in groups.values():
        file = target if not out else target.with_stem(f"{target.stem}-{names[0]}")
        chosen = [(name, part) for name in names for part in parts[name]]
        out.append(merge([part for _, part in chosen], file, [name for name, _ in chosen]))
    return out


def _units(table: pd.DataFrame) -> list[str]:
    """Columns that tell the scored rows of one model and seed apart."""
    return ["sample_id", *(name for name in ("question", "entity", "direction", "metric") if name in table)]


def _called(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a run with its model under the name of its condition, where that says how it started, or as what."""
    called = {**{start: start for start in STARTS}, **{system: f"variant:{system}" for system in SYSTEMS}}
    if name not in called:
        return table
    return table.assign(model=table["model"].replace(["pretrained", "scratch"], called[name]))


_JOINED = {"note": "; ", "trained_on": ", "}  # metadata of several files in one: what stands between the parts


def _distinct(separator: str, texts: Sequence[str | None]) -> list[str]:
    """The parts of several texts, each once."""
    return list(dict.fromkeys(part for text in texts if text for part in text.split(separator)))

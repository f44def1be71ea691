"""From predictions to figures: what every task shares.

A task's module scores a block of rows (one model, one seed, one fold) into curves; this module averages them over
folds, then over seeds, sets baselines and from-scratch beside each model, and reads the intervals off.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gkmvlp.errors import ResultsError
from gkmvlp.metrics.auroc import FloatArray
from gkmvlp.metrics.bootstrap import LEVEL, RESAMPLES, SEED, Resamples, interval, nanmean
from gkmvlp.metrics.results.metric_result import VERSION, MetricResult, Range, signature

Meta = Mapping[str, Any]
BASELINE = "baseline:"
# where a model's weights come from; each is compared with those before it
STARTS = ("scratch", "random_weights", "public_weights", "phantom", "pretrained")


class Key(NamedTuple):
    """Which figure: its name and label."""

    name: str
    label: str | None


@dataclass(frozen=True)
class Scored:
    """One figure over one block of rows.

    Attributes:
        curve_V: The figure under each weighting of the patients; NaN where undefined.
        rows_N: Which rows of the block were scored, bool.
    """

    curve_V: FloatArray
    rows_N: NDArray[np.bool_]


Score = Callable[[pd.DataFrame, NDArray[np.intp], NDArray[np.uint16]], dict[Key, Scored]]


@dataclass(frozen=True)
class Task:
    """What a task's module tells the assembly.

    Attributes:
        columns: Its columns beside the common ones: name -> ``text``, ``number``, ``bool``, ``target`` (1, 0 or
            NaN), ``probability`` (in [0, 1]), ``boxes`` or ``numbers`` (lists); ``?`` at the end admits nulls.
        optional: Columns that a file may lack, with the figures that need them.
        unit: The scored unit, for the signature.
        score: Scores one block of rows (block, unit_N, counts_VG).
        parts: Parts of the signature that are this figure's own.
        notes: Note of each figure of a model's rows, for those that have one.
        constants: Baselines that need no prediction, of one figure.
        lower_is_better: Names of figures of which less is better.
    """

    columns: Mapping[str, str]
    unit: str
    score: Score
    parts: Callable[[Key], dict[str, str]]
    notes: Callable[[pd.DataFrame], dict[Key, str]]
    constants: Callable[[Key], dict[str, float]] = lambda key: {}
    optional: Mapping[str, str] = field(default_factory=dict)
    lower_is_better: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Curves:
    """Everything measured of one model: figure -> seed -> curve, and figure -> (rows of a seed, patients)."""

    by_seed: dict[Key, dict[int, FloatArray]]
    counts: dict[Key, tuple[int, int]]


def signature_of(task: Task, meta: Meta, key: Key, folds: bool) -> str:
    """The signature of one figure of a predictions file."""
    boot = f"{RESAMPLES}x {meta.get('group', 'patient')}{' inside folds' if folds else ''}, seed {SEED}"
    parts = {"metric": key.name, "version": VERSION, "unit": task.unit, "split": meta["split"], "boot": boot}
    return signature(**{**meta["signature"], **task.parts(key), **parts})


def signatures(task: Task, table: pd.DataFrame, meta: Meta) -> list[str]:
    """The signatures of every figure of a table, without computing an interval."""
    if table.empty:
        return []
    block = table[(table["model"] == table["model"].iloc[0]) & (table["seed"] == table["seed"].iloc[0])]
    keys = task.score(block, np.zeros(len(block), int), np.ones((1, 1), np.uint16))
    return sorted({signature_of(task, meta, key, "fold" in table) for key in keys})


def fold_of(table: pd.DataFrame) -> pd.Series:
    """Fold of each row; 0 where the table has none."""
    return table["fold"] if "fold" in table else pd.Series(0, index=table.index)


def curves(task: Task, table: pd.DataFrame, resamples: Resamples | None = None) -> dict[str, Curves]:
    """The curves of every model and baseline of a table, on common resamples.

    Args:
        task: The task.
        table: Its predictions.
        resamples: Those of a larger table that this one is a part of; None draws its own.
    """
    resamples = resamples or Resamples(fold_of(table), table["patient_id"])
    return {str(model): _model_curves(task, rows, resamples) for model, rows in table.groupby("model", sort=True)}


def _model_curves(task: Task, rows: pd.DataFrame, resamples: Resamples) -> Curves:
    by_seed: dict[Key, dict[int, FloatArray]] = {}
    counts: dict[Key, tuple[int, int]] = {}
    for seed, of_seed in rows.groupby("seed", sort=True):
        blocks: dict[Key, list[FloatArray]] = {}
        scored_rows: dict[Key, list[pd.Series]] = {}
        for _, block in of_seed.groupby(fold_of(of_seed), sort=True):
            unit_N = resamples.unit_of(fold_of(block), block["patient_id"])
            for key, scored in task.score(block, unit_N, resamples.counts_VG).items():
                blocks.setdefault(key, []).append(scored.curve_V)
                scored_rows.setdefault(key, []).append(block.loc[scored.rows_N, "patient_id"])
        for key, parts in blocks.items():
            patients = pd.concat(scored_rows[key])
            by_seed.setdefault(key, {})[int(seed)] = nanmean(np.stack(parts))
            counts[key] = (len(patients), patients.nunique())
    return Curves(by_seed, counts)


def mean_over_seeds(of_seed: Mapping[int, FloatArray]) -> FloatArray:
    """(V,) mean of the seeds' curves."""
    return np.mean(list(of_seed.values()), axis=0)


def difference(a: Mapping[int, FloatArray], b: Mapping[int, FloatArray]) -> FloatArray:
    """The curve of a - b (V,), paired: same resamples, mean over the seeds that both have.

    Raises:
        ResultsError: If they have no seed in common.
    """
    common = sorted(set(a) & set(b))
    if not common:
        raise ResultsError(
            f"a paired difference needs common seeds, got {sorted(a)} and {sorted(b)}; run the same seeds"
        )
    return np.mean([a[seed] - b[seed] for seed in common], axis=0)


def span(curve_V: FloatArray) -> Range:
    """Value and interval of a curve, null where undefined."""
    estimate = interval(curve_V)
    return {name: _null(getattr(estimate, name)) for name in ("value", "low", "high")}


def _null(number: float) -> float | None:
    return None if math.isnan(number) else number


def figures(task: Task, table: pd.DataFrame, meta: Meta) -> list[MetricResult]:
    """One figure a model and key, baselines and paired differences beside it."""
    measured = curves(task, table)
    out = []
    for model in (name for name in measured if not name.startswith(BASELINE)):
        notes = task.notes(table[table["model"] == model])
        for key in measured[model].by_seed:
            out.append(_figure(task, meta, key, model, measured, notes.get(key), "fold" in table))
    return out


def _figure(
    task: Task, meta: Meta, key: Key, model: str, measured: Mapping[str, Curves], note: str | None, folds: bool
) -> MetricResult:
    of_seed = measured[model].by_seed[key]
    curve_V = mean_over_seeds(of_seed)
    baselines, against = _beside(task, key, model, measured)
    undefined = int(np.isnan(curve_V[1:]).sum())
    notes = [note or ("undefined on these rows" if np.isnan(curve_V[0]) else None), meta.get("note")]
    if undefined and not np.isnan(curve_V[0]):
        notes.append(f"undefined in {undefined} of {RESAMPLES} resamples")
    values = [curve[0] for curve in of_seed.values()]
    n, n_patients = measured[model].counts[key]
    estimate = span(curve_V)
    return MetricResult(
        task=meta["task"], name=key.name, label=key.label, model=model, data=meta["data"], split=meta["split"],
        boxes=meta.get("boxes"), label_fraction=meta.get("label_fraction"), level=LEVEL, n=n, n_patients=n_patients,
        seeds=len(of_seed), seed_sd=_null(float(np.std(values, ddof=1))) if len(values) > 1 else None,
        signature=signature_of(task, meta, key, folds), baselines={name: span(c) for name, c in baselines.items()},
        difference=against, note="; ".join(filter(None, notes)) or None,
        value=estimate["value"], low=estimate["low"], high=estimate["high"],
        higher_is_better=key.name not in task.lower_is_better,
    )  # fmt: skip


def _beside(
    task: Task, key: Key, model: str, measured: Mapping[str, Curves]
) -> tuple[dict[str, FloatArray], dict[str, Range]]:
    """Curves of the baselines, and the model's differences from them and from lesser starts; a variant's from two."""
    of_seed = measured[model].by_seed[key]
    rivals: dict[str, Mapping[int, FloatArray]] = {}
    for name, other in measured.items():
        if name.startswith(BASELINE) and key in other.by_seed:
            rivals[name.removeprefix(BASELINE)] = other.by_seed[key]
    for name, value in task.constants(key).items():
        rivals[name] = {0: np.full_like(next(iter(of_seed.values())), value)}
    baselines = {name: mean_over_seeds(rival) for name, rival in rivals.items()}
    # A baseline of one seed has no randomness of its own: it stands beside every seed of the model.
    rivals = {n: dict.fromkeys(of_seed, baselines[n]) if len(rival) == 1 else rival for n, rival in rivals.items()}
    compared = STARTS[: STARTS.index(model)] if model in STARTS else ("scratch", "pretrained")
    for name in compared:
        if name in measured and key in measured[name].by_seed:
            rivals[name] = measured[name].by_seed[key]
    return baselines, {name: span(difference(of_seed, rival)) for name, rival in rivals.items()}

"""Figures by sex, age, view and source: of each group that is large enough, and the gap between best and worst.

Patients are drawn once for all groups, so that a gap is paired: a patient who has images in two groups is drawn in
both. Best and worst are those of the values, not of each resample; that one group is worst by chance alone is what the
interval of the gap tells. Nothing is corrected for the number of comparisons.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gkmvlp.errors import UsageError
from gkmvlp.metrics.assemble import Curves, Key, Task, curves, fold_of, mean_over_seeds, signature_of, span
from gkmvlp.metrics.auroc import FloatArray
from gkmvlp.metrics.bootstrap import Resamples
from gkmvlp.metrics.results.group_result import COLUMNS, FEWEST, Group, GroupedResult
from gkmvlp.metrics.results.metric_result import Range

AGES = ("under 40", "40 to 59", "60 and over")
UNGROUPED = ("retrieval",)  # tasks whose rows are ranked among those of all groups


def age_group(age: float) -> str | None:
    """The age group of years; None where the age is unknown or none that a patient has."""
    if not 0 <= age <= 120:
        return None
    return AGES[(age >= 40) + (age >= 60)]


def group_of(table: pd.DataFrame, by: str) -> pd.Series:
    """Group of each row, null where it is not known; numbers in the column ``age`` are years.

    Args:
        table: Predictions.
        by: A column.
    """
    column = table[by]
    if by == "age":
        return pd.to_numeric(column).map(age_group)
    return column.where(column.notna() & (column.astype(str) != "")).map(str, na_action="ignore")


def with_group_columns(table: pd.DataFrame, told: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """Predictions with what a data set knows of the groups of their rows; what they have themselves stays.

    Args:
        table: Predictions.
        told: ``sample_id`` and columns of ``COLUMNS``, a row a sample.
    """
    known = pd.DataFrame(told).set_index("sample_id")
    new = [name for name in known if name not in table]
    return table.assign(**{str(name): table["sample_id"].map(known[name]) for name in new})


def known_columns(table: pd.DataFrame) -> list[str]:
    """Those of ``COLUMNS`` that a table has with two groups or more."""
    return [name for name in COLUMNS if name in table and group_of(table, name).nunique() > 1]


def grouped(task: Task, table: pd.DataFrame, meta: Mapping[str, Any], by: Sequence[str]) -> list[GroupedResult]:
    """The main figures of every model and baseline by each column.

    Args:
        task: The task of the predictions.
        table: The predictions.
        meta: Their metadata.
        by: Columns.

    Raises:
        UsageError: If the table lacks one.
    """
    for name in by:
        if name not in table:
            known = [column for column in COLUMNS if column in table]
            has = f"has {', '.join(known)}" if known else "has none of sex, age, view and source"
            raise UsageError(f"by {name}: the predictions of {meta['task']} {has}; test again with data that know it")
    if meta["task"] in UNGROUPED:
        return []
    resamples = Resamples(fold_of(table), table["patient_id"])
    return [figure for name in by for figure in _by(task, table, meta, name, resamples)]


def _by(task: Task, table: pd.DataFrame, meta: Mapping[str, Any], by: str, resamples: Resamples) -> list[GroupedResult]:
    group_N = group_of(table, by)
    names = [name for name in AGES if (group_N == name).any()] if by == "age" else sorted(group_N.dropna().unique())
    rows = {name: table[group_N == name] for name in names}
    measured = {
        name: curves(task, part, resamples) if part["patient_id"].nunique() >= FEWEST else {}
        for name, part in rows.items()
    }
    # where every group is too small, the figures are those of the whole: each has its row, which says so
    whole = {} if any(measured.values()) else curves(task, table, resamples)
    out = []
    for model in sorted(set(table["model"])):
        of_groups = {name: measured[name][model] for name in names if model in measured[name]}
        known = [*of_groups.values(), *([whole[model]] if model in whole else [])]
        keys = dict.fromkeys(key for one in known for key in one.by_seed if key.label in (None, "all"))
        of_model, seeds = table["model"] == model, table.loc[table["model"] == model, "seed"].nunique()
        unknown = int((of_model & group_N.isna()).sum()) // seeds
        for key in keys:
            out.append(_figure(task, meta, by, model, key, rows, of_groups, unknown, "fold" in table))
    return out


def _figure(
    task: Task,
    meta: Mapping[str, Any],
    by: str,
    model: str,
    key: Key,
    rows: Mapping[str, pd.DataFrame],
    of_groups: Mapping[str, Curves],
    unknown: int,
    folds: bool,
) -> GroupedResult:
    """One figure of one model: its groups, and the gap between the best and the worst of them."""
    curve = {name: mean_over_seeds(one.by_seed[key]) for name, one in of_groups.items() if key in one.by_seed}
    groups = []
    for name, part in rows.items():
        own = part[part["model"] == model]
        n, patients = len(own) // max(own["seed"].nunique(), 1), own["patient_id"].nunique()
        if name in curve:
            n, patients = of_groups[name].counts[key]
        found = span(curve[name]) if name in curve else {"value": None, "low": None, "high": None}
        groups.append(Group(name, n, patients, **found))
    known = [group for group in groups if group.value is not None]
    known.sort(key=lambda group: group.value or 0, reverse=key.name in task.lower_is_better)
    gap: Range = {"value": None, "low": None, "high": None}
    worst, best = (known[0].group, known[-1].group) if len(known) > 1 else (None, None)
    if worst is not None and best is not None:
        gap = span(_distance(curve[best], curve[worst], key.name in task.lower_is_better))
    how = signature_of(task, meta, key, folds).split("|")
    how = sorted([*how, f"by:{by}", f"fewest:{FEWEST} patients"])
    return GroupedResult(
        meta["task"], key.name, key.label, model, meta["data"], meta["split"], by, groups, unknown, worst, best,
        gap["value"], gap["low"], gap["high"], "|".join(how),
    )  # fmt: skip


def _distance(best_V: FloatArray, worst_V: FloatArray, lower_is_better: bool) -> FloatArray:
    return np.asarray(worst_V - best_V if lower_is_better else best_V - worst_V)

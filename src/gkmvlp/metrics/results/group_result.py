"""A figure by groups of patients, and the gap between the best and the worst of them. Standard library alone."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

COLUMNS = ("sex", "age", "view", "source")  # of predictions, where the data set knows them
FEWEST = 30  # patients of a group that gets a figure
TOO_FEW = "too few"


@dataclass(frozen=True)
class Group:
    """One group.

    Attributes:
        group: Its name.
        n: Its scored units of one seed.
        n_patients: Its patients.
        value: The figure; null where the group is too small, or the figure undefined on it.
        low: Lower end of the interval.
        high: Upper end.
    """

    group: str
    n: int
    n_patients: int
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class GroupedResult:
    """A figure of one model by one column.

    Attributes:
        task: As of the figure.
        name: Likewise.
        label: Likewise.
        model: Likewise; ``baseline:NAME`` of a baseline.
        data: Likewise.
        split: Likewise.
        by: The column: ``sex``, ``age``, ``view``, ``source``, or another of the predictions.
        groups: The groups in order of their names, ages in order.
        unknown: Scored units of one seed whose group is not known.
        worst: The group with the worst value among those with one; null where fewer than two have any.
        best: The one with the best.
        gap: Distance of the two values, at least 0.
        gap_low: Lower end of its interval; below 0 means that the order may be chance.
        gap_high: Upper end.
        signature: How the figure was computed, with ``by`` and ``fewest``.
    """

    task: str
    name: str
    label: str | None
    model: str
    data: str
    split: str
    by: str
    groups: list[Group]
    unknown: int
    worst: str | None
    best: str | None
    gap: float | None
    gap_low: float | None
    gap_high: float | None
    signature: str


def grouped_from_json(rows: Sequence[Mapping[str, Any]]) -> list[GroupedResult]:
    """Grouped figures out of parsed JSON."""
    return [GroupedResult(**{**row, "groups": [Group(**group) for group in row["groups"]]}) for row in rows]


def grouped_to_json(figures: Sequence[GroupedResult]) -> list[dict[str, Any]]:
    """The reverse of ``grouped_from_json``."""
    return [dataclasses.asdict(figure) for figure in figures]

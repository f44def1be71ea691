"""The paired difference of the same figure in two results files."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import pandas as pd

from gkmvlp.errors import ResultsError
from gkmvlp.metrics.assemble import Curves, Key, curves, difference, fold_of, mean_over_seeds, span
from gkmvlp.metrics.protocols import PROTOCOLS
from gkmvlp.metrics.results.metric_result import MetricResult, Range, Results
from gkmvlp.metrics.results.partial import part_of, whole_of
from gkmvlp.metrics.results.predictions import read_predictions
from gkmvlp.metrics.results.tables import interval

_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Comparison:
    """One figure in two files: both figures and the interval of a - b."""

    a: MetricResult
    b: MetricResult
    difference: Range


def compare(a: Results, b: Results) -> list[Comparison]:
    """Every figure that both files hold, with its paired difference a - b.

    Figures pair by task, name, label, data, model, boxes and label fraction. Where that finds nothing, a figure that
    is alone of its task, name, label and data on both sides pairs too, so that two models can be compared.

    Raises:
        ResultsError: If nothing pairs, signatures differ, predictions are absent, are of other patients or no longer
            give the figure, or no seed is common.
    """
    pairs = _pairs([f for f in a.figures if f.predictions], [f for f in b.figures if f.predictions])
    if not pairs:
        raise ResultsError("nothing to compare: the two results files share no figure (task, name, label, data)")
    return [Comparison(x, y, _paired(x, y)) for x, y in pairs]


def table_rows(comparison: Sequence[Comparison]) -> list[list[object]]:
    """Figure, both values with their intervals, the difference with its own, and rows and patients."""
    return [
        [
            " ".join(filter(None, (one.a.task, one.a.name, one.a.label))),
            *(interval({"value": side.value, "low": side.low, "high": side.high}) for side in (one.a, one.b)),
            interval(one.difference),
            f"{one.a.n:,} ({one.a.n_patients:,})",
        ]
        for one in comparison
    ]


def _pairs(a: Sequence[MetricResult], b: Sequence[MetricResult]) -> list[tuple[MetricResult, MetricResult]]:
    """Figures of the same thing, in the order of ``a``."""

    def what(figure: MetricResult) -> tuple[object, ...]:
        return figure.task, figure.name, figure.label, figure.data

    def exact(figure: MetricResult) -> tuple[object, ...]:
        return *what(figure), figure.model, figure.boxes, figure.label_fraction

    out = []
    for x in a:
        same = [y for y in b if exact(x) == exact(y)]
        alone = [y for y in b if what(x) == what(y)]
        if not same and len(alone) == 1 and sum(what(x) == what(other) for other in a) == 1:
            same = alone
        out += [(x, y) for y in same]
    return out


def _paired(a: MetricResult, b: MetricResult) -> Range:
    """The interval of a - b on common resamples and seeds."""
    if a.split != b.split and whole_of(a.split) == whole_of(b.split):
        raise ResultsError(f"{a.task} {a.name}: {_unlike(a.split, b.split)}; test both on the whole split")
    if a.signature != b.signature:
        parts = set(a.signature.split("|")) ^ set(b.signature.split("|"))
        raise ResultsError(
            f"{a.task} {a.name}: signatures differ in {', '.join(sorted(parts))}; compare like with like"
        )
    file_a, file_b = _measured(str(a.predictions)), _measured(str(b.predictions))
    if not file_a.units.equals(file_b.units):
        raise ResultsError(f"{a.predictions} and {b.predictions}: expected the same samples and patients in both")
    key = Key(a.name, a.label)
    sides = []
    for figure, file in ((a, file_a), (b, file_b)):
        of_seed = file.by_model[str(figure.model)].by_seed[key] if str(figure.model) in file.by_model else {}
        now = span(mean_over_seeds(of_seed))["value"] if of_seed else None
        if (now is None) != (figure.value is None) or abs((now or 0) - (figure.value or 0)) > _TOLERANCE:
            raise ResultsError(
                f"{figure.predictions}: gives {now} for {figure.name}, results say {figure.value}; rerun"
            )
        sides.append(of_seed)
    return span(difference(sides[0], sides[1]))


def _unlike(split_a: str | None, split_b: str | None) -> str:
    """In words what two figures of one split are of, where one of them at least is of a part."""
    partial = [part_of(split) for split in (split_a, split_b)]
    whole = next(filter(None, partial)).rpartition(" of ")[2]  # ``451``, or of merged folds ``5 folds in part``
    if whole.endswith(" folds in part"):
        one, other = (part.partition(" of ")[0] if part else "none" for part in partial)
        return f"{whole_of(split_a)}: one has {one} of its {whole}, the other {other}"
    one, other = (part or f"all {whole}" for part in partial)
    return f"one is of {one} rows of {whole_of(split_a)}, the other of {other}"


@dataclass(frozen=True)
class _File:
    by_model: dict[str, Curves]
    units: pd.Series


@cache
def _measured(path: str) -> _File:
    """Curves of a predictions file and its sorted (sample, patient, fold)."""
    table, meta = read_predictions(path)
    units = table["sample_id"].astype(str) + "|" + table["patient_id"].astype(str) + "|" + fold_of(table).astype(str)
    return _File(curves(PROTOCOLS[meta["task"]], table), units.drop_duplicates().sort_values(ignore_index=True))

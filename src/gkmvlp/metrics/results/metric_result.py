"""A figure, its signature, and the results file that holds figures (schema 1)."""

import dataclasses
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gkmvlp.errors import ResultsError
from gkmvlp.metrics.results.group_result import GroupedResult, grouped_from_json
from gkmvlp.task_ids import SCORED
from gkmvlp.whole_files import replacing

SCHEMA = 1
# Raised when a definition in this package changes a number; two figures of different versions do not compare.
VERSION = "1"
TASKS = (*SCORED, "labeler", "gate", "bench")  # the last three measure the package, no model

Range = dict[str, float | None]
"""``{value, low, high}`` of a baseline or a difference."""


def signature(**parts: object) -> str:
    """How a figure was computed: ``key:value`` sorted by key and joined by ``|``.

    Raises:
        ResultsError: If a value holds ``|``, which would make two signatures alike.
    """
    for key, value in parts.items():
        if "|" in str(value):
            raise ResultsError(f"signature: the value of {key} may not hold '|', got {value!r}")
    return "|".join(f"{key}:{parts[key]}" for key in sorted(parts))


@dataclass(frozen=True)
class MetricResult:
    """One number with what is needed to read and repeat it.

    Attributes:
        task: One of ``TASKS``.
        name: The figure's name, such as ``pointing_game``.
        label: None for the main figure, else the entity, ``all``, ``frequent`` or ``vqav2``.
        model: Where its weights come from (``pretrained``, ``phantom``, ``public_weights``, ``random_weights``,
            ``scratch``), or
            ``variant:<name>``; None where no model is measured.
        data: Corpus, such as ``phantom-vqa-rad``.
        split: ``<name>@<12 of the manifest's SHA-256>``.
        boxes: ``atlas``, ``dataset``, ``detected`` or None.
        label_fraction: Share of the training labels that were used, in [0, 1].
        value: Mean over seeds; None where undefined (the note says why).
        low: Lower end of the interval.
        high: Upper end of the interval.
        level: Coverage of the interval.
        n: Scored units of one seed.
        n_patients: Patients (resampling groups) among them.
        seeds: Number of seeds.
        seed_sd: Standard deviation over seeds (n - 1); None for one seed.
        higher_is_better: Direction.
        signature: How it was computed.
        predictions: The predictions file; in the results file relative to it, in memory from the working folder.
        baselines: Baseline name -> its range.
        difference: Another model or baseline -> paired difference of this model's value.
        note: What was left out, and why a value is missing.
    """

    task: str
    name: str
    value: float | None
    signature: str
    label: str | None = None
    model: str | None = None
    data: str | None = None
    split: str | None = None
    boxes: str | None = None
    label_fraction: float | None = None
    low: float | None = None
    high: float | None = None
    level: float | None = None
    n: int | None = None
    n_patients: int | None = None
    seeds: int | None = None
    seed_sd: float | None = None
    higher_is_better: bool = True
    predictions: str | None = None
    baselines: dict[str, Range] = field(default_factory=dict)
    difference: dict[str, Range] = field(default_factory=dict)
    note: str | None = None

    def __post_init__(self) -> None:
        """Refuse an unknown task, a number that JSON cannot hold, and a missing value without a reason."""
        where = f"figure {self.task}/{self.name}/{self.label}/{self.model}"
        if self.task not in TASKS:
            raise ResultsError(f"{where}: task must be one of {', '.join(TASKS)}")
        numbers = [self.value, self.low, self.high, self.seed_sd]
        numbers += [x for span in (*self.baselines.values(), *self.difference.values()) for x in span.values()]
        if any(x is not None and not math.isfinite(x) for x in numbers):
            raise ResultsError(f"{where}: numbers must be finite or null")
        if self.value is None and not self.note:
            raise ResultsError(f"{where}: a figure without a value needs a note that says why")

    @property
    def key(self) -> tuple[object, ...]:
        """What is unique in a results file."""
        names = ("task", "name", "label", "model", "data", "split", "boxes", "label_fraction")
        return tuple(getattr(self, name) for name in names)


FIELDS = tuple(f.name for f in dataclasses.fields(MetricResult))
FORMER_FIELDS = {"floors": "baselines"}  # what files that were written before call a field, and what it is now


def metric_results_from_json(rows: Sequence[Mapping[str, Any]], source: Path) -> list[MetricResult]:
    """Figures out of parsed JSON.

    Raises:
        ResultsError: If a figure has not exactly the fields of ``MetricResult``, or two have the same key.
    """
    rows = [{FORMER_FIELDS.get(key, key): value for key, value in row.items()} for row in rows]
    for row in rows:
        if set(row) != set(FIELDS):
            odd = sorted(set(row) ^ set(FIELDS))
            raise ResultsError(f"{source}: a figure has exactly the fields of schema {SCHEMA}, differing: {odd}")
    figures = [MetricResult(**row) for row in rows]
    check_unique(figures, str(source))
    return figures


def check_unique(figures: Sequence[MetricResult], source: str) -> None:
    """Raise ``ResultsError`` if two figures have the same key."""
    keys: set[tuple[object, ...]] = set()
    for figure in figures:
        if figure.key in keys:
            raise ResultsError(f"{source}: two figures with the key {figure.key}; each key may stand once")
        keys.add(figure.key)


@dataclass
class Results:
    """A results file.

    Attributes:
        created: Time of writing, ISO 8601, UTC.
        command: The command that made it.
        commit: Commit of the code, or None outside a checkout.
        seconds: Wall-clock time of the command.
        peak_rss_bytes: Highest resident memory of the process tree.
        figures: The figures.
        groups: The main ones by groups of patients, where the predictions know them; files of before have none.
    """

    created: str
    command: str
    commit: str | None
    seconds: float
    peak_rss_bytes: int
    figures: list[MetricResult]
    groups: list[GroupedResult] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Write the file under its name in one step, paths of predictions relative to it.

        Raises:
            ResultsError: If two figures have the same key.
        """
        check_unique(self.figures, str(path))
        out = {"schema": SCHEMA, **dataclasses.asdict(self)}
        if not self.groups:
            del out["groups"]
        for row in out["figures"]:
            if row["predictions"] is not None:
                row["predictions"] = Path(os.path.relpath(row["predictions"], path.parent)).as_posix()
        write_text(path, json.dumps(out, indent=1, allow_nan=False) + "\n")

    @classmethod
    def read(cls, path: Path) -> "Results":
        """Read the file; ``predictions`` are paths from the working folder.

        Raises:
            ResultsError: If it is absent, not JSON, of another schema or malformed.
        """
        out = read_json(path)
        if out.get("schema") != SCHEMA:
            raise ResultsError(f"{path}: expected results of schema {SCHEMA}, got {out.get('schema')!r}; write it anew")
        names = {f.name for f in dataclasses.fields(cls)} - {"groups"}
        if not names <= set(out):
            raise ResultsError(f"{path}: results of schema {SCHEMA} lack {sorted(names - set(out))}; write them anew")
        rows = out["figures"]
        for row in rows:
            if row.get("predictions") is not None:
                row["predictions"] = os.path.normpath(path.parent / row["predictions"])
        rest = {name: out[name] for name in names - {"figures"}}
        return cls(
            **rest,
            figures=metric_results_from_json(rows, path),
            groups=grouped_from_json(out.get("groups", [])),
        )


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        ResultsError: If the file is absent or holds no JSON object.
    """
    try:
        out = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ResultsError(f"{path}: expected a results file, {error.strerror}; name an existing file") from error
    except ValueError as error:
        raise ResultsError(f"{path}: expected a results file in JSON, {error}; write it anew") from error
    if not isinstance(out, dict):
        raise ResultsError(f"{path}: expected a JSON object, got {type(out).__name__}; write it anew")
    return out


def write_text(path: Path, text: str) -> None:
    """Write a file under its name in one step, so that nobody reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")

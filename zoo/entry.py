"""The entry of a released model: its fields, and from YAML and back. Standard library and yaml alone."""

import dataclasses
import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from gkmvlp.checkpoints.references import PINNED as PINNED_MODEL
from gkmvlp.errors import ZooError
from gkmvlp.metrics.results.group_result import GroupedResult
from gkmvlp.task_ids import RELEASED
from gkmvlp.zoo.schema import SchemaError, build

SCHEME = "zoo://"
FORMAT = 1
PACKAGED = Path(__file__).parent / "models"
SUFFIXES = (".safetensors", ".json", ".txt", ".yaml", ".md")  # what a model may consist of: nothing that runs
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
PINNED = re.compile(r"hf://[\w.-]+/[\w.-]+@[0-9a-f]{40}(/[\w./-]+)?")


@dataclass(frozen=True)
class File:
    """A file of a model: its name, size in bytes and SHA-256 in hex."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Licences:
    """What may be done with the code, the weights and the data behind them."""

    code: str
    weights: str
    data: str


@dataclass(frozen=True)
class Result:
    """A figure with its interval; the fields are those of ``gkmvlp.metrics.results.metric_result.MetricResult``."""

    task: str
    name: str
    label: str | None
    data: str | None
    split: str | None
    boxes: str | None
    value: float | None
    low: float | None
    high: float | None
    level: float | None
    n: int | None
    n_patients: int | None
    seeds: int | None
    signature: str


ABSENT: dict[str, Any] = {"groups": [], "system": "gk_mvlp"}  # what a field that is left out stands for


@dataclass(frozen=True)
class Entry:
    """A released model.

    Attributes:
        name: Lower case; the file is called after it.
        task: One of ``gkmvlp.task_ids.RELEASED``.
        summary: One line.
        architecture: One line: encoder, widths, entities.
        system: Name of the system, of ``gkmvlp.checkpoints.systems``; an entry of GK-MVLP leaves the field out.
        backbone: ``zoo://NAME@DIGEST`` of the model it was fine-tuned from, or null.
        files: All of its files.
        sources: Where they lie: ``https://...``, ``hf://org/repo@COMMIT`` or a folder beside the entry.
        licences: Of code, weights and data.
        config: The one of ``files`` that holds the training config.
        seed: Seed of the training.
        manifests: Data set -> SHA-256 of who was in which split.
        trained_on: Data sets, first to last.
        results: Figures.
        groups: The same by groups of patients, where the data know them; an entry without any leaves the field out.
        limits: What it cannot do, a line each.
        format: Version of this layout; stands last, so that an entry cut short lacks it.
        origin: File or address that the entry was read from; not in the file.
    """

    name: str
    task: str
    summary: str
    architecture: str
    system: str = field(default="gk_mvlp", kw_only=True)
    backbone: str | None
    files: list[File]
    sources: list[str]
    licences: Licences
    config: str
    seed: int
    manifests: dict[str, str]
    trained_on: list[str]
    results: list[Result]
    groups: list[GroupedResult] = field(default_factory=list, kw_only=True)
    limits: list[str]
    format: int
    origin: str = field(default="", metadata={"stored": False}, compare=False)

    @property
    def digest(self) -> str:
        """12 hex digits that stand for the names and contents of all files."""
        lines = sorted(f"{file.name} {file.sha256}\n" for file in self.files)
        return hashlib.sha256("".join(lines).encode()).hexdigest()[:12]

    @property
    def reference(self) -> str:
        """The reference that means exactly these files."""
        return f"{SCHEME}{self.name}@{self.digest}"

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def packaged_folder(self) -> Path | None:
        """The folder of its files where they come with the package, else None."""
        is_ours = Path(self.origin).parent == PACKAGED
        return next((PACKAGED / source for source in self.sources if is_ours and "://" not in source), None)


def parse(text: str, origin: str) -> Entry:
    """An entry out of YAML.

    Args:
        text: The YAML.
        origin: File or address it came from, named in errors; relative sources start there.

    Raises:
        ZooError: If it is no YAML, of a newer format, or a field is missing, unknown or wrong; the line is named.
    """
    try:
        entry = dataclasses.replace(build(text, Entry, newest=FORMAT), origin=origin)
    except SchemaError as mistake:
        raise ZooError(f"{origin}, line {mistake.line}: {mistake}") from mistake
    for problem in _problems(entry):
        raise ZooError(f"{origin}: {problem}")
    return entry


def _problems(entry: Entry) -> list[str]:
    """What is wrong with the values of an entry."""
    names = [file.name for file in entry.files]
    problems = [f"task {entry.task!r} is none of {', '.join(RELEASED)}"] if entry.task not in RELEASED else []
    problems += [f"name {entry.name!r}: lower-case letters, digits, . _ - expected"] * (not fits(NAME, entry.name))
    for file in entry.files:
        if not fits(FILE_NAME, file.name):
            problems += [f"file {file.name!r}: a plain name expected, no folder"]
        elif not file.name.endswith(SUFFIXES):
            problems += [f"file {file.name!r}: only {', '.join(SUFFIXES)} are taken; weights: gkmvlp zoo convert"]
        if not fits(_SHA256, file.sha256) or file.size < 0:
            problems += [f"file {file.name!r}: sha256 of 64 hex digits and a size expected"]
    problems += ["two files of one name"] if len(set(names)) != len(names) else []
    problems += ["files and sources may not be empty"] if not names or not entry.sources else []
    problems += [f"config {entry.config!r} is none of its files"] if entry.config not in names else []
    if entry.backbone and not fits(PINNED_MODEL, entry.backbone):
        problems += [f"backbone {entry.backbone}: zoo://NAME@DIGEST expected"]
    problems += ["a fine-tuned model needs its config.json"] if entry.backbone and "config.json" not in names else []
    for source in entry.sources:
        if source.startswith("hf://") and not fits(PINNED, source):
            problems += [f"source {source}: hf://org/repo@COMMIT with the 40 hex digits of a commit expected"]
    bare = [f"{result.task}/{result.name}" for result in entry.results if "metric:" not in result.signature]
    return problems + [f"result {name} has no signature" for name in bare]


def fits(pattern: re.Pattern[str], text: str) -> bool:
    """Whether the whole text is of that form."""
    return pattern.fullmatch(text) is not None


def content(entry: Entry) -> dict[str, Any]:
    """What stands in the file of an entry."""
    rows = dataclasses.asdict(entry).items()
    return {name: value for name, value in rows if name != "origin" and not (name in ABSENT and value == ABSENT[name])}


def dump(entry: Entry) -> str:
    """The YAML of an entry."""
    return yaml_text(content(entry))


def yaml_text(fields: dict[str, Any]) -> str:
    """Fields as YAML, in their order."""
    return yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=120)


def source_urls(entry: Entry) -> list[str]:
    """The sources of an entry as addresses and folders; relative ones start where the entry was read."""
    start = entry.origin.rpartition("/")[0] if "://" in entry.origin else str(Path(entry.origin).parent)
    return [
        source if "://" in source or Path(source).is_absolute() else f"{start}/{source}" for source in entry.sources
    ]


def is_entry_address(reference: str) -> bool:
    """Whether a reference is the address of an entry, not a name."""
    return reference.endswith(".yaml") or "://" in reference.replace(SCHEME, "")

"""What ``gkmvlp data check`` says of a data set: what is there, what is missing or left out and why."""

import importlib
import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from jsonargparse import get_loader

import gkmvlp.data_modules as data_modules
from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.inspection.explain import STATUS
from gkmvlp.data_modules.inspection.overlaps import Overlap, overlaps_of, sides_of
from gkmvlp.data_modules.inspection.thumbnails import thumbnail
from gkmvlp.data_modules.pipeline.images import ImageError
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.data_modules.pipeline.splits import SPLITS
from gkmvlp.data_modules.pipeline.transforms import Pixels
from gkmvlp.entities import ENTITIES
from gkmvlp.errors import ConfigError, DataError, UsageError, nearest
from gkmvlp.geometry import Letterbox
from gkmvlp.report.labeler import label_report
from gkmvlp.texts import letters

# Above this many images only --images decodes them all.
AUTO_IMAGES = 5_000
_EXAMPLES = 3


def class_names() -> list[str]:
    """Names of the DataModules."""
    return [name for name in data_modules.__all__ if name != "DataModule"]


def build(name: str, config: Path | None, root: str | None, **changed: Any) -> DataModule:
    """A DataModule by class name or path, or as a config describes it.

    Args:
        name: Name of a class of this package, path of any other (``my_module.OpenI``), or the config's name for errors.
        config: The config file, or None where ``name`` is a class.
        root: Folder of the data (for ``ImageReportPairs`` the table); wins over the config's.
        **changed: Further arguments that win over the config's.

    Raises:
        UsageError: If there is no such class.
        ConfigError: If the config has no ``data`` part, or a value of it does not fit.
    """
    arguments: dict[str, Any] = {}
    if config is not None:
        data = (get_loader("yaml")(config.read_text(encoding="utf-8")) or {}).get("data")  # as fit reads it
        if not isinstance(data, dict) or "class_path" not in data:
            raise ConfigError(f"{config} has no data: class_path, so there is nothing to check")
        name, arguments = str(data["class_path"]), dict(data.get("init_args") or {})
    kind = find_class(name)
    known = {key for base in kind.__mro__ for key in inspect.signature(base.__init__).parameters}  # type: ignore[misc]
    where = kind.location_key
    arguments |= {where: root} if root is not None else {}
    arguments |= changed
    if where in known and arguments.get(where) is None and not _has_default(kind, where):
        raise UsageError(f"where does {name} lie? name it with --root")
    if strange := sorted(set(arguments) - known):
        own = ", ".join(key for key in inspect.signature(kind).parameters if key != "kwargs")
        near = nearest(strange[0], known, 0.6)
        remedy = f"did you mean {near}?" if near else f"it takes {own} and what all take"
        where = f"{config}: " if config else ""
        raise ConfigError(f"{where}{kind.__name__} has no {strange[0]!r}; {remedy}")
    try:
        return kind(**{key: _made(value) for key, value in arguments.items()})
    except TypeError as error:
        named = [each for each in inspect.signature(kind).parameters.values() if each.kind is not each.VAR_KEYWORD]
        lacking = [each.name for each in named if each.default is each.empty and each.name not in arguments]
        remedy = f"; add --data.init_args.{lacking[0]}=VALUE" if lacking else ""
        raise ConfigError(f"{name} cannot be made: {error}{remedy}") from error


def _has_default(kind: type, name: str) -> bool:
    """Whether a class knows a value for an argument, as somebody's own may where its data lies."""
    parameter = inspect.signature(kind).parameters.get(name)
    return parameter is not None and parameter.default not in (parameter.empty, None)


def _made(value: Any) -> Any:
    """A value of a config with the DataModules that it describes, as ``MixedCorpora`` has them."""
    if not isinstance(value, dict):
        return value
    made = {key: _made(each) for key, each in value.items()}
    return find_class(made["class_path"])(**made.get("init_args", {})) if "class_path" in made else made


def find_class(path: str) -> type[DataModule]:
    """A DataModule by the name of this package's, or by its path from the working folder or what is installed.

    Raises:
        UsageError: If there is none, or its module cannot be imported: why is told.
    """
    package, _, name = path.rpartition(".")
    if package in ("", "gkmvlp.data_modules"):
        if name not in class_names():
            expected = f"{', '.join(class_names())}, the path of a class (my_module.MyData), or a config file"
            raise UsageError(f"no DataModule {path!r}: {expected}, were expected{_near(name, class_names())}")
        return getattr(data_modules, name)  # type: ignore[no-any-return]
    try:
        kind = getattr(importlib.import_module(package), name, None)
    except (Exception, SystemExit) as error:  # whatever the module does when it runs
        raise UsageError(f"{path}: {package} cannot be imported ({type(error).__name__}: {error})") from error
    if not (isinstance(kind, type) and issubclass(kind, DataModule)):
        module = importlib.import_module(package)
        there = [each for each, one in vars(module).items() if isinstance(one, type) and issubclass(one, DataModule)]
        wanted = f"no class {name} that is a gkmvlp.data_modules.DataModule"
        raise UsageError(f"{path}: {package} has {wanted}{_near(name, there)}")
    return kind


def _near(name: str, known: Iterable[str]) -> str:
    """``; did you mean X?`` for the class that is spelled most like a name, whatever its case and marks."""
    by_letters = {letters(each): each for each in known}
    near = nearest(letters(name), by_letters, 0.5)
    return f"; did you mean {by_letters[near]}?" if near else ""


def unreadable(
    data: DataModule, read_all: bool, look: Callable[[str, Pixels], None] | None = None
) -> dict[str, ImageError] | None:
    """Sample id -> error for every image that cannot be read; None where there were too many to try unasked.

    They are read as a run reads them; what was not taken as a file says is counted in the ledger. An image that several
    rows share is named once, by the first row that cannot be read. ``look`` is shown what can be read.
    """
    if len({sample.image for sample in data.samples}) > AUTO_IMAGES and not read_all:
        return None
    bad, notes = data.read_once(look)
    data.count_notes(notes)
    errors = data.errors(bad)
    first = {sample.image: sample.sample_id for sample in reversed(data.samples) if sample.sample_id in errors}
    return {name: errors[name] for name in first.values()}


def describe(data: DataModule, read_all: bool, judge: Callable[[Pixels], str] | None = None) -> dict[str, Any]:
    """All that ``data check`` knows, as it prints it with ``--json``.

    Args:
        data: The data set.
        read_all: Whether all images are read, however many there are.
        judge: What an image looks like, in one word; None does not ask.
    """
    data.check()
    kinds: dict[str, list[str]] = {}
    image_of = {name: image for image, name in data.image_ids()}
    thumb_of: dict[str | bytes, Pixels] = {}

    def look(name: str, image_HW: Pixels) -> None:
        thumb_of[image_of[name]] = thumbnail(image_HW)
        if judge is not None:
            kinds.setdefault(judge(image_HW), []).append(name)

    bad = unreadable(data, read_all, look)
    manifest = data.manifest()
    manifest.pop("members")
    return manifest | {
        "split_name": data.split_name,
        "parts": data.file_locations(),
        "found": data.table_counts,
        "published": data.published_counts,
        "views": dict(Counter(sample.view or "not told" for sample in data.samples)),
        "without_regions": without_regions(data),
        "read": read_entities(data.samples),
        "silent": silent_reports(data.samples),
        "empty": empty_splits(data),
        "with_boxes": {split: sum(s.box_R4 is not None for s in data.rows(split)) for split in SPLITS},
        "unreadable": None if bad is None else {name: str(error) for name, error in bad.items()},
        "unreadable_by_reason": dict(Counter(error.reason for error in (bad or {}).values())),
        "images_read": bad is not None,
        "overlaps": [asdict(overlap) for overlap in overlaps_of(sides_of(data, thumb_of))],
        "looks_like": {kind: len(names) for kind, names in sorted(kinds.items())},
        "looks_like_examples": {kind: names[:_EXAMPLES] for kind, names in sorted(kinds.items())},
    }


def empty_splits(data: DataModule) -> list[str]:
    """Splits without rows that a fit or a test will ask for: test always, validate where there is training."""
    needed = ("validate", "test") if data.rows("train") else ("test",)
    return [split for split in needed if not data.rows(split)]


def require_splits(data: DataModule) -> None:
    """Stops where a split that is needed later is empty.

    Raises:
        DataError: If one is.
    """
    if empty := empty_splits(data):
        raise DataError(
            f"{data.name}: no {' and no '.join(empty)} rows, which fit or test will ask for: add patients, or choose "
            "another split"
        )


def without_regions(data: DataModule) -> int:
    """How many rows have no region in evaluation; the atlas answers alike for all rows of a view."""
    if not data.regions.uses_atlas:
        return sum(not _has_regions(data, sample) for sample in data.samples)
    count = Counter(sample.view for sample in data.samples)
    shown = {sample.view: sample for sample in data.samples}
    return sum(count[view] for view, sample in shown.items() if not _has_regions(data, sample))


def _has_regions(data: DataModule, sample: Sample) -> bool:
    """Whether evaluation gives an image any region; a lateral view has none in the atlas."""
    side = data.image_size
    return bool(data.regions.boxes(sample, Letterbox.fit(side, side, side), None)[1].any())


def read_entities(samples: Sequence[Sample]) -> dict[str, dict[str, Any]]:
    """How often reports were read to say an entity, by study, and sentences that were read as saying it is present."""
    studies = {s.fields["study_id"]: s.fields for s in samples if {"study_id", "text", "status"} <= set(s.fields)}
    if not studies:
        return {}
    texts = [fields["text"] for fields in studies.values()]
    status_NE = np.stack([fields["status"] for fields in studies.values()])
    count_E = {word: (status_NE == code).sum(0) for code, word in STATUS.items()}
    by_entity: dict[str, dict[str, Any]] = {}
    for index, entity in enumerate(ENTITIES):
        counts = {word: int(count[index]) for word, count in count_E.items()}
        if any(counts.values()):
            first = np.flatnonzero(status_NE[:, index] == 1)[:_EXAMPLES]
            by_entity[entity.name] = counts | {"examples": [_sentence(texts[row], entity.name) for row in first]}
    return by_entity


def silent_reports(samples: Sequence[Sample]) -> dict[str, int]:
    """How many studies have a report, and in how many no finding was read: all of them in another language."""
    status_of = {s.fields["study_id"]: s.fields["status"] for s in samples if {"study_id", "status"} <= set(s.fields)}
    silent = sum(not np.isin(status_E, list(STATUS)).any() for status_E in status_of.values())
    return {"reports": len(status_of), "without_findings": silent}


def _sentence(text: str, entity: str) -> str:
    """The first sentence of a report that says the entity is present; "" where a table of labels says it."""
    mentions = label_report(text)
    return next((text[m.start : m.end] for m in mentions if m.entity == entity and m.status == 1), "")


def lines(data: DataModule, description: Mapping[str, Any]) -> list[str]:
    """``describe`` for people."""
    text = [f"{description['data']} {description['split_name']}"]
    text += [f"  {part}: {path or 'not found'}" for part, path in description["parts"].items()]
    for split in SPLITS:
        rows, patients, boxed = (description[part][split] for part in ("rows", "patients", "with_boxes"))
        row = f"  {split:<9}{rows:>8,} rows, {patients:,} patients or groups"
        text.append(row + (f", {boxed:,} with region boxes" * bool(boxed)))
    views = ", ".join(f"{view} {count:,}" for view, count in sorted(description["views"].items()))
    text.append(f"  views: {views}; rows without regions: {description['without_regions']:,}")
    for split, counts in description["found"].items():
        beside = description["published"].get(split, {})
        known = {unit: f" (published {count:,})" for unit, count in beside.items()}
        units = [f"{count:,} {unit}{known.get(unit, '')}" for unit, count in counts.items()]
        text.append(f"  in the tables, {split}: {', '.join(units)}")
    if description["found"] and not description["published"]:
        text.append("  published counts are of the complete release; this is a part of it, or a look-alike")
    for name, read in description["read"].items():
        counts = ", ".join(f"{read[word]:,} {word}" for word in STATUS.values())
        text.append(f"  read from reports, {name}: {counts}")
        text += [f"    {sentence}" for sentence in read["examples"] if sentence]
    if (silent := description["silent"])["without_findings"]:
        counts = f"{silent['without_findings']:,} of {silent['reports']:,}"
        text.append(f"  reports in which no finding was read (normal, or not in English): {counts}")
    text += [f"  {line}" for line in data.ledger_lines()]
    text += [f"  {Overlap(**overlap).line()}" for overlap in description["overlaps"]]
    if description["unreadable"] is None:
        return [*text, f"  images not read (more than {AUTO_IMAGES:,}): --images reads them all"]
    if description["looks_like"]:
        counts = ", ".join(f"{kind} {count:,}" for kind, count in description["looks_like"].items())
        text.append(f"  what the images look like to the gate: {counts}")
    text += [f"  unreadable: {sample}: {reason}" for sample, reason in description["unreadable"].items()]
    text.append(f"  unreadable images: {len(description['unreadable'])}")
    return text + [f"    {count:,}: {reason}" for reason, count in sorted(description["unreadable_by_reason"].items())]

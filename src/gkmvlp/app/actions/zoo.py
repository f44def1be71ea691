"""The actions of ``gkmvlp zoo``: each returns what ``--json`` prints, and the same as text."""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gkmvlp.app.command_line.cli_errors import one_line
from gkmvlp.zoo.entry import PACKAGED, SCHEME, Entry, content, is_entry_address, yaml_text
from gkmvlp.zoo.registry import find, list_models, scan_entries
from gkmvlp.zoo.store.cache import cached_folder
from gkmvlp.zoo.store.packaged import MODELS

Printed = tuple[Any, str]  # content for JSON, text
TOLD = ("summary", "architecture", "backbone", "trained_on", "licences", "limits")  # what "show" prints as it stands


def _list(arguments: argparse.Namespace) -> Printed:
    """Names of the models, with task, size and where they are."""
    known, names = _known(), sorted(list_models(arguments.task), key=_place)
    rows = [_row(known[name]) for name in names]
    width = max((len(name) for name in names), default=0) + 2
    lines = [
        f"{row['name']:<{width}}{row['task']:<19}{row['size'] / 1e6:>8.1f} MB  {row['where']:<11}{row['summary']}"
        for row in rows
    ]
    return rows, "\n".join(lines) or "no model; gkmvlp zoo download takes the address of an entry too"


def _place(name: str) -> tuple[int, str]:
    """Sorts names: models of the package first, each behind what it starts from; then others by name."""
    ours = [shipped.name for shipped in MODELS]
    return (ours.index(name) if name in ours else len(ours), name)


def _known() -> dict[str, Entry]:
    """All models; what is wrong with downloaded entries that cannot be used is said on stderr."""
    scan = scan_entries()
    for error in scan.unusable.values():
        print(f"gkmvlp: left out: {one_line(error)}", file=sys.stderr)
    return scan.entries


def _row(entry: Entry) -> dict[str, Any]:
    """What ``list`` says of a model."""
    folder = cached_folder(entry.name, entry.digest)
    where = "packaged" if entry.packaged_folder else "here" if folder.is_dir() else "not here"
    fields = {name: getattr(entry, name) for name in ("name", "task", "summary", "reference", "size", "trained_on")}
    return {**fields, "where": where}


def _show(arguments: argparse.Namespace) -> Printed:
    """What a model is, what it was trained on, what it reaches; for JSON everything that its entry says."""
    entry = _entry(arguments)
    said = content(entry)
    first = {"name": entry.reference, "task": entry.task, "size": f"{entry.size / 1e6:.1f} MB"}
    told = yaml_text(first | {key: said[key] for key in TOLD}).rstrip()
    text = "\n".join([told, *_figures(entry), f"all of it: gkmvlp zoo card {entry.name}, or --json"])
    return {**said, "reference": entry.reference, "origin": entry.origin}, text


def _figures(entry: Entry) -> list[str]:
    """A line a figure, and one for the widest gap between groups of patients."""
    from gkmvlp.metrics.results.tables import gap_of, interval

    lines = ["figures:"] if entry.results else ["figures: none were measured"]
    for f in entry.results:
        value = interval({"value": f.value, "low": f.low, "high": f.high})
        rows = f"{f.n or 0:,} rows of {f.n_patients or 0:,} patients"
        lines.append(f"- {f.task}, {' '.join(filter(None, (f.name, f.label)))}: {value}; {f.data}, {rows}")
    gaps = [group for group in entry.groups if group.gap is not None]
    if gaps:
        widest = max(gaps, key=lambda group: group.gap or 0)
        figure = " ".join(filter(None, (widest.name, widest.label)))
        between = f"{widest.task}, {figure}, by {widest.by}: {widest.best} from {widest.worst} {gap_of(widest)}"
        lines.append(f"widest gap between groups of patients: {between}")
    return lines


def _download(arguments: argparse.Namespace) -> Printed:
    """Fetches the files of a model."""
    from gkmvlp.zoo.store.download import download

    entry = _entry(arguments)
    folder = download(entry)
    return {"name": entry.name, "reference": entry.reference, "folder": str(folder), "size": entry.size}, str(folder)


def _entry(arguments: argparse.Namespace) -> Entry:
    """The entry behind a name; one behind an address is kept first where it is to be downloaded."""
    if not is_entry_address(arguments.model):
        return find(arguments.model)
    from gkmvlp.zoo.store.register import entry_at, register

    is_download = arguments.action == "download"
    return register(arguments.model, arguments.sha256) if is_download else entry_at(arguments.model)


def _verify(arguments: argparse.Namespace) -> Printed:
    """Reads every byte of the models that are here."""
    from gkmvlp.errors import ZooError
    from gkmvlp.zoo.store.download import folder_of, verify

    chosen = [find(name) for name in arguments.model] or [e for e in _known().values() if folder_of(e).is_dir()]
    wrong = [(entry, files) for entry in chosen if (files := verify(entry))]
    if bad := [f"{entry.name}: {', '.join(files)} ({_remedy(entry)})" for entry, files in wrong]:
        raise ZooError(f"not what the entry says: {'; '.join(bad)}")
    rows = [{"name": entry.name, "files": len(entry.files), "size": entry.size, "ok": True} for entry in chosen]
    return rows, "\n".join(f"{entry.name}: {len(entry.files)} files right" for entry in chosen) or "no model is here"


def _remedy(entry: Entry) -> str:
    """What mends wrong files of a model."""
    return "reinstall gkmvlp" if entry.packaged_folder else f"gkmvlp zoo download {entry.name}"


def _remove(arguments: argparse.Namespace) -> Printed:
    """Removes what was downloaded of a model."""
    from gkmvlp.zoo.store.download import remove

    name, _, digest = arguments.model.removeprefix(SCHEME).partition("@")
    if digest:
        find(arguments.model)  # of other files than those here nothing is removed
    done = remove(name)
    if not done:
        find(name)  # a name that is none is an error
    return {"name": name, "removed": done}, f"{name}: {'removed' if done else 'nothing was downloaded'}"


def _card(arguments: argparse.Namespace) -> Printed:
    """Prints or writes the card of a model."""
    from gkmvlp.zoo.store.cards import card

    entry = find(arguments.model)
    text = card(entry)
    if not arguments.write:
        return {"name": entry.name, "card": text}, text.rstrip()
    path = Path(entry.origin).with_suffix(".md")
    path.write_text(text, encoding="utf-8")
    return {"name": entry.name, "file": str(path)}, str(path)


def _publish(arguments: argparse.Namespace) -> Printed:
    """Turns the folder of a run into what download reads."""
    from gkmvlp.zoo.store.publish import ReleaseInfo, publish

    terms = (arguments.weights_licence, arguments.data_terms)
    about = ReleaseInfo(arguments.name, arguments.summary, *terms, arguments.limit, arguments.source)
    entry = publish(arguments.folder, arguments.out, about)
    path = arguments.out / f"{entry.name}.yaml"
    summary = {"name": entry.name, "reference": entry.reference, "entry": str(path), "size": entry.size}
    return summary, f"{path}\n{entry.reference}: {len(entry.files)} files, {entry.size / 1e6:,.1f} MB"


def _make(arguments: argparse.Namespace) -> Printed:
    """Trains, measures, calibrates and publishes the packaged models; or one of these steps alone."""
    from gkmvlp.app.experiments.packaged_figures import measure_models
    from gkmvlp.app.experiments.packaged_models import calibrate_models, make_models
    from gkmvlp.app.running.run import overrides_of
    from gkmvlp.errors import UsageError

    out, models, only = arguments.out, arguments.models or PACKAGED, arguments.only
    overrides = overrides_of(arguments.settings)
    if arguments.only_calibrate and overrides:
        raise UsageError("--set changes trainings and tests, and --only-calibrate does neither: leave one of them out")
    if arguments.only_calibrate:
        made = calibrate_models(out, models, only)
    else:
        made = (measure_models if arguments.only_test else make_models)(out, models, overrides, only)
    rows = [{"name": entry.name, "reference": entry.reference, "size": entry.size} for entry in made]
    return rows, "\n".join(f"{entry.reference}: {entry.size / 1e6:.1f} MB" for entry in made)


def _convert(arguments: argparse.Namespace) -> Printed:
    """Writes the tensors of a pickle as safetensors."""
    from gkmvlp.zoo.store.conversion import convert

    out = arguments.out or arguments.file.with_suffix(".safetensors")
    count = convert(arguments.file, out)
    return {"file": str(out), "tensors": count}, f"{out}: {count} tensors"


def _import(arguments: argparse.Namespace) -> Printed:
    """Makes an ARL backbone of a checkpoint of METER or M3AE."""
    from gkmvlp.app.running.configs import mapping_in
    from gkmvlp.checkpoints.backbone import save
    from gkmvlp.checkpoints.meter_weights import import_checkpoint
    from gkmvlp.errors import ZooError
    from gkmvlp.models.config import ArlArchitecture

    if arguments.out.exists():
        raise ZooError(f"{arguments.out} exists: name another folder by --out")
    architecture = ArlArchitecture.from_dict(mapping_in(arguments.architecture, "architecture"))
    done = import_checkpoint(arguments.file, architecture, arguments.tokenizer)
    save(done.backbone, arguments.out)
    told = {"loaded": done.loaded, "new": done.new, "left over": done.left_over, "folder": str(arguments.out)}
    return told, "\n".join(f"{what}: {words}" for what, words in told.items())


ACTIONS: Mapping[str, Callable[[argparse.Namespace], Printed]] = {
    "list": _list,
    "show": _show,
    "download": _download,
    "verify": _verify,
    "remove": _remove,
    "card": _card,
    "publish": _publish,
    "make": _make,
    "convert": _convert,
    "import": _import,
}

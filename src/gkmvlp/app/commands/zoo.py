"""Find, fetch, check, publish and remove trained models, and convert weights.

A model is NAME, zoo://NAME or zoo://NAME@DIGEST; download and show also take the address of an entry:
https://host/NAME.yaml, hf://org/repo@COMMIT/NAME.yaml or a file. Environment: GKMVLP_CACHE (where models are kept),
GKMVLP_ZOO (folders with more entries), GKMVLP_MIRROR (another host), GKMVLP_OFFLINE=1 (ask no network).
"""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gkmvlp.app.commands.options import add_overrides_argument
from gkmvlp.app.running.cli_errors import one_line

if TYPE_CHECKING:
    from gkmvlp.zoo.entry import Entry


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions; each takes ``--json``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser("list", help="names of the models, with task, size and where they are")
    listed.add_argument("--task", metavar="TASK", help="only the models of one task")
    show = actions.add_parser("show", help="everything that an entry says")
    download = actions.add_parser("download", help="fetch the files of a model and check them")
    download.add_argument("--sha256", metavar="HEX", help="what the entry at an address must have")
    for action in (show, download):
        action.add_argument("model", metavar="MODEL", help="name, or address of an entry")
    verify = actions.add_parser("verify", help="read every byte of the models that are here")
    verify.add_argument("model", metavar="MODEL", nargs="*", help="names (absent: all that are here)")
    remove = actions.add_parser("remove", help="remove what was downloaded of a model")
    remove.add_argument("model", metavar="MODEL")
    card = actions.add_parser("card", help="print the card of a model")
    card.add_argument("model", metavar="MODEL")
    card.add_argument("--write", action="store_true", help="write it beside the entry")
    _add_publish(actions.add_parser("publish", help="turn the folder of a run into what download reads"))
    make = actions.add_parser("make", help="train, measure and publish the models that come with the package")
    make.add_argument("--out", metavar="DIR", type=Path, default=Path("outputs/zoo"), help="runs (outputs/zoo)")
    make.add_argument("--models", metavar="DIR", type=Path, help="where entries go (absent: the package itself)")
    make.add_argument(
        "--only", metavar="NAME", nargs="+", default=[], help="these alone, from the backbone that is there"
    )
    add_overrides_argument(make, "--options", "every run")
    convert = actions.add_parser("convert", help="tensors of a pickle (.ckpt, .pt, .bin) as safetensors")
    convert.add_argument("file", metavar="FILE", type=Path)
    convert.add_argument("--out", metavar="FILE.safetensors", type=Path, help="where to (beside FILE)")
    for action in actions.choices.values():
        action.add_argument("--json", action="store_true", help="print JSON")


def _add_publish(publish: argparse.ArgumentParser) -> None:
    publish.add_argument("folder", metavar="FOLDER", type=Path, help="outputs/TARGET of a run")
    publish.add_argument("--out", metavar="DIR", type=Path, required=True, help="where to write")
    publish.add_argument("--name", required=True, help="name of the model")
    publish.add_argument("--summary", metavar="TEXT", help="one line (absent: task and data)")
    publish.add_argument("--weights-licence", metavar="TEXT", help="needed where patients were seen")
    publish.add_argument("--data-terms", metavar="TEXT", help="needed where patients were seen")
    for option, value, what in (
        ("--limit", "TEXT", "what it cannot do"),
        ("--source", "URL", "where its files will lie"),
    ):
        publish.add_argument(option, metavar=value, action="append", default=[], help=f"{what}; may be repeated")


def run(arguments: argparse.Namespace) -> int:
    """Do it; what is printed is told by ``--json``."""
    content, text = ACTIONS[arguments.action](arguments)
    print(json.dumps(content, indent=1) if arguments.json else text)
    return 0


def _list(arguments: argparse.Namespace) -> tuple[Any, str]:
    from gkmvlp.zoo.registry import list_models

    known, names = _known(), list_models(arguments.task)
    rows = [_row(known[name]) for name in names]
    width = max((len(name) for name in names), default=0) + 2
    lines = [
        f"{row['name']:<{width}}{row['task']:<19}{row['size'] / 1e6:>8.1f} MB  {row['where']:<11}{row['summary']}"
        for row in rows
    ]
    return rows, "\n".join(lines) or "no model; gkmvlp zoo download takes the address of an entry too"


def _known() -> dict[str, "Entry"]:
    """All models; what is wrong with downloaded entries that cannot be used is said on stderr."""
    from gkmvlp.zoo.registry import survey

    found = survey()
    for error in found.unusable.values():
        print(f"gkmvlp: left out: {one_line(error)}", file=sys.stderr)
    return found.entries


def _row(entry: "Entry") -> dict[str, Any]:
    """What ``list`` says of a model."""
    from gkmvlp.zoo.store.cache import cached_folder

    folder = cached_folder(entry.name, entry.digest)
    where = "packaged" if entry.packaged_folder else "here" if folder.is_dir() else "not here"
    kept = {name: getattr(entry, name) for name in ("name", "task", "summary", "reference", "size", "trained_on")}
    return {**kept, "where": where}


def _show(arguments: argparse.Namespace) -> tuple[Any, str]:
    from gkmvlp.zoo.entry import content, dump

    entry = _entry(arguments)
    return {**content(entry), "reference": entry.reference, "origin": entry.origin}, dump(entry).rstrip()


def _download(arguments: argparse.Namespace) -> tuple[Any, str]:
    from gkmvlp.zoo.store.download import download

    entry = _entry(arguments)
    folder = download(entry)
    return {"name": entry.name, "reference": entry.reference, "folder": str(folder), "size": entry.size}, str(folder)


def _entry(arguments: argparse.Namespace) -> "Entry":
    """The entry behind a name; one behind an address is kept first where it is to be downloaded."""
    from gkmvlp.zoo.entry import is_address
    from gkmvlp.zoo.registry import find

    if not is_address(arguments.model):
        return find(arguments.model)
    from gkmvlp.zoo.store.register import adopt, entry_at

    is_download = arguments.action == "download"
    return adopt(arguments.model, arguments.sha256) if is_download else entry_at(arguments.model)


def _verify(arguments: argparse.Namespace) -> tuple[Any, str]:
    from gkmvlp.errors import ZooError
    from gkmvlp.zoo.registry import find
    from gkmvlp.zoo.store.download import folder_of, verify

    chosen = [find(name) for name in arguments.model] or [e for e in _known().values() if folder_of(e).is_dir()]
    wrong = [(entry, files) for entry in chosen if (files := verify(entry))]
    if bad := [f"{entry.name}: {', '.join(files)} ({_remedy(entry)})" for entry, files in wrong]:
        raise ZooError(f"not what the entry says: {'; '.join(bad)}")
    told = [{"name": entry.name, "files": len(entry.files), "size": entry.size, "ok": True} for entry in chosen]
    return told, "\n".join(f"{entry.name}: {len(entry.files)} files right" for entry in chosen) or "no model is here"


def _remedy(entry: "Entry") -> str:
    """What mends wrong files of a model."""
    return "reinstall gkmvlp" if entry.packaged_folder else f"gkmvlp zoo download {entry.name}"


def _remove(arguments: argparse.Namespace) -> tuple[Any, str]:
    from gkmvlp.zoo.entry import SCHEME
    from gkmvlp.zoo.registry import find
    from gkmvlp.zoo.store.download import remove

    name, _, digest = arguments.model.removeprefix(SCHEME).partition("@")
    if digest:
        find(arguments.model)  # of other files than those here nothing is removed
    done = remove(name)
    if not done:
        find(name)  # a name that is none is an error
    return {"name": name, "removed": done}, f"{name}: {'removed' if done else 'nothing was downloaded'}"


def _card(arguments: argparse.Namespace) -> tuple[Any, str]:
    from gkmvlp.zoo.registry import find
    from gkmvlp.zoo.store.cards import card

    entry = find(arguments.model)
    text = card(entry)
    if not arguments.write:
        return {"name": entry.name, "card": text}, text.rstrip()
    path = Path(entry.origin).with_suffix(".md")
    path.write_text(text, encoding="utf-8")
    return {"name": entry.name, "file": str(path)}, str(path)


def _publish(arguments: argparse.Namespace) -> tuple[Any, str]:
    from gkmvlp.zoo.store.publish import About, publish

    terms = (arguments.weights_licence, arguments.data_terms)
    about = About(arguments.name, arguments.summary, *terms, arguments.limit, arguments.source)
    entry = publish(arguments.folder, arguments.out, about)
    path = arguments.out / f"{entry.name}.yaml"
    told = {"name": entry.name, "reference": entry.reference, "entry": str(path), "size": entry.size}
    return told, f"{path}\n{entry.reference}: {len(entry.files)} files, {entry.size / 1e6:,.1f} MB"


def _make(arguments: argparse.Namespace) -> tuple[Any, str]:
    from gkmvlp.app.experiments.packaged_models import make_models
    from gkmvlp.app.running.run import parse_overrides
    from gkmvlp.zoo.entry import PACKAGED

    made = make_models(arguments.out, arguments.models or PACKAGED, parse_overrides(arguments.options), arguments.only)
    told = [{"name": entry.name, "reference": entry.reference, "size": entry.size} for entry in made]
    return told, "\n".join(f"{entry.reference}: {entry.size / 1e6:.1f} MB" for entry in made)


def _convert(arguments: argparse.Namespace) -> tuple[Any, str]:
    from gkmvlp.zoo.store.conversion import convert

    out = arguments.out or arguments.file.with_suffix(".safetensors")
    count = convert(arguments.file, out)
    return {"file": str(out), "tensors": count}, f"{out}: {count} tensors"


ACTIONS = {
    "list": _list,
    "show": _show,
    "download": _download,
    "verify": _verify,
    "remove": _remove,
    "card": _card,
    "publish": _publish,
    "make": _make,
    "convert": _convert,
}

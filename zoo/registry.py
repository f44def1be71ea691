"""All released models by name. Loads neither torch nor a network.

Entries come with the package, from the folders in ``GKMVLP_ZOO`` and from earlier downloads by address.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from gkmvlp.errors import ZooError, nearest
from gkmvlp.task_ids import RELEASED as TASKS
from gkmvlp.zoo.entry import PACKAGED, SCHEME, Entry, parse
from gkmvlp.zoo.store.cache import cache_folder


def read(path: Path) -> Entry:
    """The entry in a file, which is called after its name.

    Raises:
        ZooError: If it cannot be read or is wrong.
    """
    try:
        entry = parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ZooError(f"{path}: no readable entry ({getattr(error, 'strerror', None) or error})") from error
    if path.stem != entry.name:
        raise ZooError(f"{path}: holds the entry {entry.name!r}; call the file {entry.name}.yaml")
    return entry


def downloaded_entries() -> Path:
    """The folder that keeps the entries of models downloaded by address."""
    return cache_folder() / "entries"


@dataclass(frozen=True)
class Survey:
    """All known models.

    Attributes:
        entries: Name -> entry, sorted.
        unusable: Name -> what is wrong with the downloaded entry of that name, and the remedy.
    """

    entries: dict[str, Entry]
    unusable: dict[str, ZooError]


def scan_entries() -> Survey:
    """Read all entries; a folder of ``GKMVLP_ZOO`` may replace what comes with the package.

    What was downloaded may come from another version of this package: it stops nothing but itself.

    Raises:
        ZooError: If one that was not downloaded is wrong, two of those have one name, or a folder of ``GKMVLP_ZOO``
            is not there.
    """
    entries, unusable = _installed(), dict[str, ZooError]()
    for path in sorted(downloaded_entries().glob("*.yaml")):
        name = path.stem
        if name in entries:
            reason = f"the name {name} is taken by {entries[name].origin}"
            unusable[name] = ZooError(f"{path}: {reason}; gkmvlp zoo remove {name} removes the downloaded one")
            continue
        try:
            entries[name] = read(path)
        except ZooError as error:
            unusable[name] = ZooError(f"{error} (update gkmvlp, or gkmvlp zoo remove {name})")
    return Survey(dict(sorted(entries.items())), unusable)


def _installed() -> dict[str, Entry]:
    """The entries of the package and of ``GKMVLP_ZOO``."""
    folders = os.environ.get("GKMVLP_ZOO", "").split(os.pathsep)
    named = [Path(folder) for folder in dict.fromkeys(folders) if folder]
    if missing := [str(folder) for folder in named if not folder.is_dir()]:
        raise ZooError(f"GKMVLP_ZOO names {', '.join(missing)}, which is no folder")
    entries: dict[str, Entry] = {}
    for folder in (PACKAGED, *named):
        for path in sorted(folder.glob("*.yaml")):
            entry = read(path)
            before = entries.get(entry.name)
            if before is not None and not (folder in named and before.packaged_folder):
                raise ZooError(f"{path}: the name {entry.name} is taken by {entries[entry.name].origin}; remove one")
            entries[entry.name] = entry
    return entries


def entries() -> dict[str, Entry]:
    """Name -> entry of all known models, sorted, without downloaded ones that cannot be used.

    Raises:
        ZooError: If one that was not downloaded is wrong; see ``scan_entries``.
    """
    return scan_entries().entries


def known(name: str) -> Entry | None:
    """The entry of that name, if there is one.

    Raises:
        ZooError: If the downloaded one cannot be used.
    """
    scan = scan_entries()
    if name in scan.unusable:
        raise scan.unusable[name]
    return scan.entries.get(name)


def find(reference: str) -> Entry:
    """The entry behind ``zoo://NAME``, ``zoo://NAME@DIGEST`` or the same without ``zoo://``.

    Raises:
        ZooError: If there is none, the nearest name is offered; if it cannot be used, or its files are not those of
            the digest.
    """
    name, _, digest = reference.removeprefix(SCHEME).partition("@")
    entry = known(name)
    if entry is None:
        near = nearest(name.lower(), entries(), cutoff=0.5)
        raise ZooError(f"no model {reference}{f'; did you mean {near}?' if near else ''} (gkmvlp zoo list)")
    if digest and digest != entry.digest:
        raise ZooError(f"{reference}: the entry here has the digest {entry.digest}; install the gkmvlp it was made for")
    return entry


def list_models(task: str | None = None) -> list[str]:
    """Names of the released models.

    Args:
        task: Only those for this one.

    Raises:
        ZooError: If there is no such task.
    """
    if task is not None and task not in TASKS:
        raise ZooError(f"no task {task!r}; one of {', '.join(TASKS)}")
    return [name for name, entry in entries().items() if task in (None, entry.task)]

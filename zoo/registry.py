"""All released models by name. Loads neither torch nor a network.

Entries come with the package, from the folders in ``GKMVLP_ZOO`` and from earlier downloads by address.
"""

import difflib
import os
from pathlib import Path

from gkmvlp.errors import ZooError
from gkmvlp.zoo.cache import cache_folder
from gkmvlp.zoo.entry import PACKAGED, SCHEME, TASKS, Entry, parse


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


def entries() -> dict[str, Entry]:
    """Name -> entry of all known models, sorted; a folder of ``GKMVLP_ZOO`` may replace what comes with the package.

    Raises:
        ZooError: If one is wrong, two have one name, or a folder of ``GKMVLP_ZOO`` is not there.
    """
    said = os.environ.get("GKMVLP_ZOO", "").split(os.pathsep)
    named = [Path(folder) for folder in dict.fromkeys(said) if folder]
    if missing := [str(folder) for folder in named if not folder.is_dir()]:
        raise ZooError(f"GKMVLP_ZOO names {', '.join(missing)}, which is no folder")
    found: dict[str, Entry] = {}
    for folder in (PACKAGED, *named, downloaded_entries()):
        for path in sorted(folder.glob("*.yaml")):
            entry = read(path)
            before = found.get(entry.name)
            if before is not None and not (folder in named and before.packaged_folder):
                raise ZooError(f"{path}: the name {entry.name} is taken by {found[entry.name].origin}; remove one")
            found[entry.name] = entry
    return dict(sorted(found.items()))


def find(reference: str) -> Entry:
    """The entry behind ``zoo://NAME``, ``zoo://NAME@DIGEST`` or the same without ``zoo://``.

    Raises:
        ZooError: If there is none, the nearest name is offered; or its files are not those of the digest.
    """
    name, _, digest = reference.removeprefix(SCHEME).partition("@")
    known = entries()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        raise ZooError(f"no model {reference}{f'; did you mean {near[0]}?' if near else ''} (gkmvlp zoo list)")
    entry = known[name]
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

"""The files of a model in the cache: fetched once, whatever the number of processes, and checked before they count."""

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from gkmvlp.checkpoints.references import base_of, is_offline
from gkmvlp.errors import BackboneError, ZooError
from gkmvlp.zoo.entry import Entry, File, source_urls
from gkmvlp.zoo.registry import downloaded_entries, find
from gkmvlp.zoo.store.cache import cache_folder, cached_folder
from gkmvlp.zoo.store.hub import hub_address, hub_token
from gkmvlp.zoo.store.safetensors_check import NoTensors
from gkmvlp.zoo.store.transfer import CHUNK, fetch

STAMP = ".checked.json"  # size and time of each file when its hash was found right
PATIENCE = 120.0  # seconds that other ranks wait for the first one to begin


def folder_of(entry: Entry) -> Path:
    """Where the files of a model are, or will be: a folder that exists is whole."""
    return entry.packaged_folder or cached_folder(entry.name, entry.digest)


def download(entry: Entry) -> Path:
    """The folder of a model's files, each with the size and hash of the entry; fetched where they are not here.

    The backbone with which the model shares tensors is fetched too.

    Raises:
        ZooError: If they cannot be had or kept.
    """
    folder = folder_of(entry)
    if entry.packaged_folder:
        if bad := wrong_files(entry, folder):
            raise ZooError(f"{folder}: {', '.join(bad)} not as packaged; install gkmvlp anew")
    else:
        with disk_errors(entry):
            if not _is_checked(entry, folder):
                folder.parent.mkdir(parents=True, exist_ok=True)
                _fetch_once(entry, folder)
    if entry.backbone and _has_base(entry, folder):
        download(find(entry.backbone))
    return folder


def _has_base(entry: Entry, folder: Path) -> bool:
    """Whether some tensors of a fine-tuned model lie with its backbone.

    Raises:
        ZooError: If its ``config.json`` is none, or names another backbone than its entry.
    """
    try:
        base = base_of(json.loads((folder / "config.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, AttributeError, BackboneError) as error:
        raise ZooError(f"{entry.name}: no readable config.json ({error})") from error
    if base not in (None, entry.backbone):
        raise ZooError(f"{entry.name}: config.json rests on {base}, the entry on {entry.backbone}")
    return base is not None


@contextmanager
def disk_errors(entry: Entry) -> Iterator[None]:
    """Turns what a disk refuses into one line.

    Raises:
        ZooError: In place of an ``OSError``.
    """
    try:
        yield
    except OSError as error:
        raise ZooError(
            f"{entry.name} ({entry.size / 1e6:,.1f} MB) cannot be kept in {cache_folder()} "
            f"({error.strerror or error}): make room, or name another folder by GKMVLP_CACHE"
        ) from error


def _fetch_once(entry: Entry, folder: Path) -> None:
    """Fetch under a lock, which the end of a process opens; ranks after the first only wait."""
    lock = FileLock(folder.with_name(f".{folder.name}.lock"))
    is_first = int(os.environ.get("LOCAL_RANK") or os.environ.get("RANK") or 0) == 0
    if is_first:
        with lock:
            if not _is_checked(entry, folder):
                _fetch_all(entry, folder)
        return
    idle_since = time.monotonic()
    while not _is_checked(entry, folder):
        try:
            with lock.acquire(timeout=0):
                pass
        except Timeout:
            idle_since = time.monotonic()
        if time.monotonic() - idle_since > PATIENCE:
            raise ZooError(f"{entry.name}: the first rank of this machine did not fetch it; see what it says")
        time.sleep(0.2)


def _fetch_all(entry: Entry, folder: Path) -> None:
    """Fetch what is missing or wrong; the folder gets its name when all is right."""
    partial = folder.with_name(f".{folder.name}.partial")
    if folder.exists():  # something in it was changed since it was checked
        shutil.rmtree(partial, ignore_errors=True)
        folder.rename(partial)
    partial.mkdir(exist_ok=True)
    for name in wrong_files(entry, partial):
        (partial / name).unlink(missing_ok=True)
    with _progress(entry) as tell:
        for file in entry.files:
            if not (partial / file.name).is_file():
                _fetch_file(entry, file, partial, tell)
            tell(file.size, True)
    _stamp(entry, partial)
    partial.rename(folder)


class _Bar:
    """A progress bar over all files of a model, on a terminal only."""

    def __init__(self, entry: Entry) -> None:
        from tqdm import tqdm

        is_hidden = not sys.stderr.isatty()
        self.bar = tqdm(
            desc=entry.name, total=entry.size, unit="B", unit_scale=True, file=sys.stderr, disable=is_hidden
        )
        self.before = 0

    def __call__(self, size: int, is_whole: bool = False) -> None:
        """Show the bytes of the file under way."""
        self.bar.update(self.before + size - self.bar.n)
        self.before += size if is_whole else 0


@contextmanager
def _progress(entry: Entry) -> Iterator[_Bar]:
    shown = _Bar(entry)
    with shown.bar:
        yield shown


def _fetch_file(entry: Entry, file: File, folder: Path, tell: _Bar) -> None:
    """Fetch one file from the first source that has it.

    Raises:
        ZooError: If none has; what each said. ``NoTensors`` at once, for hash and bytes are the same everywhere.
    """
    failures = []
    for base in _bases(entry):
        address = hub_address(base, file.name) if base.startswith("hf://") else f"{base.rstrip('/')}/{file.name}"
        if "://" in address and is_offline():
            failures.append(f"{address}: offline (GKMVLP_OFFLINE or HF_HUB_OFFLINE), and it is not in the cache")
            continue
        try:
            return fetch(address, folder, file, tell, hub_token() if base.startswith("hf://") else None)
        except NoTensors:
            raise
        except ZooError as error:
            failures.append(str(error))
    raise ZooError("; ".join(failures))


def _bases(entry: Entry) -> list[str]:
    """Where to ask: folders, then the mirror of ``GKMVLP_MIRROR`` alone where one is set."""
    own = source_urls(entry)
    if mirror := os.environ.get("GKMVLP_MIRROR"):
        return [*(base for base in own if "://" not in base), f"{mirror.rstrip('/')}/{entry.name}"]
    return own


def wrong_files(entry: Entry, folder: Path) -> list[str]:
    """Names of the files that are missing or not what the entry says; each is read whole."""
    return [file.name for file in entry.files if not _is_right(folder / file.name, file)]


def _is_right(path: Path, file: File) -> bool:
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest() == file.sha256


def _stamp(entry: Entry, folder: Path) -> None:
    """Note size and time of the files, whose hashes are right."""
    (folder / STAMP).write_text(json.dumps(_times(entry, folder)))


def _times(entry: Entry, folder: Path) -> dict[str, list[int]]:
    stats = {file.name: (folder / file.name).stat() for file in entry.files}
    return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()}


def _is_checked(entry: Entry, folder: Path) -> bool:
    """Whether all files are here and unchanged since their hashes were right; hashes anew what was touched."""
    try:
        if json.loads((folder / STAMP).read_text()) == _times(entry, folder):
            return True
    except (OSError, ValueError):
        pass
    if not folder.is_dir() or wrong_files(entry, folder):
        return False
    with suppress(OSError):  # a cache that others fill is read only
        _stamp(entry, folder)
    return True


def verify(entry: Entry) -> list[str]:
    """Names of the wrong files of a model that is here; every byte is read.

    Raises:
        ZooError: If it is not here.
    """
    folder = folder_of(entry)
    if not folder.is_dir():
        raise ZooError(f"{entry.name} is not here: gkmvlp zoo download {entry.name}")
    return wrong_files(entry, folder)


def remove(name: str) -> bool:
    """Remove what was downloaded of a model, also halves and earlier versions; whether there was something.

    No entry is read: also one that cannot be is removed.

    Raises:
        ZooError: If the name is none, or it cannot be removed.
    """
    if Path(name).name != name or name in ("", ".."):
        raise ZooError(f"{name!r} is no name of a model (gkmvlp zoo list)")
    folder, own = cache_folder() / "models" / name, downloaded_entries() / f"{name}.yaml"
    was_there = folder.exists() or own.exists()
    try:
        if folder.exists():
            shutil.rmtree(folder)
        own.unlink(missing_ok=True)
    except OSError as error:
        raise ZooError(f"{name} cannot be removed from {cache_folder()} ({error.strerror or error})") from error
    return was_there

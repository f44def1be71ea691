"""Caches in an object store (``s3://bucket/folder``), by fsspec: pictures are read by range, all else is copied here.

What lies beside the shards, such as tables of labels, is then read and written in a folder of this machine.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from fsspec.core import url_to_fs

from gkmvlp.data_modules.pipeline.ledger import write_bytes
from gkmvlp.errors import DataError, GkmvlpError

TAR = ".tar"


@dataclass(frozen=True)
class CacheStore:
    """A folder of an object store.

    Attributes:
        address: With the protocol, as fsspec takes it.
    """

    address: str

    @classmethod
    def of(cls, cache_dir: str | Path | None) -> "CacheStore | None":
        """That of a ``cache_dir``; None where it is a folder, or none."""
        return cls(str(cache_dir).rstrip("/")) if "://" in str(cache_dir) else None

    @property
    def folder(self) -> Path:
        """Where copies lie, for this user alone: tables hold what reports say."""
        return Path(gettempdir(), f"gkmvlp-{os.getuid()}", sha256(self.address.encode()).hexdigest()[:16])

    def fetch(self) -> Path:
        """Copies what is not a tar and is not here as it is there; the folder of the copies."""
        self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.mkdir(exist_ok=True)
        with self._opened() as (files, place):
            for name, size in self.sizes().items():
                if name.endswith(TAR):
                    continue
                copy, there = self.folder / name, f"{place}/{name}"
                time = int(files.modified(there).timestamp())
                kept = copy.stat() if copy.is_file() else None
                if kept is None or (kept.st_size, kept.st_mtime) != (size, time):
                    write_bytes(copy, files.cat_file(there))
                    os.utime(copy, (time, time))
        return self.folder

    def sizes(self) -> dict[str, int]:
        """Files and how many bytes each has; none where nothing was written there."""
        with self._opened() as (files, place):
            try:
                found = files.ls(place, detail=True, refresh=True)
            except FileNotFoundError:
                return {}
            return {Path(one["name"]).name: one["size"] for one in found if one["type"] == "file"}

    def read(self, name: str, start: int, size: int) -> bytes:
        """Some bytes of a file."""
        with self._opened() as (files, place):
            return bytes(files.cat_file(f"{place}/{name}", start=start, end=start + size)) if size else b""

    def sha256(self, name: str) -> str:
        """That of a whole file, which is read for it."""
        with self._opened() as (files, place), files.open(f"{place}/{name}", "rb") as file:
            return file_digest(file, "sha256").hexdigest()

    def put(self, *names: str) -> None:
        """Copies files of the folder there, one after the other; a tar is then deleted here."""
        with self._opened() as (files, place):
            for name in names:
                files.put_file(str(self.folder / name), f"{place}/{name}")
                if name.endswith(TAR):
                    (self.folder / name).unlink()

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, str]]:
        """The file system, which fsspec keeps for each process, and the folder's place in it.

        Raises:
            DataError: If its package is missing, or the store cannot be read or written.
        """
        try:
            yield url_to_fs(self.address)
        except ImportError as error:
            raise DataError(f"{self.address}: {error}: pip install 'gkmvlp[scale]'") from error
        except GkmvlpError:
            raise
        except Exception as error:  # clients of object stores have errors of their own
            told = " ".join(str(error).split()) or type(error).__name__
            raise DataError(
                f"cache_dir {self.address} cannot be reached ({told}): look at its name and rights"
            ) from error


def cache_folder(cache_dir: str | None) -> Path | None:
    """Where this machine has what lies in a ``cache_dir`` beside pictures; None where that is no folder."""
    if cache_dir in (None, "ram"):
        return None
    store = CacheStore.of(cache_dir)
    return Path(str(cache_dir)) if store is None else store.fetch()

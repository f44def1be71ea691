"""A cache of images in shards: what is in it, and reading it. ``shard_writer.py`` writes it.

``cache.json`` says what was decoded and how. ``shard-00000.tar`` holds images in the layout of WebDataset: a picture
and what is known of it under one number, so that other tools stream it. ``shard-00000.npz`` says where each picture
lies in it, and what it and the whole must sum up to: a DataModule takes single images in any order, and exactly those
that were written.

N images of the cache, n images of a shard, S side of the square.
"""

import json
import os
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from gkmvlp.data_modules.pipeline.cache_store import CacheStore
from gkmvlp.data_modules.pipeline.cached_images import CachedImages, Remarks
from gkmvlp.data_modules.pipeline.images import Intensity
from gkmvlp.data_modules.pipeline.transforms import Pixels
from gkmvlp.errors import DataError
from gkmvlp.geometry import ResizeMode

Encoding = Literal["jpeg", "raw"]
ENDS: dict[Encoding, str] = {"jpeg": ".jpg", "raw": ".pgm"}  # raw: the header of a PGM, then a byte a pixel
PLAN = "cache.json"
REMEDY = "gkmvlp data cache with the same words writes what is missing or broken"
_VERSION = 1  # raise when decoding, fitting or the layout changes


@dataclass(frozen=True)
class CachePlan:
    """What a cache holds: equal plans, equal pictures.

    Attributes:
        manifest: Hash of what is in which split, before unreadable images are left out.
        names: SHA-256 of the images' names in their order.
        images: N.
        image_size: S.
        resize_mode: How an image is fitted to the square.
        intensity: How intensities are shown.
        accept: What is read although it is no frontal radiograph.
        encoding: ``jpeg``, or ``raw`` pixels.
        images_per_shard: Images of every shard but the last.
        version: Of the layout.
    """

    manifest: str
    names: str
    images: int
    image_size: int
    resize_mode: ResizeMode
    intensity: Intensity
    accept: list[str]
    encoding: Encoding = "jpeg"
    images_per_shard: int = 4000
    version: int = _VERSION

    @property
    def hash(self) -> str:
        """SHA-256 of all that it says."""
        return sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return -(-self.images // self.images_per_shard)

    def rows(self, shard: int) -> range:
        """The images of a shard."""
        start = shard * self.images_per_shard
        return range(start, min(start + self.images_per_shard, self.images))

    def as_dict(self) -> dict[str, Any]:
        """What ``cache.json`` holds."""
        return {**asdict(self), "hash": self.hash}

    @classmethod
    def read(cls, folder: Path) -> "CachePlan | None":
        """The plan of a folder; None where it is no cache of shards.

        Raises:
            DataError: If the file is broken.
        """
        file = folder / PLAN
        if not file.is_file():
            return None
        try:
            content = json.loads(file.read_text())
            kept = content.pop("hash")
            plan = cls(**content)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{file} is no plan of a cache ({error!r}): name another folder as cache_dir") from error
        if plan.hash != kept:
            raise DataError(f"{file} was changed: its hash is {plan.hash[:12]}, not {kept[:12]}; restore the file")
        return plan

    def require_same(self, wanted: "CachePlan", folder: str | Path) -> None:
        """Stops where a folder with this plan is taken for another.

        Raises:
            DataError: With both hashes and what differs.
        """
        if self.hash == wanted.hash:
            return
        here, there = asdict(wanted), asdict(self)
        differing = [
            f"{key} {str(there[key])[:12]} there, {str(here[key])[:12]} here" for key in here if here[key] != there[key]
        ]
        raise DataError(
            f"{folder} is the cache {self.hash[:12]}, this run needs {wanted.hash[:12]}: {'; '.join(differing)}; "
            "build it with gkmvlp data cache in a folder of its own"
        )


class CacheSource(NamedTuple):
    """An image that is cached."""

    image: str | bytes  # path, or the file's bytes
    name: str  # id of the first row that shows it
    label: str  # what an error calls it; "" for its path


class Shard(NamedTuple):
    """What a shard's index holds."""

    offset_n: NDArray[np.int64]  # where the bytes of a picture begin in the tar
    size_n: NDArray[np.int32]  # how many there are; 0 for an image that cannot be read
    crc_n: NDArray[np.uint32]  # what they sum up to
    frame_n9: NDArray[np.float64]  # frame (6) and turn (3)
    told: dict[int, Remarks]  # by the image's place in the shard
    tar_bytes: int
    tar_sha256: str


def tar_of(folder: Path, shard: int) -> Path:
    """The tar of a shard; its index has the same name and ends in ``.npz``."""
    return folder / f"shard-{shard:05d}.tar"


def read_index(file: Path) -> Shard | None:
    """The index of a shard; None where there is none: the shard is then not written.

    Raises:
        DataError: If the file is broken.
    """
    if not file.is_file():
        return None
    try:
        with np.load(file) as content:
            offset_n, size_n, crc_n, frame_n9 = (content[name] for name in ("offset", "size", "crc", "frame"))
            told = {int(row): Remarks(*line) for row, line in json.loads(str(content["told"])).items()}
            tar_bytes, digest = int(content["tar_bytes"]), str(content["tar_sha256"])
            return Shard(offset_n, size_n, crc_n, frame_n9, told, tar_bytes, digest)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise DataError(f"{file} is broken ({error}): delete it; {REMEDY}") from error


class ShardedImages(CachedImages):
    """Images by source, as a model reads them, from a cache that is whole.

    Args:
        folder: Where the cache lies.
        plan: What it holds.
        sources: Paths or bytes of the images in the plan's order.
        store: Where the tars are, if not in the folder.

    Raises:
        DataError: If shards are missing or cut off.
    """

    def __init__(
        self, folder: Path, plan: CachePlan, sources: Sequence[str | bytes], store: CacheStore | None = None
    ) -> None:
        super().__init__(sources)
        self._folder, self._plan, self._store = folder, plan, store
        self._place = str(folder) if store is None else store.address  # as errors name it
        found = [read_index(tar_of(folder, shard).with_suffix(".npz")) for shard in range(plan.shards)]
        shards = [shard for shard in found if shard is not None]
        if len(shards) < len(found):
            missing = tar_of(folder, found.index(None)).name
            raise DataError(
                f"{self._place}: {len(shards):,} of {len(found):,} shards are written, {missing} is not; {REMEDY}"
            )
        sizes = tar_sizes(folder, plan, store)
        for number, shard in enumerate(shards):
            name = tar_of(folder, number).name
            _require_whole(f"{self._place}/{name}", sizes.get(name), shard)
        self._offset_N, self._size_N, self._crc_N, place_N9 = (
            np.concatenate([shard[field] for shard in shards]) for field in range(4)
        )
        told = {
            plan.rows(number)[place]: line for number, shard in enumerate(shards) for place, line in shard.told.items()
        }
        self._know(sources, place_N9, told)
        self._open: dict[int, int] = {}  # file descriptors; ``pread`` lets forked workers share them

    def __getstate__(self) -> dict[str, Any]:
        """Without open files: workers that are spawned open their own."""
        return {**self.__dict__, "_open": {}}

    def _image(self, row: int) -> Pixels:
        """The square of a row, (S, S) uint8.

        Raises:
            DataError: If its bytes are not those that were written.
        """
        number = row // self._plan.images_per_shard
        tar = tar_of(self._folder, number)
        start, size = int(self._offset_N[row]), int(self._size_N[row])
        data = self._bytes(number, tar, start, size) if self._store is None else self._store.read(tar.name, start, size)
        if zlib.crc32(data) != self._crc_N[row]:
            name = f"{row:09d}{ENDS[self._plan.encoding]}"
            raise DataError(f"{self._place}/{tar.name}: the image {name} is not what was written there; {REMEDY}")
        return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)

    def _bytes(self, number: int, tar: Path, start: int, size: int) -> bytes:
        """Some bytes of a tar of the folder.

        Raises:
            DataError: If it cannot be read.
        """
        try:
            if number not in self._open:
                self._open[number] = os.open(tar, os.O_RDONLY)
            return os.pread(self._open[number], size, start)
        except OSError as error:
            raise DataError(f"cannot read {tar}: {error.strerror or error}; {REMEDY}") from error


def tar_sizes(folder: Path, plan: CachePlan, store: CacheStore | None) -> dict[str, int]:
    """Bytes of each tar that is there, by its name."""
    if store is not None:
        return store.sizes()
    tars = (tar_of(folder, shard) for shard in range(plan.shards))
    return {tar.name: tar.stat().st_size for tar in tars if tar.is_file()}


def _require_whole(tar: str, size: int | None, shard: Shard) -> None:
    """Stops where a tar is gone or has another length than it was written with."""
    if size is None:
        raise DataError(f"{tar} is missing; {REMEDY}")
    if size != shard.tar_bytes:
        raise DataError(f"{tar} has {size:,} bytes, {shard.tar_bytes:,} were written; {REMEDY}")

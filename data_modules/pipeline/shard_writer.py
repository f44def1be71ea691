"""Writes a cache of images in shards, part by part: what is whole stays, what is missing or broken is written.

n images of a shard, S side of the square.
"""

import json
import os
import tarfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import file_digest
from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import cv2
import numpy as np

from gkmvlp.data_modules.pipeline.cache_store import CacheStore
from gkmvlp.data_modules.pipeline.cached_images import Remarks, read_for_cache, require_room
from gkmvlp.data_modules.pipeline.ledger import write_bytes, write_json
from gkmvlp.data_modules.pipeline.quiet import one_opencv_thread
from gkmvlp.data_modules.pipeline.shards import ENDS, PLAN, CachePlan, CacheSource, read_index, tar_of
from gkmvlp.errors import DataError
from gkmvlp.geometry import Letterbox

QUALITY = 95  # of JPEGs
_BLOCK = tarfile.BLOCKSIZE
_TRIED = 16  # images that are encoded to estimate the size of all
_MARGIN = 1.1  # on that estimate


class Encoded(NamedTuple):
    """An image as the cache holds it."""

    data: bytes  # empty where it cannot be read
    frame: tuple[float, ...]  # frame (6) and turn (3)
    told: Remarks | None


def write_shards(
    cache_dir: str | Path,
    plan: CachePlan,
    sources: Sequence[CacheSource],
    workers: int,
    part: tuple[int, int] = (1, 1),
    say: Callable[[str], None] = print,
) -> int:
    """Writes the shards of a part that are not there whole.

    Args:
        cache_dir: Where they go: a folder, or the address of one in an object store. For that a shard is written here,
            copied and deleted.
        plan: What they hold.
        sources: The plan's images, in its order.
        workers: Threads that decode (decoders leave the interpreter free).
        part: i and n: of n processes, on one machine or many, this is the i-th, and writes every n-th shard.
        say: Takes lines on what is done.

    Returns:
        How many shards of all parts are not written yet.

    Raises:
        DataError: If the folder is the cache of something else, or has no room; nothing is written then.
    """
    store = CacheStore.of(cache_dir)
    folder = Path(cache_dir) if store is None else store.fetch()
    kept = CachePlan.read(folder)
    if kept is not None:
        kept.require_same(plan, cache_dir)
    mine = [shard for shard in range(plan.shards) if shard % part[1] == part[0] - 1]
    wanted = [shard for shard in mine if not _is_whole(folder, shard, store, say)]
    if wanted:
        shards = wanted if store is None else wanted[:1]
        rows = [row for shard in shards for row in plan.rows(shard)]
        require_room(folder, len(rows), estimated_bytes(plan, [sources[row] for row in rows]))
    write_json(folder / PLAN, plan.as_dict())
    if store is not None:
        store.put(PLAN)
    with one_opencv_thread(), ThreadPoolExecutor(max(workers, 1)) as pool:
        for shard in wanted:
            some = [sources[row] for row in plan.rows(shard)]
            _write(tar_of(folder, shard), plan.rows(shard), some, pool.map(lambda one: encode(one, plan), some), plan)
            if store is not None:  # the index last: where it lies, the shard is whole
                store.put(tar_of(folder, shard).name, tar_of(folder, shard).with_suffix(".npz").name)
            say(f"{tar_of(folder, shard).name}: {len(some):,} images, {len(wanted):,} shards in this part")
    if store is not None:
        store.fetch()  # others may have written
    return sum(not tar_of(folder, shard).with_suffix(".npz").is_file() for shard in range(plan.shards))


def encode(source: CacheSource, plan: CachePlan) -> Encoded:
    """An image as the cache holds it, or why it cannot be read."""
    reading = read_for_cache(
        source.image, plan.image_size, plan.resize_mode, plan.intensity, frozenset(plan.accept), source.label
    )
    if reading.image_SS is None:
        return Encoded(b"", reading.place_9, reading.remarks)
    options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY] if plan.encoding == "jpeg" else []
    _, data = cv2.imencode(ENDS[plan.encoding], reading.image_SS, options)
    return Encoded(data.tobytes(), reading.place_9, reading.remarks)


def _is_whole(folder: Path, shard: int, store: CacheStore | None, say: Callable[[str], None]) -> bool:
    """Whether a shard is written and is what was written; one that no longer is, is named."""
    tar = tar_of(folder, shard)
    place = tar if store is None else f"{store.address}/{tar.name}"
    try:
        index = read_index(tar.with_suffix(".npz"))
    except DataError as error:
        say(f"{error}: written anew")
        return False
    if index is None:
        return False
    if not (tar.is_file() if store is None else tar.name in store.sizes()):
        say(f"{place} is missing: written anew")
        return False
    now = _sha256(tar) if store is None else store.sha256(tar.name)
    if now != index.tar_sha256:
        say(f"{place} is not what was written (SHA-256 {now[:12]}, not {index.tar_sha256[:12]}): written anew")
    return now == index.tar_sha256


def _sha256(tar: Path) -> str:
    with tar.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def estimated_bytes(plan: CachePlan, sources: Sequence[CacheSource]) -> float:
    """What shards of these images will take, by some of them, encoded."""
    tried = [sources[round(place)] for place in np.linspace(0, len(sources) - 1, min(_TRIED, len(sources)))]
    taken = [_padded(len(encode(source, plan).data)) + 3 * _BLOCK for source in tried]  # two headers, what is known
    filled = tarfile.RECORDSIZE * -(-len(sources) // plan.images_per_shard)
    return _MARGIN * len(sources) * sum(taken) / len(taken) + filled


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _write(tar: Path, rows: range, sources: Sequence[CacheSource], images: Iterable[Encoded], plan: CachePlan) -> None:
    """A shard's tar, then its index: where the index lies, the shard is whole.

    Raises:
        DataError: If the disk is full; nothing is left of the shard then.
    """
    index = tar.with_suffix(".npz")
    index.unlink(missing_ok=True)
    for left in tar.parent.glob(f".{tar.name}.*"):  # of a process that was killed
        left.unlink()
    part = tar.with_name(f".{tar.name}.{uuid4().hex}")
    places: list[tuple[int, int, int]] = []
    frames: list[tuple[float, ...]] = []
    told: dict[int, Remarks] = {}
    try:
        with tarfile.open(part, "w", format=tarfile.USTAR_FORMAT) as archive:
            for row, source, image in zip(rows, sources, images, strict=True):
                offset = 0
                if image.data:
                    known = {"sample_id": source.name, "letterbox": image.frame[: len(Letterbox._fields)]}
                    offset = _add(archive, f"{row:09d}{ENDS[plan.encoding]}", image.data)
                    _add(archive, f"{row:09d}.json", json.dumps(known).encode())
                places.append((offset, len(image.data), zlib.crc32(image.data)))
                frames.append(image.frame)
                told |= {row - rows.start: image.told} if image.told else {}
        digest = _sha256(part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        size = part.stat().st_size
        part.replace(tar)
        offset_n, size_n, crc_n = zip(*places, strict=True)
        content = BytesIO()
        np.savez(
            content,
            offset=np.array(offset_n, np.int64), size=np.array(size_n, np.int32), crc=np.array(crc_n, np.uint32),
            frame=np.array(frames), told=json.dumps(told), tar_bytes=size, tar_sha256=digest,
        )  # fmt: skip
        write_bytes(index, content.getvalue())
    except OSError as error:
        told_why = f"cannot write {tar}: {error.strerror or error}"
        raise DataError(f"{told_why}; make room and give the same words again") from error
    finally:
        part.unlink(missing_ok=True)


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> int:
    """Adds a file, and tells where its bytes begin."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    archive.addfile(info, BytesIO(data))
    return archive.offset - _padded(len(data))

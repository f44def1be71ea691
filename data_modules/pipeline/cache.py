"""Decoded, letterboxed images in one array: in memory, or in one file that later runs map into theirs."""

import json
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from gkmvlp.data_modules.pipeline.cached_images import PLACE_SIZE, CachedImages, Remarks, read_for_cache, require_room
from gkmvlp.data_modules.pipeline.images import Intensity
from gkmvlp.data_modules.pipeline.ledger import write_bytes, write_json, writing_below
from gkmvlp.data_modules.pipeline.quiet import one_opencv_thread
from gkmvlp.data_modules.pipeline.transforms import Pixels
from gkmvlp.geometry import ResizeMode

_VERSION = 5  # raise when decoding or fitting changes


class ImageCache(CachedImages):
    """Images by source, as a model reads them.

    Args:
        sources: Paths or bytes of the images, each once.
        side: Side S of the square in pixels.
        fit: How an image is fitted to the square.
        intensity: How intensities are shown.
        folder: Where the array is kept, or None for memory.
        workers: Threads that decode (decoders leave the interpreter free).
        accept: What is read although it is no frontal radiograph (see ``read_image``).
    """

    def __init__(
        self,
        sources: Sequence[str | bytes],
        side: int,
        fit: ResizeMode,
        intensity: Intensity,
        folder: str | Path | None = None,
        workers: int = 1,
        accept: Collection[str] = (),
    ) -> None:
        self._side, self._fit, self._intensity, self._accept = side, fit, intensity, frozenset(accept)
        super().__init__(sources)
        if folder is None:
            self._pixels = np.zeros((len(sources), side, side), np.uint8)
            place_N9, remarks = self._fill(sources, self._pixels, workers)
        else:
            self._pixels, place_N9, remarks = self._open(sources, Path(folder), workers)
        self._know(sources, place_N9, remarks)

    def _image(self, row: int) -> Pixels:
        return np.array(self._pixels[row])

    def _fill(
        self, sources: Sequence[str | bytes], pixels: Pixels, workers: int
    ) -> tuple[NDArray[np.float64], dict[int, Remarks]]:
        """Decodes all images into ``pixels``; their frames and turns (N, 6 + 3), and what is to be said of them."""
        place_N9 = np.zeros((len(sources), PLACE_SIZE))
        remarks: dict[int, Remarks] = {}

        def decode(row: int) -> None:
            reading = read_for_cache(sources[row], self._side, self._fit, self._intensity, self._accept)
            place_N9[row] = reading.place_9
            if reading.image_SS is not None:
                pixels[row] = reading.image_SS
            if reading.remarks is not None:
                remarks[row] = reading.remarks

        with one_opencv_thread(), ThreadPoolExecutor(max(workers, 1)) as pool:
            list(pool.map(decode, range(len(sources))))
        return place_N9, remarks

    def _open(
        self, sources: Sequence[str | bytes], folder: Path, workers: int
    ) -> tuple[Pixels, NDArray[np.float64], dict[int, Remarks]]:
        """The arrays of the folder, written first where they are not there; the list of files names them."""
        stem = self._key(sources)
        pixels, frames, remark_file = (folder / f"{stem}{end}" for end in (".npy", ".frames.npy", ".told.json"))
        if not pixels.is_file():
            part = folder / f".{stem}.{uuid4().hex}.npy"
            shape = (len(sources), self._side, self._side)
            # a full disk would end the process that writes to a mapped file, without a word
            require_room(folder, len(sources), float(np.prod(shape)))
            with writing_below(folder):
                mapped = np.lib.format.open_memmap(part, "w+", np.uint8, shape)
            place_N9, remarks = self._fill(sources, mapped, workers)
            mapped.flush()
            # another process may read these while we write
            content = BytesIO()
            np.save(content, place_N9)
            write_bytes(frames, content.getvalue())
            write_json(remark_file, remarks)
            # The array gets its name last: where it lies, the cache is whole.
            part.replace(pixels)
        stored = {int(row): Remarks(*line) for row, line in json.loads(remark_file.read_text()).items()}
        return np.load(pixels, mmap_mode="r"), np.load(frames), stored

    def _key(self, sources: Sequence[str | bytes]) -> str:
        """Name of the arrays: what was decoded (path, size, time of change) and how."""
        digest = sha256(f"{_VERSION}|{self._side}|{self._fit}|{self._intensity}|{sorted(self._accept)}".encode())
        for source in sources:
            if isinstance(source, bytes):
                digest.update(sha256(source).digest())
            else:
                path = Path(source)
                stat = path.stat() if path.is_file() else None
                digest.update(f"{path}|{stat.st_size if stat else 0}|{stat.st_mtime_ns if stat else 0}\n".encode())
        return f"images-{digest.hexdigest()[:16]}"

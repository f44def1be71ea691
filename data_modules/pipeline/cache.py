"""Decoded, letterboxed images in one array: in memory, or in one file that later runs map into theirs."""

import json
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from gkmvlp.data_modules.pipeline.images import ImageError, Intensity, read_square
from gkmvlp.data_modules.pipeline.ledger import write_bytes, write_json, writing_below
from gkmvlp.data_modules.pipeline.quiet import one_opencv_thread
from gkmvlp.data_modules.pipeline.transforms import FittedImage, Pixels
from gkmvlp.geometry import Letterbox, ResizeMode, Turn

_VERSION = 5  # raise when decoding or fitting changes


class _Remarks(NamedTuple):
    """What is to be said of an image: its error and the reason to count it by, both "" where it was read; notes."""

    error: str
    reason: str
    notes: list[str]


class ImageCache:
    """Images by source, as a model reads them.

    Args:
        sources: Paths or bytes of the images, each once.
        side: Side S of the square in pixels.
        fit: How an image is fitted to the square.
        intensity: How intensities are shown.
        folder: Where the array is kept, or None for memory.
        workers: Threads that decode (decoders leave the interpreter free).
        accept: What is read although it is no frontal radiograph (see ``read_image``).

    Attributes:
        bad: Source -> error, for images that cannot be read.
        notes: Source -> what was not taken as the file says.
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
        self._row = {source: row for row, source in enumerate(sources)}
        if folder is None:
            self._pixels = np.zeros((len(sources), side, side), np.uint8)
            self._frames, remarks = self._fill(self._pixels, workers)
        else:
            self._pixels, self._frames, remarks = self._open(Path(folder), workers)
        self.bad: dict[str | bytes, ImageError] = {
            source: ImageError(remarks[row].error, remarks[row].reason)
            for source, row in self._row.items()
            if row in remarks and remarks[row].error
        }
        self.notes: dict[str | bytes, list[str]] = {
            source: remarks[row].notes for source, row in self._row.items() if row in remarks and remarks[row].notes
        }

    def __contains__(self, source: str | bytes) -> bool:
        return source in self._row and source not in self.bad

    def __getitem__(self, source: str | bytes) -> FittedImage:
        """An image with its frame and its turn."""
        row = self._row[source]
        frame, turn = np.split(self._frames[row], [len(Letterbox._fields)])
        return FittedImage(np.array(self._pixels[row]), Letterbox(*map(float, frame)), Turn(*map(bool, turn)))

    def _fill(self, pixels: Pixels, workers: int) -> tuple[NDArray[np.float64], dict[int, "_Remarks"]]:
        """Decodes all images into ``pixels``; their frames and turns (N, 6 + 3), and what is to be said of them."""
        frames = np.zeros((len(self._row), len(Letterbox._fields) + len(Turn._fields)))
        remarks: dict[int, _Remarks] = {}

        def decode(source: str | bytes) -> None:
            row = self._row[source]
            notes: list[str] = []
            try:
                pixels[row], frame, turn = read_square(
                    source, self._side, self._fit, self._intensity, accept=self._accept, notes=notes
                )
                frames[row] = *frame, *turn
            except ImageError as error:
                remarks[row] = _Remarks(str(error), error.reason, [])
            else:
                remarks.update({row: _Remarks("", "", notes)} if notes else {})

        with one_opencv_thread(), ThreadPoolExecutor(max(workers, 1)) as pool:
            list(pool.map(decode, self._row))
        return frames, remarks

    def _open(self, folder: Path, workers: int) -> tuple[Pixels, NDArray[np.float64], dict[int, "_Remarks"]]:
        """The arrays of the folder, written first where they are not there; the list of files names them."""
        stem = self._key()
        pixels, frames, remark_file = (folder / f"{stem}{end}" for end in (".npy", ".frames.npy", ".told.json"))
        if not pixels.is_file():
            part = folder / f".{stem}.{uuid4().hex}.npy"
            shape = (len(self._row), self._side, self._side)
            with writing_below(folder):
                mapped = np.lib.format.open_memmap(part, "w+", np.uint8, shape)
            frame_N9, remarks = self._fill(mapped, workers)
            mapped.flush()
            # another process may read these while we write
            content = BytesIO()
            np.save(content, frame_N9)
            write_bytes(frames, content.getvalue())
            write_json(remark_file, remarks)
            # The array gets its name last: where it lies, the cache is whole.
            part.replace(pixels)
        stored = {int(row): _Remarks(*line) for row, line in json.loads(remark_file.read_text()).items()}
        return np.load(pixels, mmap_mode="r"), np.load(frames), stored

    def _key(self) -> str:
        """Name of the arrays: what was decoded (path, size, time of change) and how."""
        digest = sha256(f"{_VERSION}|{self._side}|{self._fit}|{self._intensity}|{sorted(self._accept)}".encode())
        for source in self._row:
            if isinstance(source, bytes):
                digest.update(sha256(source).digest())
            else:
                path = Path(source)
                stat = path.stat() if path.is_file() else None
                digest.update(f"{path}|{stat.st_size if stat else 0}|{stat.st_mtime_ns if stat else 0}\n".encode())
        return f"images-{digest.hexdigest()[:16]}"

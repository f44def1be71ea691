"""Decoded, letterboxed images in one array: in memory, or in one file that later runs map into theirs."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from gkmvlp.data_modules.pipeline.images import ImageError, Intensity, read_image
from gkmvlp.data_modules.pipeline.ledger import write_bytes, write_json
from gkmvlp.data_modules.pipeline.transforms import Pixels, letterbox
from gkmvlp.geometry import Frame, ResizeMode

_VERSION = 1  # raise when decoding or fitting changes


class ImageCache:
    """Images by source, as a model reads them.

    Args:
        sources: Paths or bytes of the images, each once.
        side: Side S of the square in pixels.
        fit: How an image is fitted to the square.
        intensity: How intensities are shown.
        folder: Where the array is kept, or None for memory.
        workers: Threads that decode (decoders leave the interpreter free).

    Attributes:
        bad: Source -> reason, for images that cannot be read.
    """

    def __init__(
        self,
        sources: Sequence[str | bytes],
        side: int,
        fit: ResizeMode,
        intensity: Intensity,
        folder: str | Path | None = None,
        workers: int = 1,
    ) -> None:
        self._side, self._fit, self._intensity = side, fit, intensity
        self._row = {source: row for row, source in enumerate(sources)}
        if folder is None:
            self._pixels = np.zeros((len(sources), side, side), np.uint8)
            self._frames, reasons = self._fill(self._pixels, workers)
        else:
            self._pixels, self._frames, reasons = self._open(Path(folder), workers)
        self.bad: dict[str | bytes, str] = {source: reasons[row] for source, row in self._row.items() if row in reasons}

    def __contains__(self, source: str | bytes) -> bool:
        return source in self._row and source not in self.bad

    def __getitem__(self, source: str | bytes) -> tuple[Pixels, Frame]:
        """Pixels (S, S) and frame of an image."""
        row = self._row[source]
        return np.array(self._pixels[row]), Frame(*map(float, self._frames[row]))

    def _fill(self, pixels: Pixels, workers: int) -> tuple[NDArray[np.float64], dict[int, str]]:
        """Decodes all images into ``pixels``; their frames (N, 6), and a reason for each that cannot be read."""
        frames = np.zeros((len(self._row), 6))
        reasons: dict[int, str] = {}

        def decode(source: str | bytes) -> None:
            row = self._row[source]
            try:
                pixels[row], frame = letterbox(read_image(source, self._intensity), self._side, self._fit)
                frames[row] = frame
            except ImageError as error:
                reasons[row] = str(error)

        with ThreadPoolExecutor(max(workers, 1)) as pool:
            list(pool.map(decode, self._row))
        return frames, reasons

    def _open(self, folder: Path, workers: int) -> tuple[Pixels, NDArray[np.float64], dict[int, str]]:
        """The arrays of the folder, written first where they are not there; the list of files names them."""
        stem = self._key()
        pixels, frames, reasons = (folder / f"{stem}{end}" for end in (".npy", ".frames.npy", ".bad.json"))
        if not pixels.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            part = folder / f".{stem}.{uuid4().hex}.npy"
            shape = (len(self._row), self._side, self._side)
            mapped = np.lib.format.open_memmap(part, "w+", np.uint8, shape)
            frame_N6, bad = self._fill(mapped, workers)
            mapped.flush()
            # another process may read these while we write
            content = BytesIO()
            np.save(content, frame_N6)
            write_bytes(frames, content.getvalue())
            write_json(reasons, bad)
            # The array gets its name last: where it lies, the cache is whole.
            part.replace(pixels)
        bad = {int(row): reason for row, reason in json.loads(reasons.read_text()).items()}
        return np.load(pixels, mmap_mode="r"), np.load(frames), bad

    def _key(self) -> str:
        """Name of the arrays: what was decoded (path, size, time of change) and how."""
        digest = sha256(f"{_VERSION}|{self._side}|{self._fit}|{self._intensity}".encode())
        for source in self._row:
            if isinstance(source, bytes):
                digest.update(sha256(source).digest())
            else:
                path = Path(source)
                stat = path.stat() if path.is_file() else None
                digest.update(f"{path}|{stat.st_size if stat else 0}|{stat.st_mtime_ns if stat else 0}\n".encode())
        return f"images-{digest.hexdigest()[:16]}"

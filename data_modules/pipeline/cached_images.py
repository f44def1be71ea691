"""What all caches of images share: how an image comes in, what is known of it, and how it is found again.

N images, S side of the square.
"""

import shutil
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gkmvlp.data_modules.pipeline.images import ImageError, Intensity, read_square
from gkmvlp.data_modules.pipeline.transforms import FittedImage, Pixels
from gkmvlp.errors import DataError
from gkmvlp.geometry import Letterbox, ResizeMode, Turn

PLACE_SIZE = len(Letterbox._fields) + len(Turn._fields)  # 6 + 3


class Remarks(NamedTuple):
    """What is to be said of an image: its error and the reason to count it by, both "" where it was read; notes."""

    error: str
    reason: str
    notes: list[str]


class Reading(NamedTuple):
    """An image on its way into a cache."""

    image_SS: Pixels | None  # None where it cannot be read
    place_9: tuple[float, ...]  # frame (6) and turn (3); zeros where it cannot be read
    remarks: Remarks | None


def read_for_cache(
    source: str | bytes,
    side: int,
    fit: ResizeMode,
    intensity: Intensity,
    accept: Collection[str],
    label: str = "",
) -> Reading:
    """An image as a model reads it, or why it cannot be read.

    Args:
        source: Path, or the file's bytes.
        side: S in pixels.
        fit: How an image is fitted to the square.
        intensity: How intensities are shown.
        accept: What is read although it is no frontal radiograph (see ``read_image``).
        label: What an error calls it; "" for its path.
    """
    notes: list[str] = []
    try:
        image_SS, frame, turn = read_square(source, side, fit, intensity, label, accept, notes)
    except ImageError as error:
        return Reading(None, (0.0,) * PLACE_SIZE, Remarks(str(error), error.reason, []))
    return Reading(image_SS, (*frame, *turn), Remarks("", "", notes) if notes else None)


def require_room(folder: Path, images: int, needed: float) -> None:
    """Stops where a disk has less room than a cache will take: before anything is written there.

    Args:
        folder: Where the cache will lie; it need not exist.
        images: How many are written.
        needed: Bytes that they will take.

    Raises:
        DataError: With what is needed and what is free.
    """
    place = next(parent for parent in (folder, *folder.resolve().parents) if parent.is_dir())
    free = shutil.disk_usage(place).free
    if needed > free:
        raise DataError(
            f"{folder}: {images:,} images take about {needed / 1e9:,.2f} GB, {free / 1e9:,.2f} GB are free; "
            "name a folder with more room as cache_dir (--cache-dir)"
        )


class SourceRows:
    """Source -> its row in 24 bytes of arrays; a dict of paths would be copied by every worker that looks into it.

    Args:
        sources: Paths or bytes, each once.
    """

    def __init__(self, sources: Sequence[str | bytes]) -> None:
        hash_N = np.array([_hash(source) for source in sources], "S16")
        self._row_N = np.argsort(hash_N)
        self._hash_N = hash_N[self._row_N]

    def __len__(self) -> int:
        return len(self._row_N)

    def find(self, source: str | bytes) -> int | None:
        """The row of a source; None where it is none of them."""
        wanted = np.array(_hash(source), "S16")
        place = int(np.searchsorted(self._hash_N, wanted))
        return int(self._row_N[place]) if place < len(self) and self._hash_N[place] == wanted else None


def _hash(source: str | bytes) -> bytes:
    """16 bytes: of ten million sources two are alike with a chance of 1 in 10^24."""
    data, kind = (source, b"bytes") if isinstance(source, bytes) else (source.encode("utf-8", "surrogatepass"), b"path")
    return blake2b(data, digest_size=16, person=kind).digest()


class CachedImages(ABC):
    """Images by source, as a model reads them.

    Args:
        sources: Paths or bytes of the images, each once.

    Attributes:
        bad: Source -> error, for images that cannot be read.
        notes: Source -> what was not taken as the file says.
    """

    def __init__(self, sources: Sequence[str | bytes]) -> None:
        self._rows = SourceRows(sources)
        self.bad: dict[str | bytes, ImageError] = {}
        self.notes: dict[str | bytes, list[str]] = {}

    def _know(
        self, sources: Sequence[str | bytes], place_N9: NDArray[np.float64], remarks: Mapping[int, Remarks]
    ) -> None:
        """Takes what is known of the images: frame and turn of each, and by row what is to be said of some."""
        self._place_N9 = place_N9
        of_source = {sources[row]: remarks[row] for row in sorted(remarks)}
        self.bad = {source: ImageError(one.error, one.reason) for source, one in of_source.items() if one.error}
        self.notes = {source: one.notes for source, one in of_source.items() if one.notes}

    @abstractmethod
    def _image(self, row: int) -> Pixels:
        """The square of a row, (S, S) uint8, an array of its own."""

    def __contains__(self, source: str | bytes) -> bool:
        return source not in self.bad and self._rows.find(source) is not None

    def __getitem__(self, source: str | bytes) -> FittedImage:
        """An image with its frame and its turn.

        Raises:
            KeyError: If it is none of the sources.
        """
        if (row := self._rows.find(source)) is None:
            raise KeyError(source)
        frame, turn = np.split(self._place_N9[row], [len(Letterbox._fields)])
        return FittedImage(self._image(row), Letterbox(*map(float, frame)), Turn(*map(bool, turn)))

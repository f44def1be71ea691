"""What all caches of images share: how an image comes in, what is known of it, and how it is found again.

N images, S side of the square.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gkmvlp.data_modules.pipeline.images import ImageError, Intensity, read_square
from gkmvlp.data_modules.pipeline.transforms import FittedImage, Pixels
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


class CachedImages(ABC):
    """Images by source, as a model reads them.

    Args:
        sources: Paths or bytes of the images, each once.

    Attributes:
        bad: Source -> error, for images that cannot be read.
        notes: Source -> what was not taken as the file says.
    """

    def __init__(self, sources: Sequence[str | bytes]) -> None:
        self._row = {source: row for row, source in enumerate(sources)}
        self.bad: dict[str | bytes, ImageError] = {}
        self.notes: dict[str | bytes, list[str]] = {}

    def _know(self, place_N9: NDArray[np.float64], remarks: Mapping[int, Remarks]) -> None:
        """Takes what is known of the images: frame and turn of each, and by row what is to be said of some."""
        self._place_N9 = place_N9
        of_source = {source: remarks[row] for source, row in self._row.items() if row in remarks}
        self.bad = {source: ImageError(one.error, one.reason) for source, one in of_source.items() if one.error}
        self.notes = {source: one.notes for source, one in of_source.items() if one.notes}

    @abstractmethod
    def _image(self, row: int) -> Pixels:
        """The square of a row, (S, S) uint8, an array of its own."""

    def __contains__(self, source: str | bytes) -> bool:
        return source in self._row and source not in self.bad

    def __getitem__(self, source: str | bytes) -> FittedImage:
        """An image with its frame and its turn."""
        row = self._row[source]
        frame, turn = np.split(self._place_N9[row], [len(Letterbox._fields)])
        return FittedImage(self._image(row), Letterbox(*map(float, frame)), Turn(*map(bool, turn)))

"""Which images are one: copies of another size, format or compression are found by their thumbnails.

A thumbnail is the whole image at 32 x 32, grey levels as stored, moved to mean 0 and length 1; two images are one where
theirs correlate above 0.999. Of the 535 real images of ChestX-ray14 the two most alike correlate at 0.970, and JPEG
copies at 256 px and quality 50 with their originals at 0.9997 or more. N, M images, D = 32 * 32 pixels.
"""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from gkmvlp.data_modules.pipeline.cache import ImageCache
from gkmvlp.data_modules.pipeline.transforms import Pixels, letterbox

SIDE = 32
SAME = 0.999
_CHUNK = 1024


class Thumbnails:
    """Thumbnails of images.

    Args:
        sources: Paths or bytes of the images, each once.
        workers: Threads that decode.
        accept: What is read although it is no frontal radiograph (see ``read_image``).

    Attributes:
        bad: Source -> reason, for images that cannot be read.
    """

    def __init__(self, sources: Sequence[str | bytes], workers: int, accept: Collection[str] = ()) -> None:
        # squashed, so that a copy that gave up its aspect is still known
        self._cache = ImageCache(sources, SIDE, "squash", "voi", workers=workers, accept=accept)
        self.bad = self._cache.bad
        self._sources = sources

    def all(self) -> dict[str | bytes, Pixels]:
        """Thumbnail (32, 32) of each image that can be read."""
        return {source: self._cache[source].image_SS for source in self._sources if source in self._cache}


def thumbnail(image_HW: Pixels) -> Pixels:
    """The thumbnail (32, 32) of an image (H, W)."""
    return letterbox(image_HW, SIDE, "squash")[0]


def comparable(thumbs: Sequence[Pixels]) -> NDArray[np.float32]:
    """Thumbnails as rows (N, D) of mean 0 and length 1; a constant one is 0 and like no other."""
    thumb_ND = np.array(thumbs, np.float32).reshape(len(thumbs), SIDE * SIDE)
    thumb_ND -= thumb_ND.mean(1, keepdims=True)
    length_N1 = np.linalg.norm(thumb_ND, axis=1, keepdims=True)
    return np.asarray(thumb_ND / np.where(length_N1 > 0, length_N1, 1), np.float32)


def same_images(first_ND: NDArray[np.float32], second_MD: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Pairs of rows that show one image, in order.

    Args:
        first_ND: Thumbnails (N, D) of mean 0 and length 1.
        second_MD: Thumbnails (M, D) likewise.
    """
    pairs: list[tuple[int, int]] = []
    for start in range(0, len(first_ND), _CHUNK):
        rows, columns = (first_ND[start : start + _CHUNK] @ second_MD.T > SAME).nonzero()
        pairs += zip((rows + start).tolist(), columns.tolist(), strict=True)
    return pairs

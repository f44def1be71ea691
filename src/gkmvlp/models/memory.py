"""What the text modes read of an image.

N memories, M tokens, D width, H heads.
"""

from typing import NamedTuple

from torch import Tensor


class Memory(NamedTuple):
    """What cross-attention reads: a token is found by its key and tells its value."""

    key: Tensor  # (N, M, D)
    value: Tensor  # (N, M, D)


class ProjectedMemory(NamedTuple):
    """A memory as the layers read it, for several passes over the same images: fusion and decoding read it alike."""

    layers: tuple[Memory | None, ...]  # keys and values by head, (N, H, M, D / H) each; None where a layer reads none

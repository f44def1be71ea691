"""Simple feature pyramid: maps of several strides from the one grid of patches (ViTDet; Li et al., ECCV 2022).

B batch, D width, h x w grid of patches, C channels of each level.
"""

import math
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F


class _Norm(nn.LayerNorm):
    """Layer norm over the channels of a map (B, C, h, w)."""

    def forward(self, map_BChw: Tensor) -> Tensor:
        return super().forward(map_BChw.movedim(1, -1)).movedim(-1, 1)


class _Level(nn.Module):
    """One level: finer by transposed convolutions of stride 2, coarser by pooling, then two convolutions.

    Args:
        width: D.
        channels: C.
        factor: Cells of this level a side for each patch a side; a power of 2.
    """

    def __init__(self, width: int, channels: int, factor: float) -> None:
        super().__init__()
        self.factor = factor
        finer: list[nn.Module] = []
        for _ in range(max(0, round(math.log2(factor)))):
            finer += [*([_Norm(width), nn.GELU()] if finer else []), nn.ConvTranspose2d(width, width, 2, 2)]
        self.finer = nn.Sequential(*finer)
        self.smooth = nn.Sequential(
            nn.Conv2d(width, channels, 1, bias=False), _Norm(channels),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), _Norm(channels),
        )  # fmt: skip

    def forward(self, map_BDhw: Tensor) -> Tensor:
        if self.factor < 1:
            # adaptive: the cells of a level share the frame evenly, also where the grid is odd
            size = [math.ceil(side * self.factor) for side in map_BDhw.shape[-2:]]
            return self.smooth(F.adaptive_max_pool2d(map_BDhw, size))
        return self.smooth(self.finer(map_BDhw))


class FeaturePyramid(nn.Module):
    """Maps at several strides, finest first.

    Args:
        width: D of the patches.
        channels: C of every level.
        factors: Of each level: cells a side for each patch a side, powers of 2, in falling order.
    """

    def __init__(self, width: int, channels: int, factors: Sequence[float]) -> None:
        super().__init__()
        self.out_channels = channels
        self.levels = nn.ModuleList(_Level(width, channels, factor) for factor in factors)

    def forward(self, map_BDhw: Tensor) -> list[Tensor]:
        """Patches as a map (B, D, h, w) to one map (B, C, ceil(h * factor), ceil(w * factor)) a level."""
        return [level(map_BDhw) for level in self.levels]

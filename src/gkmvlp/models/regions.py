"""Regions on the patch grid: coverage of patches by boxes, and one token a region.

B batch, R regions, P = h * w patches, D width.
"""

import torch
from torch import Tensor, nn
from torchvision.ops import roi_align

from gkmvlp.models.config import RegionPooling


def coverage(box_BR4: Tensor, grid: tuple[int, int]) -> Tensor:
    """How much of each patch lies in each box.

    Args:
        box_BR4: Boxes (B, R, 4) xyxy as fractions of the square frame.
        grid: (h, w) of the patches.

    Returns:
        (B, R, P) in [0, 1]: area of the intersection over the area of the patch; 0 for a box without area.
    """

    def overlap(low_BR: Tensor, high_BR: Tensor, size: int) -> Tensor:
        edge = torch.arange(size, device=box_BR4.device, dtype=box_BR4.dtype)
        low, high = low_BR[..., None] * size, high_BR[..., None] * size
        return (torch.minimum(high, edge + 1) - torch.maximum(low, edge)).clamp(0, 1)

    x1, y1, x2, y2 = box_BR4.unbind(-1)
    rows_BRh, columns_BRw = overlap(y1, y2, grid[0]), overlap(x1, x2, grid[1])
    return (rows_BRh[..., :, None] * columns_BRw[..., None, :]).flatten(2)


class RegionPooler(nn.Module):
    """One token a region: what its box covers, which region it is, and where the box lies.

    Args:
        regions: R.
        width: D.
        pooling: ``coverage`` averages the patches by coverage, one matmul; ``roi_align`` samples 3 x 3 points.
    """

    def __init__(self, regions: int, width: int, pooling: RegionPooling = "coverage") -> None:
        super().__init__()
        self.pooling = pooling
        self.identity_RD = nn.Parameter(torch.randn(regions, width) * 0.02)
        self.geometry = nn.Linear(4, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, patches_BPD: Tensor, box_BR4: Tensor, coverage_BRP: Tensor, grid: tuple[int, int]) -> Tensor:
        """Region tokens.

        Args:
            patches_BPD: Patches (B, P, D).
            box_BR4: Boxes (B, R, 4) xyxy as fractions of the frame.
            coverage_BRP: ``coverage(box_BR4, grid)``.
            grid: (h, w).

        Returns:
            (B, R, D), finite also where a region has no box.
        """
        if self.pooling == "roi_align":
            pooled_BRD = self._aligned(patches_BPD, box_BR4, grid)
        else:
            weight_BRP = coverage_BRP / coverage_BRP.sum(-1, keepdim=True).clamp_min(1e-6)
            pooled_BRD = weight_BRP.to(patches_BPD.dtype) @ patches_BPD
        return self.norm(pooled_BRD + self.identity_RD + self.geometry(box_BR4))

    def _aligned(self, patches_BPD: Tensor, box_BR4: Tensor, grid: tuple[int, int]) -> Tensor:
        batch, regions = box_BR4.shape[:2]
        map_BDhw = patches_BPD.transpose(1, 2).unflatten(2, grid).float()
        scale = torch.tensor([grid[1], grid[0]] * 2, device=box_BR4.device)
        # one tensor, each box with the number of its image: a list would fix B in an export
        image_BR1 = torch.arange(batch, device=box_BR4.device)[:, None, None].expand(-1, regions, 1)
        box_N5 = torch.cat([image_BR1.float(), box_BR4.float() * scale], dim=-1).flatten(0, 1)
        sampled = roi_align(map_BDhw, box_N5, output_size=3, aligned=True)
        return sampled.mean((2, 3)).view(batch, regions, -1).to(patches_BPD.dtype)

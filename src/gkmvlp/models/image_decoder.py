"""The decoder of masked patches (He et al. 2022, section 3): from the visible ones to the pixels of all.

B batch, P patches, V visible patches, D width, C pixels of a patch.
"""

import torch
from timm.models.vision_transformer import Block
from torch import Tensor, nn

from gkmvlp.models.config import ImageDecoderConfig
from gkmvlp.models.vision import sincos_position_encoding


class ImageDecoder(nn.Module):
    """A narrow transformer over the visible patches and a learned vector in the place of each masked one.

    Args:
        config: Sizes.
        width: D.
        grid: Rows and columns of the P patches.
        pixels: C.
    """

    position_PH: Tensor

    def __init__(self, config: ImageDecoderConfig, width: int, grid: tuple[int, int], pixels: int) -> None:
        super().__init__()
        inner = config.hidden_size
        ratio = config.intermediate_size / inner
        self.embed = nn.Linear(width, inner)
        self.mask_token = nn.Parameter(torch.randn(inner) * 0.02)
        self.layers = nn.Sequential(
            *(Block(inner, config.num_attention_heads, ratio, qkv_bias=True) for _ in range(config.num_hidden_layers))
        )
        self.norm = nn.LayerNorm(inner)
        self.predict = nn.Linear(inner, pixels)
        self.register_buffer("position_PH", sincos_position_encoding(*grid, inner), persistent=False)

    def forward(self, visible_BVD: Tensor, masked_BP: Tensor) -> Tensor:
        """Pixels of all patches, (B, P, C).

        Args:
            visible_BVD: The visible patches, in order.
            masked_BP: (B, P) bool, True on masked patches, P - V in each image.
        """
        visible_BVH = self.embed(visible_BVD)
        patch_BPH = self.mask_token.to(visible_BVH.dtype).expand(*masked_BP.shape, -1)
        patch_BPH = patch_BPH.masked_scatter(~masked_BP[..., None], visible_BVH)
        return self.predict(self.norm(self.layers(patch_BPH + self.position_PH)))

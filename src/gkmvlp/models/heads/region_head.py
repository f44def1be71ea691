"""Where the 29 regions lie: one query a region looks at the patches and at the other regions.

B batch, R regions, P patches, D width.
"""

import torch
from torch import Tensor, nn
from torchvision.ops import box_convert


class RegionHead(nn.Module):
    """One box and one presence a region, by steps from a prior box (as DETR does; Carion et al., ECCV 2020).

    No anchors: every region is there at most once and its place is nearly known.

    Args:
        width: D of the patches.
        prior_R4: Boxes (R, 4) xyxy from which the head starts, as fractions of the square frame.
        layers: Decoder layers.
        heads: Attention heads a layer.
    """

    prior_R4: Tensor

    def __init__(self, width: int, prior_R4: Tensor, layers: int = 2, heads: int = 4) -> None:
        super().__init__()
        centred_R4 = box_convert(prior_R4, "xyxy", "cxcywh").clamp(0.01, 0.99)
        self.register_buffer("prior_R4", centred_R4.logit())
        self.query_RD = nn.Parameter(torch.randn(len(prior_R4), width) * 0.02)
        layer = nn.TransformerDecoderLayer(
            width, heads, 2 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.decoder = nn.TransformerDecoder(layer, layers, nn.LayerNorm(width))
        self.step = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 4))
        self.presence = nn.Linear(width, 1)
        last = self.step[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)  # the first boxes are the prior's
        nn.init.zeros_(last.bias)

    def forward(self, patches_BPD: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes and presences.

        Args:
            patches_BPD: Patches (B, P, D) that carry the code of their place.

        Returns:
            Boxes (B, R, 4) float32 xyxy in fractions of the frame, and log odds (B, R) that the region has a box.
        """
        token_BRD = self.decoder(self.query_RD.expand(len(patches_BPD), -1, -1), patches_BPD)
        centred_BR4 = (self.prior_R4 + self.step(token_BRD).float()).sigmoid()
        box_BR4 = box_convert(centred_BR4, "cxcywh", "xyxy").clamp(0, 1)
        return box_BR4, self.presence(token_BRD)[..., 0].float()

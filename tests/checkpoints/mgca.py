"""The layout of MGCA (Wang et al. 2022) as its checkpoints have it: names of modules, and what its ViT computes.

The names are those of its public repository HKU-MedAI/MGCA; the ViT of Dosovitskiy et al. 2021 is written anew.
"""

import lightning
import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    """A pre-norm layer with two heads; its norms have timm's epsilon."""

    def __init__(self, width):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attn = nn.ModuleDict({"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)})
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)})

    def forward(self, x):
        heads = [part.unflatten(-1, (2, -1)).transpose(1, 2) for part in self.attn["qkv"](self.norm1(x)).chunk(3, -1)]
        x = x + self.attn["proj"](F.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2))
        return x + self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(x))))


class MgcaVit(nn.Module):
    """ViT for images of 32 x 32 with patches of 8 x 8."""

    def __init__(self, width, depth):
        super().__init__()
        self.cls_token, self.pos_embed = nn.Parameter(torch.zeros(1, 1, width)), nn.Parameter(torch.zeros(1, 17, width))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, 8, 8)})
        self.blocks = nn.Sequential(*(Block(width) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, image):
        patches = self.patch_embed["proj"](image).flatten(2).transpose(1, 2)
        return self.norm(
            self.blocks(torch.cat([self.cls_token.expand(len(image), -1, -1), patches], 1) + self.pos_embed)
        )


class Mgca(lightning.LightningModule):
    """All that lies in a checkpoint of MGCA: two encoders with their projections, attention layers, prototypes."""

    def __init__(self, width, depth, emb_dim=4):
        super().__init__()
        self.save_hyperparameters()

        def projections():
            names = ("global_embed", "local_embed")
            heads = [nn.Sequential(nn.Linear(width, 6), nn.BatchNorm1d(6)) for _ in range(2)]
            return {name: nn.ModuleDict({"head": head}) for name, head in zip(names, heads, strict=True)}

        self.img_encoder_q = nn.ModuleDict({"model": MgcaVit(width, depth), **projections()})
        self.text_encoder_q = nn.ModuleDict({"model": nn.Linear(2, 2), **projections()})
        self.patch_local_atten_layer = nn.MultiheadAttention(emb_dim, 1)
        self.word_local_atten_layer = nn.MultiheadAttention(emb_dim, 1)
        self.prototype_layer = nn.Linear(emb_dim, 7, bias=False)

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters())

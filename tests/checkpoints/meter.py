"""METER (Dou et al. 2022) and M3AE (Chen et al. 2022) as their checkpoints have them: names, and what they compute.

The names are those of zdou0830/METER and zhjohnchan/M3AE; CLIP's ViT and the co-attention are written anew, the text
encoder is RoBERTa of transformers, as theirs is.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F
from transformers import RobertaConfig, RobertaModel

SIDE, PATCH, WIDTH, HEADS = 32, 8, 16, 2
NAMES = {
    "METER": {
        "vision": "vit_model",
        "text": "text_transformer",
        "text_projection": "cross_modal_text_transform",
        "image_projection": "cross_modal_image_transform",
        "kind": "token_type_embeddings",
        "text_layers": "cross_modal_text_layers",
        "image_layers": "cross_modal_image_layers",
        "text_pooler": "cross_modal_text_pooler",
        "image_pooler": "cross_modal_image_pooler",
        "words": "mlm_score",
        "match": "itm_score",
    },
    "M3AE": {
        "vision": "vision_encoder",
        "text": "language_encoder",
        "text_projection": "multi_modal_language_proj",
        "image_projection": "multi_modal_vision_proj",
        "kind": "modality_type_embeddings",
        "text_layers": "multi_modal_language_layers",
        "image_layers": "multi_modal_vision_layers",
        "text_pooler": "multi_modal_language_pooler",
        "image_pooler": "multi_modal_vision_pooler",
        "words": "mlm_head",
        "match": "itm_head",
    },
}


def split(x):
    return x.unflatten(-1, (HEADS, -1)).transpose(1, 2)


def attended(query, key, value, mask=None):
    """Softmax of products, head by head; ``mask`` (B, M) is True on what may be read."""
    query, key, value = (split(x) for x in (query, key, value))
    score = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    if mask is not None:
        score = score.masked_fill(~mask[:, None, None], -1e9)
    return (score.softmax(-1) @ value).transpose(1, 2).flatten(2)


class ClipBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn = nn.MultiheadAttention(WIDTH, HEADS)
        self.ln_1, self.ln_2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(WIDTH, 4 * WIDTH), "c_proj": nn.Linear(4 * WIDTH, WIDTH)})

    def forward(self, x):
        query, key, value = F.linear(self.ln_1(x), self.attn.in_proj_weight, self.attn.in_proj_bias).chunk(3, -1)
        x = x + self.attn.out_proj(attended(query, key, value))
        inner = self.mlp["c_fc"](self.ln_2(x))
        return x + self.mlp["c_proj"](inner * torch.sigmoid(1.702 * inner))


class ClipVit(nn.Module):
    def __init__(self, depth):
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTH, PATCH, PATCH, bias=False)
        self.class_embedding = nn.Parameter(torch.zeros(WIDTH))
        self.positional_embedding = nn.Parameter(torch.zeros((SIDE // PATCH) ** 2 + 1, WIDTH))
        self.ln_pre, self.ln_post = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.transformer = nn.ModuleDict({"resblocks": nn.Sequential(*(ClipBlock() for _ in range(depth)))})

    def forward(self, image):
        patches = self.conv1(image).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_embedding.expand(len(image), 1, -1), patches], 1) + self.positional_embedding
        return self.ln_post(self.transformer["resblocks"](self.ln_pre(tokens)))


class Clip(nn.Module):
    """With what is left of CLIP's text model, which nothing reads."""

    def __init__(self, depth):
        super().__init__()
        self.visual = ClipVit(depth)
        self.token_embedding, self.ln_final = nn.Embedding(9, 8), nn.LayerNorm(8)
        self.positional_embedding = nn.Parameter(torch.zeros(7, 8))


class Output(nn.Module):
    def __init__(self, inner=WIDTH):
        super().__init__()
        self.dense, self.LayerNorm = nn.Linear(inner, WIDTH), nn.LayerNorm(WIDTH, eps=1e-12)

    def forward(self, x, before):
        return self.LayerNorm(before + self.dense(x))


class CrossAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.self = nn.ModuleDict({name: nn.Linear(WIDTH, WIDTH) for name in ("query", "key", "value")})
        self.output = Output()

    def forward(self, x, source, mask):
        key, value = self.self["key"](source), self.self["value"](source)
        return self.output(attended(self.self["query"](x), key, value, mask), x)


class CrossLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention, self.crossattention = CrossAttention(), CrossAttention()
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(WIDTH, 2 * WIDTH)})
        self.output = Output(2 * WIDTH)

    def forward(self, x, other, mask, other_mask):
        x = self.crossattention(self.attention(x, x, mask), other, other_mask)
        return self.output(F.gelu(self.intermediate["dense"](x)), x)


class Published(nn.Module):
    """A model under the names of one of the two."""

    def __init__(self, published, vocabulary, depth=2, layers=2):
        super().__init__()
        self.names = NAMES[published]
        config = RobertaConfig(
            vocab_size=vocabulary,
            hidden_size=WIDTH,
            num_hidden_layers=2,
            num_attention_heads=HEADS,
            intermediate_size=2 * WIDTH,
            max_position_embeddings=514,
            type_vocab_size=1,
            layer_norm_eps=1e-5,
            pad_token_id=1,
        )
        parts = {
            "vision": Clip(depth),
            "text": RobertaModel(config),
            "text_projection": nn.Linear(WIDTH, WIDTH),
            "image_projection": nn.Linear(WIDTH, WIDTH),
            "kind": nn.Embedding(2, WIDTH),
            "text_layers": nn.ModuleList(CrossLayer() for _ in range(layers)),
            "image_layers": nn.ModuleList(CrossLayer() for _ in range(layers)),
            "text_pooler": nn.ModuleDict({"dense": nn.Linear(WIDTH, WIDTH)}),
            "image_pooler": nn.ModuleDict({"dense": nn.Linear(WIDTH, WIDTH)}),
            "words": nn.ModuleDict({"decoder": nn.Linear(WIDTH, vocabulary, bias=False)}),
            "match": nn.ModuleDict({"fc": nn.Linear(2 * WIDTH, 2)}),
        }
        for part, module in parts.items():
            self.add_module(self.names[part], module)

    def part(self, name):
        return getattr(self, self.names[name])

    def image(self, image):
        """Tokens behind the encoder."""
        return self.part("vision").visual(image)

    def image_stream(self, tokens):
        """What enters the fusion."""
        return self.part("image_projection")(tokens) + self.part("kind").weight[1]

    def text_stream(self, ids, mask):
        state = self.part("text")(ids, attention_mask=mask.long()).last_hidden_state
        return self.part("text_projection")(state) + self.part("kind").weight[0]

    def fused(self, text, image, mask):
        """Both streams behind the fusion, each layer reading both as they entered it."""
        for text_layer, image_layer in zip(self.part("text_layers"), self.part("image_layers"), strict=True):
            text, image = text_layer(text, image, mask, None), image_layer(image, text, None, mask)
        return text, image

    def match(self, text, image):
        pooled = [
            self.part(name)["dense"](stream[:, 0]).tanh()
            for name, stream in (("text_pooler", text), ("image_pooler", image))
        ]
        return self.part("match")["fc"](torch.cat(pooled, -1))

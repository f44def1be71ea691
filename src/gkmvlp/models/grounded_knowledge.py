"""The grounded-knowledge (GK) module: prompts look at the regions where they can show, then at the patches there.

B batch, E entities, R regions, P patches, D width, H heads.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gkmvlp.models.config import KnowledgeConfig, Routing


class Grounded(NamedTuple):
    """What the GK module gives."""

    tokens: Tensor  # (B, E, D) one an entity, for the image memory
    evidence: Tensor  # (B, E, D) prompt and patch stage alone, for entity classification
    region_attention: Tensor  # (B, E, R) heads averaged, last layer; 0 for regions that are not admitted
    patch_attention: Tensor | None  # (B, E, P) heads averaged, last layer; only on request


class CrossAttention(nn.Module):
    """Multi-head attention of queries to keys with additive logits, returning weights where asked."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.output = nn.Linear(width, width), nn.Linear(width, width)

    def _split(self, x_BND: Tensor) -> Tensor:
        return x_BND.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, H, N, D/H)

    def weights(self, query_BND: Tensor, key_BMD: Tensor, logit_BNM: Tensor) -> Tensor:
        """Attention weights (B, H, N, M) in float32."""
        query, key = self._split(self.query(query_BND)), self._split(self.key(key_BMD))
        score = (query @ key.transpose(-1, -2)).float() / query.shape[-1] ** 0.5
        return (score + logit_BNM[:, None]).softmax(-1)

    def forward(self, query_BND: Tensor, key_BMD: Tensor, logit_BNM: Tensor) -> Tensor:
        """Attends with the fused kernel.

        Args:
            query_BND: Queries (B, N, D).
            key_BMD: Keys and values (B, M, D).
            logit_BNM: Added to the attention logits (B, N, M).
        """
        query, key, value = (
            self._split(project(x))
            for project, x in ((self.query, query_BND), (self.key, key_BMD), (self.value, key_BMD))
        )
        dropout = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(query, key, value, logit_BNM[:, None].to(query.dtype), dropout)
        return self.output(mixed.transpose(1, 2).flatten(2))

    def mix(self, weight_BHNM: Tensor, key_BMD: Tensor) -> Tensor:
        """Values mixed by given weights, (B, N, D)."""
        value = self._split(self.value(key_BMD))
        return self.output((weight_BHNM.to(value.dtype) @ value).transpose(1, 2).flatten(2))


class GroundedLayer(nn.Module):
    """One pre-norm layer: region stage, routed patch stage, feed-forward."""

    def __init__(self, width: int, config: KnowledgeConfig) -> None:
        super().__init__()
        self.routing: Routing = config.routing
        self.floor = config.routing_floor
        self.region_norm, self.patch_norm, self.feed_norm = (nn.LayerNorm(width) for _ in range(3))
        self.region = CrossAttention(width, config.heads, config.dropout)
        self.patch = CrossAttention(width, config.heads, config.dropout)
        self.feed = nn.Sequential(nn.Linear(width, config.feedforward), nn.GELU(), nn.Linear(config.feedforward, width))
        self.drop = nn.Dropout(config.dropout)

    def route(self, region_attention_BER: Tensor, coverage_BRP: Tensor) -> Tensor:
        """Patch logits (B, E, P): log(sum over regions of attention x coverage + floor), or its support as a mask."""
        weight_BEP = region_attention_BER @ coverage_BRP.float()
        if self.routing == "none":
            return torch.zeros_like(weight_BEP)
        if self.routing == "hard":  # a prompt without any patch looks everywhere
            inside = (weight_BEP > self.floor) | (weight_BEP <= self.floor).all(-1, keepdim=True)
            return torch.zeros_like(weight_BEP).masked_fill(~inside, -1e4)
        return (weight_BEP + self.floor).log()

    def forward(
        self, token_BED: Tensor, region_BRD: Tensor, admitted_BER: Tensor, coverage_BRP: Tensor, patches_BPD: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """One layer.

        Returns:
            Tokens (B, E, D), what the patch stage added (B, E, D), region attention (B, E, R), and patch weights'
            inputs: the query (B, E, D) from which ``patch_weights`` recomputes the map.
        """
        # where a prompt has no admitted region, attention over all is computed and then dropped: finite, no effect
        none_BE1 = ~admitted_BER.any(-1, keepdim=True)
        blocked_BER = torch.zeros_like(admitted_BER, dtype=torch.float32).masked_fill(~(admitted_BER | none_BE1), -1e4)
        weight_BHER = self.region.weights(self.region_norm(token_BED), region_BRD, blocked_BER)
        weight_BHER = weight_BHER.masked_fill(none_BE1[:, None], 0.0)
        token_BED = token_BED + self.drop(self.region.mix(weight_BHER, region_BRD))
        region_attention_BER = weight_BHER.mean(1)
        query_BED = self.patch_norm(token_BED)
        seen_BED = self.patch(query_BED, patches_BPD, self.route(region_attention_BER, coverage_BRP))
        token_BED = token_BED + self.drop(seen_BED)
        token_BED = token_BED + self.drop(self.feed(self.feed_norm(token_BED)))
        return token_BED, seen_BED, region_attention_BER, query_BED


class GroundedKnowledge(nn.Module):
    """Grounds E prompts in an image.

    Args:
        width: D.
        config: Depth, heads and routing.
    """

    def __init__(self, width: int, config: KnowledgeConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(GroundedLayer(width, config) for _ in range(config.layers))
        self.norm, self.evidence_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.judge = nn.Sequential(
            nn.Linear(2 * width, config.feedforward), nn.GELU(), nn.Linear(config.feedforward, width)
        )

    def forward(
        self,
        prompt_BED: Tensor,
        region_BRD: Tensor,
        admitted_BER: Tensor,
        coverage_BRP: Tensor,
        patches_BPD: Tensor,
        need_patch_attention: bool = False,
    ) -> Grounded:
        """Grounds prompts.

        Args:
            prompt_BED: One vector a prompt (B, E, D).
            region_BRD: Region tokens (B, R, D).
            admitted_BER: (B, E, R) bool, True where the prior admits the region and the image has its box.
            coverage_BRP: Share of each patch inside each region's box (B, R, P).
            patches_BPD: Patches (B, P, D).
            need_patch_attention: Whether to compute the (B, E, P) map.
        """
        token_BED = prompt_BED
        for layer in self.layers:
            token_BED, seen_BED, attention_BER, query_BED = layer(
                token_BED, region_BRD, admitted_BER, coverage_BRP, patches_BPD
            )
        last = self.layers[-1]
        assert isinstance(last, GroundedLayer)
        patch_attention = None
        if need_patch_attention:
            logit_BEP = last.route(attention_BER, coverage_BRP)
            patch_attention = last.patch.weights(query_BED, patches_BPD, logit_BEP).mean(1)
        # the region stage stays out of the evidence: its shortcut would leave the patch map without a teacher
        evidence_BED = self.judge(torch.cat([prompt_BED, self.evidence_norm(seen_BED)], dim=-1))
        return Grounded(self.norm(token_BED), evidence_BED, attention_BER, patch_attention)

"""The grounded-knowledge (GK) module: prompts look at the regions where they can show, then at the patches there.

B batch, E entities, R regions, P patches, D width, H heads.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from gkmvlp.models.config import KnowledgeConfig, Routing


class GroundingOutput(NamedTuple):
    """What the GK module gives."""

    tokens: Tensor  # (B, E, D) one an entity, for the image memory
    evidence: Tensor  # (B, E, D) prompt and patch stage alone, for entity classification
    strength: Tensor  # (B, E) how far the best matching patches stand out, for entity classification
    region_attention: Tensor  # (B, E, R) heads averaged, last layer; 0 for regions that are not allowed
    patch_attention: Tensor  # (B, E, P) heads averaged, last layer


class CrossAttention(nn.Module):
    """Multi-head attention of queries to keys with additive logits, its weights in the open.

    E prompts by R regions or P patches is small: the scores are kept, because routing, maps and strength read them.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.output = nn.Linear(width, width), nn.Linear(width, width)

    def _split(self, x_BND: Tensor) -> Tensor:
        return x_BND.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, H, N, D/H)

    def scores(self, query_BND: Tensor, key_BMD: Tensor) -> Tensor:
        """Scaled products (B, H, N, M) in float32."""
        query, key = self._split(self.query(query_BND)), self._split(self.key(key_BMD))
        return (query @ key.transpose(-1, -2)).float() / query.shape[-1] ** 0.5

    def mix(self, weight_BHNM: Tensor, key_BMD: Tensor) -> Tensor:
        """Values mixed by given weights, (B, N, D)."""
        value = self._split(self.value(key_BMD))
        return self.output((weight_BHNM.to(value.dtype) @ value).transpose(1, 2).flatten(2))


class GroundingLayerOutput(NamedTuple):
    """What one layer gives."""

    tokens: Tensor  # (B, E, D)
    attended: Tensor  # (B, E, D) what the patch stage alone attended to
    strength: Tensor  # (B, E, H) log of the routed mean of exp(score) over patches: 0 where nothing stands out
    region_attention: Tensor  # (B, E, R) heads averaged
    patch_attention: Tensor  # (B, E, P) heads averaged


class GroundedLayer(nn.Module):
    """One pre-norm layer: region stage, routed patch stage, feed-forward."""

    def __init__(self, width: int, config: KnowledgeConfig) -> None:
        super().__init__()
        self.routing: Routing = config.routing
        self.floor = config.routing_eps
        self.region_norm, self.patch_norm, self.feed_norm = (nn.LayerNorm(width) for _ in range(3))
        self.region = CrossAttention(width, config.num_attention_heads)
        self.patch = CrossAttention(width, config.num_attention_heads)
        self.feed = nn.Sequential(
            nn.Linear(width, config.intermediate_size), nn.GELU(), nn.Linear(config.intermediate_size, width)
        )
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
        self,
        token_BED: Tensor,
        prompt_BED: Tensor,
        region_BRD: Tensor,
        allowed_BER: Tensor,
        coverage_BRP: Tensor,
        patches_BPD: Tensor,
    ) -> GroundingLayerOutput:
        """One layer; arguments as in ``GroundedKnowledge.forward``."""
        # where a prompt has no allowed region, attention over all is computed and then dropped: finite, no effect
        none_BE1 = ~allowed_BER.any(-1, keepdim=True)
        blocked_BER = torch.zeros_like(allowed_BER, dtype=torch.float32).masked_fill(~(allowed_BER | none_BE1), -1e4)
        score_BHER = self.region.scores(self.region_norm(token_BED), region_BRD)
        weight_BHER = (score_BHER + blocked_BER[:, None]).softmax(-1).masked_fill(none_BE1[:, None], 0.0)
        token_BED = token_BED + self.drop(self.region.mix(weight_BHER, region_BRD))
        region_attention_BER = weight_BHER.mean(1)
        route_BEP = self.route(region_attention_BER, coverage_BRP)
        # the query is the prompt itself: what the region stage saw must not raise the scores of all patches
        score_BHEP = self.patch.scores(self.patch_norm(prompt_BED), patches_BPD)
        # what all patches share is not about any patch: without it strength cannot bypass them
        score_BHEP = score_BHEP - score_BHEP.mean(-1, keepdim=True)
        logit_BHEP = score_BHEP + route_BEP[:, None]
        strength_BEH = logit_BHEP.logsumexp(-1).transpose(1, 2) - route_BEP.logsumexp(-1)[..., None]
        weight_BHEP = logit_BHEP.softmax(-1)
        attended_BED = self.patch.mix(weight_BHEP, patches_BPD)
        token_BED = token_BED + self.drop(attended_BED)
        token_BED = token_BED + self.drop(self.feed(self.feed_norm(token_BED)))
        return GroundingLayerOutput(token_BED, attended_BED, strength_BEH, region_attention_BER, weight_BHEP.mean(1))


class GroundedKnowledge(nn.Module):
    """Grounds E prompts in an image.

    Args:
        width: D.
        config: Depth, heads and routing.
    """

    def __init__(self, width: int, config: KnowledgeConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(GroundedLayer(width, config) for _ in range(config.num_hidden_layers))
        self.norm, self.evidence_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.judge = nn.Sequential(
            nn.Linear(2 * width, config.intermediate_size), nn.GELU(), nn.Linear(config.intermediate_size, width)
        )
        self.gain_H = nn.Parameter(torch.full((config.num_attention_heads,), 1 / config.num_attention_heads))

    def forward(
        self,
        prompt_BED: Tensor,
        region_BRD: Tensor,
        allowed_BER: Tensor,
        coverage_BRP: Tensor,
        patches_BPD: Tensor,
    ) -> GroundingOutput:
        """Grounds prompts.

        Args:
            prompt_BED: One vector a prompt (B, E, D).
            region_BRD: Region tokens (B, R, D).
            allowed_BER: (B, E, R) bool, True where the prior allows the region and the image has its box.
            coverage_BRP: Share of each patch inside each region's box (B, R, P).
            patches_BPD: Patches (B, P, D).
        """
        uniform_BEP = torch.full_like(allowed_BER[..., :1], 1 / patches_BPD.shape[1], dtype=torch.float32)
        uniform_BEP = uniform_BEP.expand(-1, -1, patches_BPD.shape[1])
        mean_BED = patches_BPD.mean(1, keepdim=True).expand_as(prompt_BED)
        nothing_BEH = uniform_BEP.new_zeros(*prompt_BED.shape[:2], len(self.gain_H))
        output = GroundingLayerOutput(prompt_BED, mean_BED, nothing_BEH, allowed_BER * 0.0, uniform_BEP)
        for layer in self.layers:
            output = layer(output.tokens, prompt_BED, region_BRD, allowed_BER, coverage_BRP, patches_BPD)
        # the region stage stays out of the evidence: its shortcut would leave the patch map without a teacher
        evidence_BED = self.judge(torch.cat([prompt_BED, self.evidence_norm(output.attended)], dim=-1))
        # attention is normalised: it says where a finding would be, its log partition says whether one stands out
        strength_BE = output.strength @ self.gain_H
        return GroundingOutput(
            self.norm(output.tokens), evidence_BED, strength_BE, output.region_attention, output.patch_attention
        )

"""Log odds of a data set's labels from what the image encoder and the grounded-knowledge module say.

B images, E entities, L labels, D width, S width of the space that images and texts share.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from gkmvlp.entities import of_label
from gkmvlp.models.config import Architecture
from gkmvlp.models.gk_mvlp import GkMvlp, ImageMemory

Features = Literal["pooled", "entities", "both", "sentences"]
SCALE = 1 / 0.07  # similarities to log odds: the inverse of the temperature that contrast begins with


class LabelHead(nn.Module):
    """A linear layer over the pooled image, the entities' log odds, or both; ``sentences`` adds the shared space.

    A label that is an entity of the backbone under another list's name begins as that entity's log odds, any other at
    even odds: pre-training has learned what few labels cannot teach. From scratch those log odds know nothing yet.

    Args:
        labels: L names.
        entities: E names, as the backbone has them.
        width: D.
        features: What is read.
        shared: S.
    """

    def __init__(
        self, labels: Sequence[str], entities: Sequence[str], width: int, features: Features, shared: int = 0
    ) -> None:
        super().__init__()
        self.labels, self.features = tuple(labels), features
        self.norm = nn.LayerNorm(width) if features != "entities" else None
        first = 0 if self.norm is None else width
        self.linear = nn.Linear(first + (len(entities) if features != "pooled" else 0), len(self.labels))
        self.shared = nn.Linear(shared, len(self.labels), bias=False) if features == "sentences" else None
        if self.shared is not None:
            nn.init.zeros_(self.shared.weight)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        if features != "pooled":
            with torch.no_grad():
                for row, label in enumerate(self.labels):
                    entity = of_label(label)
                    if entity is not None and entity.name in entities:
                        self.linear.weight[row, first + list(entities).index(entity.name)] = 1

    def start_with(self, present_LS: Tensor, absent_LS: Tensor) -> None:
        """Each label begins as the contrast of its two sentences, as zero-shot classification asks, beside its entity.

        Args:
            present_LS: Unit vectors of the sentences that say a label is there.
            absent_LS: Of those that say it is not.
        """
        assert self.shared is not None
        with torch.no_grad():
            self.shared.weight.copy_(SCALE * (present_LS - absent_LS))

    def forward(self, pooled_BD: Tensor, odds_BE: Tensor, image_BS: Tensor | None = None) -> Tensor:
        """Log odds of present, (B, L).

        Args:
            pooled_BD: One vector an image (B, D).
            odds_BE: Log odds of each entity (B, E).
            image_BS: Unit vectors of the images in the shared space (B, S), which ``sentences`` reads.
        """
        parts = [self.norm(pooled_BD)] if self.norm is not None else []
        if self.features != "pooled":
            parts.append(odds_BE.to(pooled_BD.dtype))
        odds_BL = self.linear(torch.cat(parts, dim=-1))
        return odds_BL if self.shared is None else odds_BL + self.shared(image_BS)


def label_head(labels: tuple[str, ...], architecture: Architecture, features: Features) -> LabelHead:
    """A fresh head for a backbone of that architecture."""
    width, shared = architecture.text.hidden_size, architecture.projection_dim
    return LabelHead(labels, architecture.knowledge.entities, width, features, shared)


def label_logits(model: GkMvlp, head: LabelHead, image: ImageMemory) -> Tensor:
    """Log odds of each label, (B, L)."""
    absent_BE, present_BE = model.entity_logits(image.grounded).unbind(-1)
    image_BS = None if head.shared is None else model.embed_image(image.features)
    return head(image.features.pooled, present_BE - absent_BE, image_BS)

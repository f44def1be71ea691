"""Log odds of a data set's labels from what the image encoder and the grounded-knowledge module say.

B images, E entities, L labels, D width.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from gkmvlp.entities import of_label
from gkmvlp.models.config import Architecture
from gkmvlp.models.gk_mvlp import GkMvlp, ImageMemory

Features = Literal["pooled", "entities", "both"]


class LabelHead(nn.Module):
    """A linear layer over the pooled image, the entities' log odds, or both.

    A label that is an entity of the backbone under another list's name begins as that entity's log odds, any other at
    even odds: pre-training has learned what few labels cannot teach. From scratch those log odds know nothing yet.

    Args:
        labels: L names.
        entities: E names, as the backbone has them.
        width: D.
        features: What is read.
    """

    def __init__(self, labels: Sequence[str], entities: Sequence[str], width: int, features: Features) -> None:
        super().__init__()
        self.labels, self.features = tuple(labels), features
        self.norm = nn.LayerNorm(width) if features != "entities" else None
        first = 0 if self.norm is None else width
        self.linear = nn.Linear(first + (len(entities) if features != "pooled" else 0), len(self.labels))
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        if features != "pooled":
            with torch.no_grad():
                for row, label in enumerate(self.labels):
                    entity = of_label(label)
                    if entity is not None and entity.name in entities:
                        self.linear.weight[row, first + list(entities).index(entity.name)] = 1

    def forward(self, pooled_BD: Tensor, odds_BE: Tensor) -> Tensor:
        """Log odds of present, (B, L).

        Args:
            pooled_BD: One vector an image (B, D).
            odds_BE: Log odds of each entity (B, E).
        """
        parts = [self.norm(pooled_BD)] if self.norm is not None else []
        if self.features != "pooled":
            parts.append(odds_BE.to(pooled_BD.dtype))
        return self.linear(torch.cat(parts, dim=-1))


def label_head(labels: tuple[str, ...], architecture: Architecture, features: Features) -> LabelHead:
    """A fresh head for a backbone of that architecture."""
    return LabelHead(labels, architecture.knowledge.entities, architecture.text.hidden_size, features)


def label_logits(model: GkMvlp, head: LabelHead, image: ImageMemory) -> Tensor:
    """Log odds of each label, (B, L)."""
    absent_BE, present_BE = model.entity_logits(image.grounded).unbind(-1)
    return head(image.features.pooled, present_BE - absent_BE)

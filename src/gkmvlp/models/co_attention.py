"""Co-attention with an entity stream: text, image and entities of the text read each other (ARL, arXiv 2209.07118).

Entities look at one another and at the image, and give what they saw to the tokens that name them.
B batch, T tokens, M image tokens, K entities, D width of text and image, C width of the entities.
"""

from typing import NamedTuple

from torch import Tensor, nn

from gkmvlp.models.bert_layer import BertAttention, FeedForward
from gkmvlp.models.config import FusionConfig
from gkmvlp.models.dropout import dropout
from gkmvlp.models.memory import Memory


class Streams(NamedTuple):
    """What a layer reads and gives."""

    text: Tensor  # (B, T, D)
    image: Tensor  # (B, M, D)
    entity: Tensor  # (B, K, C)


class Links(NamedTuple):
    """What is real in the streams; all of an image is. Each text has at least one real token and one real entity."""

    text: Tensor  # (B, T) bool, True on real tokens
    entity: Tensor  # (B, K) bool, True on real entities
    span: Tensor  # (B, K, T) bool, True on the tokens to which an entity returns


class CoAttentionLayer(nn.Module):
    """One layer; every stream reads the others as they entered it.

    Args:
        width: D.
        entity_width: C.
        config: Heads, inner sizes and dropout.
        last: Whether no layer follows: the entity stream then ends where the text reads it.
    """

    def __init__(self, width: int, entity_width: int, config: FusionConfig, last: bool = False) -> None:
        super().__init__()
        self.dropout = config.dropout
        wide = (width, config.num_attention_heads, config.dropout)
        narrow = (entity_width, config.entity_attention_heads, config.dropout)
        self.image_self, self.image_cross = BertAttention(*wide), BertAttention(*wide)
        self.text_self, self.text_cross = BertAttention(*wide), BertAttention(*wide)
        self.entity_self, self.entity_cross = BertAttention(*narrow), BertAttention(*narrow)
        self.image_feed = FeedForward(width, config.intermediate_size, config.dropout)
        self.text_feed = FeedForward(width, config.intermediate_size, config.dropout)
        self.entity_feed: FeedForward | None = None
        if not last:
            self.entity_feed = FeedForward(entity_width, config.entity_intermediate_size, config.dropout)
        self.image_to_entity, self.entity_to_text = nn.Linear(width, entity_width), nn.Linear(entity_width, width)
        self.entity_output, self.entity_norm = nn.Linear(width, width), nn.LayerNorm(width, eps=1e-12)

    def forward(self, streams: Streams, links: Links) -> Streams:
        """All streams behind the layer."""
        entity_BKC = self.update_entities(streams, links)
        text_BTD = self.update_text(streams, links, entity_BKC)
        image_BMD = self.update_image(streams, links)
        return Streams(
            text_BTD, image_BMD, self.entity_feed.feed_forward(entity_BKC) if self.entity_feed else entity_BKC
        )

    def update_image(self, streams: Streams, links: Links) -> Tensor:
        """The image stream behind the layer, (B, M, D): it reads the text, and no entity."""
        image_BMD = self.image_self(streams.image, Memory(streams.image, streams.image), None)
        image_BMD = self.image_cross(image_BMD, Memory(streams.text, streams.text), links.text[:, None, None])
        return self.image_feed.feed_forward(image_BMD)

    def update_entities(self, streams: Streams, links: Links) -> Tensor:
        """Entities that read one another and the image, (B, K, C)."""
        entity_BKC = self.entity_self(
            streams.entity, Memory(streams.entity, streams.entity), links.entity[:, None, None]
        )
        seen_BMC = self.image_to_entity(streams.image)
        return self.entity_cross(entity_BKC, Memory(seen_BMC, seen_BMC), None)

    def update_text(self, streams: Streams, links: Links, entity_BKC: Tensor) -> Tensor:
        """The text stream behind the layer, (B, T, D): it reads the image, then what the entities that it names saw."""
        text_BTD = self.text_self(streams.text, Memory(streams.text, streams.text), links.text[:, None, None])
        text_BTD = self.text_cross(text_BTD, Memory(streams.image, streams.image), None)
        said_BKD = self.entity_to_text(entity_BKC)
        said_BTD = self.entity_output(links.span.transpose(1, 2).to(said_BKD.dtype) @ said_BKD)
        text_BTD = self.entity_norm(text_BTD + dropout(said_BTD, self.dropout, self.training))
        return self.text_feed.feed_forward(text_BTD)

"""ARL (Chen et al., Align, Reason and Learn, arXiv 2209.07118): knowledge as the medium between image and text.

Two encoders, a knowledge graph whose entities the text names, co-attention between the three, and a decoder of hidden
patches. B batch, S side, P patches, V visible patches, M image tokens, T tokens, K entities of a text, N entities of
the graph, D width, C width of the entities.
"""

import math
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gkmvlp.entities import prior
from gkmvlp.errors import ConfigError
from gkmvlp.models.co_attention import CoAttentionLayer, Links, Streams
from gkmvlp.models.config import ArlArchitecture
from gkmvlp.models.graph_attention import GraphAttention
from gkmvlp.models.image_decoder import ImageDecoder
from gkmvlp.models.linked_text import LinkedTokens
from gkmvlp.models.memory import Memory
from gkmvlp.models.text import FusionBert, initialise, pool_states
from gkmvlp.models.vision import ImageFeatures, VisionEncoder


class ArlImage(NamedTuple):
    """An image as the fusion reads it."""

    features: ImageFeatures
    memory: Memory  # (B, M, D) the image's one vector, then its patches, averaged to the memory's grid


class ArlText(NamedTuple):
    """Texts before the fusion, with the entities that they name."""

    state: Tensor  # (B, T, D)
    mask: Tensor  # (B, T) bool, True on real tokens
    entity: Tensor  # (B, 1 + K, C) the null entity first
    entity_mask: Tensor  # (B, 1 + K) bool; the null entity is real where the text names none
    span: Tensor  # (B, 1 + K, T) bool; the null entity returns to the first token

    def rows(self, row_N: Tensor) -> "ArlText":
        """Some of the texts, in the order of ``row_N``, (N,) int64."""
        return ArlText(*(tensor[row_N] for tensor in self))


class ImageLogOdds(NamedTuple):
    """Log odds that images speak of entities.

    Attributes:
        whole: By the image's one vector, (B, N) float32; a small finding hardly moves it.
        patches: By the mean odds of its patches, (B, N) float32.
    """

    whole: Tensor
    patches: Tensor

    def mean(self) -> Tensor:
        """Halfway between the two, (B, N)."""
        return (self.whole + self.patches) / 2


class Arl(nn.Module):
    """The backbone.

    Args:
        architecture: What to build.
        vocabulary: Length of the tokenizer.
        table_NC: Embeddings that the entities of the graph start from, C = ``architecture.projection_dim``.
        edge_index_2M: Rows of head and tail of each triple of the graph, (2, M) int64.

    Raises:
        ConfigError: If the sides of a patch are no whole pixels, the masked image would pass no layer or too many, or
            no entity of a text may be read.
    """

    def __init__(self, architecture: ArlArchitecture, vocabulary: int, table_NC: Tensor, edge_index_2M: Tensor) -> None:
        super().__init__()
        config, fusion, graph = architecture, architecture.fusion, architecture.knowledge
        width, shared = config.text.hidden_size, config.projection_dim
        self.architecture = architecture
        self.vision = VisionEncoder(config.vision, width, config.image_size)
        text = replace(config.text, fusion_layer=config.text.num_hidden_layers)
        self.text = FusionBert(text, vocabulary, decodes=False)
        self.graph = GraphAttention(
            table_NC, edge_index_2M, graph.head_size, graph.num_attention_heads, graph.dropout, graph.reverse_edges,
            graph.residual,
        )  # fmt: skip
        if not 0 < fusion.masked_image_layers <= fusion.num_hidden_layers:
            given = f"fusion.masked_image_layers: {fusion.masked_image_layers}"
            raise ConfigError(f"{given} must be one of the {fusion.num_hidden_layers} layers, counted from 1")
        last = fusion.num_hidden_layers - 1
        self.layers = nn.ModuleList(
            CoAttentionLayer(width, shared, fusion, layer == last) for layer in range(fusion.num_hidden_layers)
        )
        self.text_projection = nn.Linear(width, width)  # the image encoder has its own
        self.kind = nn.Parameter(torch.randn(2, width) * 0.02)  # tells text from image
        self.null_C = nn.Parameter(torch.randn(shared) * 0.02)  # stands for the entities of a text that names none
        self.text_pooler, self.image_pooler = nn.Linear(width, width), nn.Linear(width, width)
        self.itm_head = nn.Linear(2 * width, 2)
        self.text_query, self.image_query = (
            nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, shared)) for _ in range(2)
        )
        self.image_decoder = ImageDecoder(config.image_decoder, width, self.vision.grid, self._pixels())
        for part in (self.layers, self.text_projection, self.text_pooler, self.image_pooler, self.itm_head,
                     self.text_query, self.image_query):  # fmt: skip
            part.apply(lambda module: initialise(module, 0.02 * (768 / width) ** 0.5))

    def _pixels(self) -> int:
        """Pixels of a patch."""
        (height, width), side = self.vision.grid, self.architecture.image_size
        if side % height or side % width:
            raise ConfigError(
                f"patches of {side} px by {height} x {width} are no whole pixels, which the masked image needs: "
                f"set image_size to a multiple of {height}"
            )
        return (side // height) * (side // width)

    def region_prior(self) -> Tensor:
        """Which regions each entity can show in, (E, R) bool, as the graph has it."""
        return torch.from_numpy(prior(self.architecture.knowledge.entities))

    def freeze_image_side(self) -> None:
        """Makes an image's memory a constant: language may go on learning, what it reads stays."""
        self.vision.requires_grad_(False).eval()
        self.kind.requires_grad_(False)

    def encode_entities(self) -> Tensor:
        """All entities of the graph by their neighbourhood, (N, C): once a step."""
        return self.graph()

    def encode_image(
        self,
        image_B1SS: Tensor,
        box_BR4: Tensor | None = None,
        mask_BR: Tensor | None = None,
        *,
        masked_BP: Tensor | None = None,
    ) -> ArlImage:
        """An image to memory.

        Args:
            image_B1SS: (B, 1, S, S) float32 in [0, 1].
            box_BR4: Not read: ARL knows no regions.
            mask_BR: Not read.
            masked_BP: (B, P) bool, True on patches that must not be seen, as many in each image. The others then go
                into the memory as they are, in order.
        """
        features = self.vision(image_B1SS, masked_BP)
        patches, side = features.patches, self.architecture.memory_grid
        if side is not None and masked_BP is None:
            map_BDhw = patches.transpose(1, 2).unflatten(2, features.grid)
            patches = F.adaptive_avg_pool2d(map_BDhw, side).flatten(2).transpose(1, 2)
        image_BMD = torch.cat([features.pooled[:, None], patches], dim=1) + self.kind[1]
        return ArlImage(features, Memory(image_BMD, image_BMD))

    def begin(self, text: LinkedTokens | ArlText, entity_NC: Tensor | None = None) -> ArlText:
        """Texts before the fusion; computed once, they serve all that reads them.

        Args:
            text: Texts with their entities.
            entity_NC: What ``encode_entities`` gave; None encodes the entities here.
        """
        if isinstance(text, ArlText):
            return text
        state_BTD = self.text_projection(self.text(text.ids, text.mask)) + self.kind[0]
        entity_NC = self.encode_entities() if entity_NC is None else entity_NC
        if not self.architecture.fusion.entity_stream:
            text = text.without(text.entity_mask)
        entity_BKC = entity_NC[text.entity] * text.entity_mask[..., None]
        none_B1 = ~text.entity_mask.any(1, keepdim=True)
        start_B1T = torch.zeros_like(text.mask[:, None]).index_fill(2, text.ids.new_zeros(1), True)
        return ArlText(
            state_BTD,
            text.mask,
            torch.cat([self.null_C.to(entity_BKC.dtype).expand(len(none_B1), 1, -1), entity_BKC], dim=1),
            torch.cat([none_B1, text.entity_mask], dim=1),
            torch.cat([start_B1T & none_B1[..., None], text.span], dim=1),
        )

    def fusion_streams(self, text: ArlText, image_BMD: Tensor, layers: int | None = None) -> Streams:
        """The streams behind the first ``layers`` of the fusion; None takes all."""
        streams = Streams(text.state, image_BMD, text.entity)
        for layer in self.layers[:layers]:
            streams = layer(streams, Links(text.mask, text.entity_mask, text.span))
        return streams

    def fuse(self, text: LinkedTokens | ArlText, memory: Memory, row_B: Tensor | None = None) -> Tensor:
        """The text's states after the fusion, (B, T, D); text b is read with memory ``row_B[b]``."""
        return self.fusion_streams(self.begin(text), select_rows(memory, row_B)).text

    def fuse_first(self, text: LinkedTokens | ArlText, memory: Memory, row_B: Tensor | None = None) -> Tensor:
        """The first of these states, (B, D)."""
        return self.fuse(text, memory, row_B)[:, 0]

    def itm_logits(self, text: LinkedTokens | ArlText, memory: Memory, row_B: Tensor | None = None) -> Tensor:
        """Whether text and image belong together, (B, 2): no, yes; text b is read with memory ``row_B[b]``."""
        streams = self.fusion_streams(self.begin(text), select_rows(memory, row_B))
        pooled = self.text_pooler(streams.text[:, 0]), self.image_pooler(streams.image[:, 0])
        return self.itm_head(torch.cat(pooled, dim=-1).tanh())

    def decode_image(self, text: LinkedTokens | ArlText, image: ArlImage, masked_BP: Tensor) -> Tensor:
        """Pixels of all patches, (B, P, pixels), from the visible ones and the text.

        The fusion stops at the image stream that the decoder reads.

        Args:
            text: The texts.
            image: From ``encode_image`` with the same ``masked_BP``.
            masked_BP: (B, P) bool, True on masked patches.
        """
        begun, last = self.begin(text), self.architecture.fusion.masked_image_layers - 1
        streams = self.fusion_streams(begun, image.memory.value, last)
        layer = self.layers[last]
        assert isinstance(layer, CoAttentionLayer)
        image_BMD = layer.update_image(streams, Links(begun.mask, begun.entity_mask, begun.span))
        return self.image_decoder(image_BMD[:, 1:], masked_BP)

    def project_image(self, features: ImageFeatures) -> Tensor:
        """Images in the space of the entities, (B, C)."""
        return self.image_query(features.pooled + self.kind[1])

    def image_log_odds(self, features: ImageFeatures, entity_NC: Tensor) -> ImageLogOdds:
        """Log odds that images speak of entities, asked in two ways.

        Args:
            features: The images; what is in ``patches`` is asked each for itself.
            entity_NC: What ``encode_entities`` gave.
        """
        patch_BPC = self.image_query(features.patches + self.kind[1])
        whole_BN = self.project_image(features) @ entity_NC.T
        return ImageLogOdds(whole_BN.float(), mean_odds(patch_BPC @ entity_NC.T))

    def project_text(self, text: LinkedTokens | ArlText) -> Tensor:
        """Texts in the space of the entities, (B, C), without image and entities."""
        begun = self.begin(text)
        return self.text_query(pool_states(begun.state, begun.mask, self.architecture.text.pooling))

    def entity_log_odds(self, image: ArlImage) -> Tensor:
        """Log odds of each entity of the architecture, (B, E) float64: halfway between the two that are aligned."""
        entity_EC = self.encode_entities()[: len(self.architecture.knowledge.entities)]
        return self.image_log_odds(image.features, entity_EC).mean().double()

    def present(self, image: ArlImage) -> Tensor:
        """How likely each entity of the architecture is present, (B, E) float32."""
        return self.entity_log_odds(image).sigmoid().float()

    def embed_image(self, features: ImageFeatures) -> Tensor:
        """Unit vectors of the shared space, (B, C) float32."""
        return F.normalize(self.project_image(features).float(), dim=-1)

    def embed_text(self, text: LinkedTokens | ArlText) -> Tensor:
        """Unit vectors of the shared space, (B, C) float32."""
        return F.normalize(self.project_text(text).float(), dim=-1)


def mean_odds(logit_BPN: Tensor) -> Tensor:
    """The logarithm of the mean of the odds of P patches, (B, N) float32: what they all say where they agree.

    Few that are sure outweigh many that see nothing.
    """
    return logit_BPN.float().logsumexp(1) - math.log(logit_BPN.shape[1])


def select_rows(memory: Memory, row_B: Tensor | None) -> Tensor:
    """The image stream that each text is read with, (B, M, D)."""
    return memory.value if row_B is None else memory.value[row_B]

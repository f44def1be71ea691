"""The architecture as data: what a backbone's ``config.json`` holds and what a YAML sets under ``architecture:``."""

from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, Literal, Self

from gkmvlp.entities import ENTITIES
from gkmvlp.errors import BackboneError, ConfigError, require_between
from gkmvlp.geometry import ResizeMode

Intensity = Literal["voi", "minmax", "equalized"]
Routing = Literal["none", "soft", "hard"]
TextPooling = Literal["first", "mean"]
RegionPooling = Literal["coverage", "roi_align"]
KnowledgeMode = Literal["query", "report"]
RegionPrior = Literal["prior", "all", "shuffled"]
Triples = Literal["known", "shuffled"]

BERT_SIZES = (
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "vocab_size",
    "layer_norm_eps",
)  # fields of TextConfig that a BERT brings along


# The least value of numbers where that is not 1; a text is [CLS], a token and [SEP]
_LEAST = {"num_hidden_layers": 0, "fusion_layer": 0, "masked_image_layers": 0, "max_length": 3}


@dataclass
class VisionConfig:
    """The image encoder.

    Attributes:
        name: Any timm model.
        weights: ``null`` for fresh weights, ``pretrained`` for timm's own by name, ``package://NAME`` for those of a
            pip package (``gkmvlp.checkpoints.packages``), or a safetensors file or folder in one of the layouts of
            ``gkmvlp.checkpoints.foreign_weights``.
        out_indices: For pyramids: the feature stages that are fused on the grid of the first; empty reads the last map.
        timm_kwargs: Further arguments of ``timm.create_model`` for the model of that ``name``; ``null`` for none.
    """

    name: str = "vit_base_patch16_224"
    weights: str | None = None
    out_indices: list[int] = field(default_factory=list)
    timm_kwargs: dict[str, Any] | None = field(default_factory=dict)


@dataclass
class TextConfig:
    """The text encoder, image-report encoder and report decoder, one BERT in three modes.

    Attributes:
        weights: ``null`` for fresh weights, or a BERT, whose sizes then hold: its name on the Hugging Face hub, its
            folder, or ``package://NAME`` for that of a pip package (``gkmvlp.checkpoints.packages``).
        tokenizer: Name or folder of a tokenizer; ``null`` takes that of ``weights``, else trains one on the corpus.
        vocab_size: Largest size of a tokenizer that is trained on the corpus.
        hidden_size: Hidden size D.
        num_hidden_layers: Number of layers.
        num_attention_heads: Attention heads a layer.
        intermediate_size: Inner size of the feed-forward part.
        layer_norm_eps: What norms add to the variance; RoBERTas were trained with 1e-5.
        max_length: Longest report in tokens; the rest is cut.
        pooling: One vector a text: the ``first`` token's state, or the ``mean`` of all (a fresh BERT learns faster).
        fusion_layer: First layer with cross-attention to the image memory, counted from 0.
        dropout: Dropout probability.
    """

    weights: str | None = None
    tokenizer: str | None = None
    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    layer_norm_eps: float = 1e-12
    max_length: int = 128
    pooling: TextPooling = "first"
    fusion_layer: int = 0
    dropout: float = 0.1


@dataclass
class KnowledgeConfig:
    """The grounded-knowledge module.

    Attributes:
        entities: Names from ``gkmvlp.entities``; one prompt each.
        mode: ``query`` shows every image the same prompts; ``report`` adds each entity's status (it leaks the report).
        num_hidden_layers: Decoder layers; 0 leaves the module out: prompts are judged against the mean of the patches,
            and no knowledge token joins the memory.
        num_attention_heads: Attention heads a layer.
        intermediate_size: Inner size of the feed-forward part.
        routing: How region attention steers patch attention: not at all, by adding log weights, or by masking.
        routing_eps: The epsilon in log(weight + epsilon) of soft routing.
        region_pooling: How a region is read off the patch grid.
        region_prior: Regions that a prompt may read: those of the ``prior``, ``all``, or, for an ablation, as many in
            the wrong places (``shuffled``: those that touch its own least).
        dropout: Dropout probability.
    """

    entities: list[str] = field(default_factory=lambda: [entity.name for entity in ENTITIES])
    mode: KnowledgeMode = "query"
    num_hidden_layers: int = 2
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    routing: Routing = "soft"
    routing_eps: float = 1e-3
    region_pooling: RegionPooling = "coverage"
    region_prior: RegionPrior = "prior"
    dropout: float = 0.1


@dataclass
class FusionConfig:
    """The co-attention layers of ARL, in which text, image and entities read each other.

    Attributes:
        num_hidden_layers: Number of layers.
        num_attention_heads: Attention heads a layer of the text and image streams, which are as wide as the text.
        intermediate_size: Inner size of their feed-forward parts.
        entity_attention_heads: Attention heads a layer of the entity stream, which is ``projection_dim`` wide.
        entity_intermediate_size: Inner size of its feed-forward part.
        masked_image_layers: Layers that an image with hidden patches passes before the image decoder reads it.
        entity_stream: Whether text and image read the entities that the text names; without, for an ablation, every
            text is read as one that names none.
        dropout: Dropout probability.
    """

    num_hidden_layers: int = 6
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    entity_attention_heads: int = 4
    entity_intermediate_size: int = 1024
    masked_image_layers: int = 3
    entity_stream: bool = True
    dropout: float = 0.1


@dataclass
class ImageDecoderConfig:
    """The decoder of hidden patches.

    Attributes:
        hidden_size: Hidden size, a multiple of 4.
        num_hidden_layers: Number of layers.
        num_attention_heads: Attention heads a layer.
        intermediate_size: Inner size of the feed-forward part.
    """

    hidden_size: int = 384
    num_hidden_layers: int = 4
    num_attention_heads: int = 6
    intermediate_size: int = 1536


@dataclass
class EntityGraphConfig:
    """The entities that texts are linked to, and the encoder of their knowledge graph.

    Attributes:
        entities: Names from ``gkmvlp.entities``; with the regions where they can show they are the graph's concepts.
        max_entities: Most mentions of a text that are read; the first ones count.
        num_attention_heads: Attention heads of the first layer of graph attention.
        head_size: Width of such a head.
        triples: Those that are ``known``, or, for an ablation, the same with their regions ``shuffled`` among findings.
        reverse_edges: Whether what a tail holds flows to its head too.
        residual: Whether an entity keeps its own embedding beside what its neighbours give it. The published encoder
            has none, over a graph in which most entities have few neighbours; of findings and regions each has ten.
        dropout: Dropout probability of graph attention.
        graph: Folder that ``gkmvlp knowledge build`` wrote: its concepts and triples join those of the entities; its
            embeddings are where they start. A backbone's folder holds its own copy.
    """

    entities: list[str] = field(default_factory=lambda: [entity.name for entity in ENTITIES])
    max_entities: int = 24
    num_attention_heads: int = 8
    head_size: int = 64
    triples: Triples = "known"
    reverse_edges: bool = False
    residual: bool = False
    dropout: float = 0.2
    graph: str | None = None


def _require_sizes(place: str, config: Any) -> None:
    """Checks the numbers of a part of the architecture and of its parts; ``place`` is its key."""
    for name, kind, value in ((one.name, one.type, getattr(config, one.name)) for one in fields(config)):
        if is_dataclass(value):
            _require_sizes(f"{place}.{name}", value)
        elif value is None and kind in (int, float, str):
            raise ConfigError(f"{place}.{name} is null: {kind.__name__} was expected")
        elif isinstance(value, int) and not isinstance(value, bool):
            require_between(place, _LEAST.get(name, 1), **{name: value})
        elif name == "dropout":
            require_between(place, 0, 1, dropout=value)
        elif name == "entities" and not value:
            raise ConfigError(f"{place}.entities is empty: name one or more, or leave it out for all")


@dataclass
class BaseArchitecture:
    """What the architectures of all systems have in common.

    Attributes:
        image_size: Side S of the square frame in pixels.
        resize_mode: How an image is fitted to the square.
        intensity: How pixel values were made; ``equalized`` for the JPGs of MIMIC-CXR.
        projection_dim: Size of the space that image and text vectors share.
        memory_grid: Patches a side that texts read, averages of finer ones; ``null`` for all.
        vision: The image encoder.
        text: The text model.
    """

    image_size: int = 224
    resize_mode: ResizeMode = "pad"
    intensity: Intensity = "equalized"
    projection_dim: int = 256
    memory_grid: int | None = None
    vision: VisionConfig = field(default_factory=VisionConfig)
    text: TextConfig = field(default_factory=TextConfig)

    def __post_init__(self) -> None:
        """Refuses sizes of which no network can be built.

        Raises:
            ConfigError: If a size, a number of layers or a share of dropout is out of range, no entity is named, or
                attention heads do not divide the width that they share.
        """
        _require_sizes("architecture", self)
        for place, part, width, heads in self._attention():
            if part.num_hidden_layers and width % heads:
                raise ConfigError(f"architecture.{place}: {heads} attention heads do not divide a width of {width}")

    def _attention(self) -> list[tuple[str, Any, int, int]]:
        """Key, part, width and heads of each attention whose width is known: a BERT of ``text.weights`` has its own."""
        text = self.text
        return [] if text.weights else [("text", text, text.hidden_size, text.num_attention_heads)]

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The reverse of ``to_dict``.

        Raises:
            BackboneError: If a field is unknown.
        """
        made: dict[str, Any] = {one.name: one.default_factory for one in fields(cls)}
        try:
            return cls(**{key: made[key](**v) if is_dataclass(made.get(key)) else v for key, v in values.items()})
        except TypeError as error:
            other = f"an architecture of another version, or of another system than {cls.__name__}"
            raise BackboneError(f"{other}: {error}; update gkmvlp, or name one of this system") from error

    def differences(self, other: "BaseArchitecture") -> list[str]:
        """Dotted keys whose values differ, leaving out where weights and graph come from, and dropout.

        The text sizes of ``other`` are left out where it names a BERT: that one's own sizes hold.
        """
        ignored = {"weights", "tokenizer", "graph", "dropout"}
        unread = {f"text.{key}" for key in BERT_SIZES} if other.text.weights else set()

        def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
            out: dict[str, Any] = {}
            for key, value in values.items():
                if isinstance(value, dict) and key != "timm_kwargs":
                    out |= flat(value, f"{prefix}{key}.")
                elif key not in ignored:
                    out[prefix + key] = value or {} if key == "timm_kwargs" else value
            return out

        mine, theirs = flat(self.to_dict()), flat(other.to_dict())
        return [key for key in mine if mine[key] != theirs[key] and key not in unread]


@dataclass
class Architecture(BaseArchitecture):
    """Everything that decides which tensors a GK-MVLP backbone has and what it may be fed.

    Attributes:
        image_size: Side S of the square frame in pixels.
        resize_mode: How an image is fitted to the square.
        intensity: How pixel values were made; ``equalized`` for the JPGs of MIMIC-CXR.
        projection_dim: Size of the shared space of image-text contrast.
        memory_grid: Patches a side that the text modes read, averages of finer ones; ``null`` for all. Language needs
            no fine grid, and its attention costs by the patch.
        vision: The image encoder.
        text: The text model.
        knowledge: The grounded-knowledge module.
    """

    knowledge: KnowledgeConfig = field(default_factory=KnowledgeConfig)

    def _attention(self) -> list[tuple[str, Any, int, int]]:
        knowledge = ("knowledge", self.knowledge, self.text.hidden_size, self.knowledge.num_attention_heads)
        return [*super()._attention(), *([] if self.text.weights else [knowledge])]


@dataclass
class ArlArchitecture(BaseArchitecture):
    """Everything that decides which tensors an ARL backbone has and what it may be fed.

    Attributes:
        image_size: Side S of the square frame in pixels.
        resize_mode: How an image is fitted to the square.
        intensity: How pixel values were made; ``equalized`` for the JPGs of MIMIC-CXR.
        projection_dim: Size of the space that images, texts and entities share, and of the entity stream.
        memory_grid: Patches a side that the fusion reads, averages of finer ones; ``null`` for all. An image with
            hidden patches is read whole.
        vision: The image encoder.
        text: The text encoder; its ``fusion_layer`` is not read, for the fusion lies behind it.
        fusion: The fusion.
        knowledge: The entities and their graph.
        image_decoder: The decoder of hidden patches.
    """

    fusion: FusionConfig = field(default_factory=FusionConfig)
    knowledge: EntityGraphConfig = field(default_factory=EntityGraphConfig)
    image_decoder: ImageDecoderConfig = field(default_factory=ImageDecoderConfig)

    def _attention(self) -> list[tuple[str, Any, int, int]]:
        decoder, fusion = self.image_decoder, self.fusion
        streams = ("fusion", fusion, self.text.hidden_size, fusion.num_attention_heads)
        return [
            *super()._attention(),
            *([] if self.text.weights else [streams]),
            ("fusion (entities)", fusion, self.projection_dim, fusion.entity_attention_heads),
            ("image_decoder", decoder, decoder.hidden_size, decoder.num_attention_heads),
        ]

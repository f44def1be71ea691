"""What a task needs of a backbone, whichever system it is.

B batch, S side, R regions, T tokens, D width, C size of the shared space, V vocabulary. Texts are what the backbone's
``read_texts`` gives; each system may add to tokens what it needs.
"""

from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from gkmvlp.errors import ConfigError
from gkmvlp.models.config import BaseArchitecture
from gkmvlp.models.memory import Memory, ProjectedMemory
from gkmvlp.models.tokenizer import Tokens
from gkmvlp.models.vision import ImageFeatures


class EncodedImage(Protocol):
    """An image as tasks hold it."""

    @property
    def features(self) -> ImageFeatures:
        """What the image encoder gave."""

    @property
    def memory(self) -> Memory:
        """What texts read of the image."""


@runtime_checkable
class VisionLanguageModel(Protocol):
    """A backbone that sees images and reads texts."""

    @property
    def architecture(self) -> BaseArchitecture:
        """What was built."""

    def encode_image(self, image_B1SS: Tensor, box_BR4: Tensor, mask_BR: Tensor) -> EncodedImage:
        """Images (B, 1, S, S) in [0, 1] with region boxes (B, R, 4) and their mask (B, R); boxes may stay unread."""

    def begin(self, text: Any) -> Any:
        """Texts as far as no image is needed, with ``rows(row_N)``; the methods below take it in the text's place."""

    def fuse(self, text: Any, memory: Memory, row_B: Tensor | None = None) -> Tensor:
        """States (B, T, D) of texts that read images, text b memory ``row_B[b]``; the first stands for the text."""

    def fuse_first(self, text: Any, memory: Memory, row_B: Tensor | None = None) -> Tensor:
        """The first state of ``fuse`` alone, (B, D), for less where the system can leave out the others."""

    def itm_logits(self, text: Any, memory: Memory, row_B: Tensor | None = None) -> Tensor:
        """Whether text and image belong together, (B, 2): no, yes."""

    def entity_log_odds(self, image: Any) -> Tensor:
        """Log odds that each entity of the architecture is present, (B, E) float64; of what ``encode_image`` gave."""

    def present(self, image: Any) -> Tensor:
        """How likely each entity of the architecture is present, (B, E) float32."""

    def freeze_image_side(self) -> None:
        """Makes an image's memory a constant."""

    def embed_image(self, features: ImageFeatures) -> Tensor:
        """Unit vectors of images in the shared space, (B, C) float32."""

    def embed_text(self, text: Any) -> Tensor:
        """Unit vectors of texts in the shared space, (B, C) float32."""

    def region_prior(self) -> Tensor:
        """Which regions each entity of the architecture can show in, (E, R) bool."""


@runtime_checkable
class TextDecoder(Protocol):
    """A backbone that also writes."""

    def decode(
        self,
        tokens: Tokens,
        memory: Memory | ProjectedMemory | Tensor,
        memory_mask_BM: Tensor | None = None,
        at_BT: Tensor | None = None,
    ) -> Tensor:
        """Scores of the next token, (B, T, V), or (N, V) at the N places where ``at_BT`` (B, T) is True."""


def check_decoder(model: object, purpose: str) -> None:
    """Whether a backbone can write.

    Args:
        model: The backbone.
        purpose: What it is needed for, and what to do without one.

    Raises:
        ConfigError: If it has no decoder.
    """
    if not isinstance(model, TextDecoder):
        raise ConfigError(f"{type(model).__name__} has no text decoder, which is needed for {purpose}")

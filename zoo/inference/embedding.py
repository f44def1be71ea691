"""The space that images and texts share: their unit vectors, and similarities of images to prompts (zero-shot).

N images or texts, D size of the space.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gkmvlp.errors import UsageError
from gkmvlp.models.gk_mvlp import ImageMemory
from gkmvlp.texts import Brief, as_texts
from gkmvlp.zoo.inference.inputs import batch, encode_images, item
from gkmvlp.zoo.inference.language import left_out
from gkmvlp.zoo.inference.loaded_model import LoadedModel, require_backbone
from gkmvlp.zoo.inference.prediction import Embeddings
from gkmvlp.zoo.inference.preprocess import Radiograph

Prompt = str | tuple[str, str]


def embed(
    loaded: LoadedModel, images: Radiograph | Sequence[Radiograph] = (), texts: str | Sequence[str] = ()
) -> Embeddings:
    """Unit vectors of images and texts in one space; one image or text alone is a list of one.

    Its ``notes`` name texts, by their places from 0, that are empty or not read to their end.
    """
    shown = list(images) if isinstance(images, list | tuple) else [cast("Radiograph", images)]
    vectors = [_vector(loaded, image).cpu().numpy() for image in shown]
    empty = np.zeros((0, loaded.architecture.projection_dim), np.float32)
    texts = as_texts(texts)
    notes = [note for place, text in enumerate(texts) for note in left_out(loaded, text, f"text {place}")]
    found = Embeddings(np.concatenate([empty, *vectors]), embed_texts(loaded, texts).cpu().numpy())
    found.notes = tuple(notes)
    return found


def zero_shot(loaded: LoadedModel, image: Radiograph, prompts: str | Sequence[Prompt]) -> dict[Prompt, float]:
    """Similarity of one radiograph to each prompt, in [-1, 1].

    Args:
        loaded: The model.
        image: The radiograph.
        prompts: Sentences, or one; a pair (present, absent) gives the difference of both similarities, in [-2, 2].
    """
    prompts = [prompts] if isinstance(prompts, str) else prompts
    return Brief(zip(prompts, similarities(loaded, _vector(loaded, image), prompts)[0].tolist(), strict=True))


@torch.inference_mode()
def embed_images(loaded: LoadedModel, image: ImageMemory) -> Tensor:
    """Unit vectors of images, (N, D) on the model's device."""
    require_backbone(loaded, "vectors")
    return loaded.model.embed_image(image.features)


@torch.inference_mode()
def embed_texts(loaded: LoadedModel, texts: str | Sequence[str]) -> Tensor:
    """Unit vectors of texts, (N, D) on the model's device; a bare string is one text."""
    require_backbone(loaded, "vectors")
    if not (texts := as_texts(texts)):
        return torch.zeros(0, loaded.architecture.projection_dim, device=loaded.device)
    return loaded.model.embed_text(loaded.backbone.read_texts(texts, loaded.device))


def similarities(loaded: LoadedModel, image_ND: Tensor, prompts: str | Sequence[Prompt]) -> NDArray[np.float32]:
    """Similarity of images to prompts (N, number of prompts); of a pair, that to the first minus the second."""
    pairs = [_pair(prompt) for prompt in ([prompts] if isinstance(prompts, str) else prompts)]
    score = image_ND @ embed_texts(loaded, [first for first, _ in pairs]).T
    against = [index for index, (_, second) in enumerate(pairs) if second is not None]
    seconds = [str(pairs[index][1]) for index in against]
    score[:, against] -= image_ND @ embed_texts(loaded, seconds).T
    return cast("NDArray[np.float32]", score.cpu().numpy())


def _vector(loaded: LoadedModel, image: Radiograph) -> Tensor:
    """The unit vector of one radiograph, (1, D)."""
    return embed_images(loaded, encode_images(loaded, batch(loaded, [item(loaded, image)])))


def _pair(prompt: Prompt) -> tuple[str, str | None]:
    """A prompt and what it is held against.

    Raises:
        TypeError: If it is neither a text nor two of them.
        UsageError: If one of them is empty: a model has a similarity to nothing as well.
    """
    texts = (prompt,) if isinstance(prompt, str) else prompt
    if isinstance(texts, tuple) and [type(text) for text in texts] in ([str], [str, str]):
        if not all(text.strip() for text in texts):
            raise UsageError(f"a prompt is empty in {prompt!r}: a sentence, or two of them, were expected")
        return texts[0], texts[1] if len(texts) > 1 else None
    raise TypeError(f"a prompt is a text or a pair (present, absent) of texts, got {prompt!r}")

"""What a model finds in encoded images: scores of entities or labels, boxes, and where prompts look.

B images, E entities, L labels, N labels or entities.
"""

from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray

from gkmvlp.batch import ImageBatch
from gkmvlp.errors import BackboneError
from gkmvlp.models.gk_mvlp import ImageMemory
from gkmvlp.models.heads.box_head import BoxHead
from gkmvlp.models.heads.label_head import LabelHead, label_logits
from gkmvlp.models.heads.region_head import RegionHead
from gkmvlp.texts import Brief
from gkmvlp.zoo.inference.boxes import boxes_of
from gkmvlp.zoo.inference.loaded_model import LoadedModel, lacking_head, require_backbone
from gkmvlp.zoo.inference.places import Places, place_fields, places_of
from gkmvlp.zoo.inference.prediction import PredictedBox


class Found(NamedTuple):
    """What the heads said of B images, so that nobody asks them twice; None where nobody has asked."""

    score_BN: NDArray[np.float64] | None = None  # of N labels by a model for them, of entities by a backbone
    places: Places | None = None
    boxes: list[list[PredictedBox]] | None = None


UNASKED = Found()


@torch.inference_mode()
def entity_scores(loaded: LoadedModel, image: ImageMemory) -> NDArray[np.float64]:
    """Log odds of present against absent, (B, E), by the head that pre-training left."""
    require_backbone(loaded, "findings")
    return cast("NDArray[np.float64]", loaded.model.entity_log_odds(image).cpu().numpy())


@torch.inference_mode()
def label_scores(loaded: LoadedModel, image: ImageMemory) -> NDArray[np.float64]:
    """Log odds of present for each label of ``head.labels``, (B, L).

    Raises:
        BackboneError: If the model was not fine-tuned for labels.
    """
    if not isinstance(loaded.head, LabelHead):
        raise lacking_head("labels scores them", "finetune-classification")
    return cast("NDArray[np.float64]", label_logits(loaded.model, loaded.head, image).double().cpu().numpy())


@torch.inference_mode()
def boxes(loaded: LoadedModel, batch: ImageBatch, image: ImageMemory) -> list[list[PredictedBox]]:
    """The boxes of each image, best first.

    Raises:
        BackboneError: If the model was not fine-tuned for boxes.
    """
    if not isinstance(loaded.head, BoxHead | RegionHead):
        raise lacking_head("boxes finds them", "finetune-localization")
    return boxes_of(loaded.backbone, loaded.head, batch, image)


def places(loaded: LoadedModel, batch: ImageBatch, image: ImageMemory) -> Places:
    """Where in the image each prompt attends to most: the point, and the region under it.

    Raises:
        BackboneError: If the model is no bare backbone, or one that does not say where it looks.
    """
    require_backbone(loaded, "places")
    if not isinstance(image, ImageMemory):
        raise BackboneError(f"{type(loaded.model).__name__} has no places of findings: GK-MVLP's backbones have them")
    return places_of(batch, image, loaded.architecture.image_size)


def finding_fields(
    loaded: LoadedModel, batch: ImageBatch, image: ImageMemory, at: str | None = None, found: Found = UNASKED
) -> list[dict[str, Any]]:
    """Fields of each image's ``Prediction`` that hold what was found, likeliest first.

    Args:
        loaded: The model.
        batch: B images.
        image: What the model encoded of them.
        at: Operating point whose thresholds count (see ``Reader``).
        found: What the heads have said already.
    """
    if isinstance(loaded.head, BoxHead | RegionHead):
        boxes_B = boxes(loaded, batch, image) if found.boxes is None else found.boxes
        return [{"boxes": one} for one in boxes_B]
    if isinstance(loaded.head, LabelHead):
        reader, names, ask = loaded.reader("labels", at), list(loaded.head.labels), label_scores
    else:
        reader, names, ask = loaded.reader("entities", at), loaded.entities, entity_scores
    score_BN = ask(loaded, image) if found.score_BN is None else found.score_BN
    readings = [reader.ranked(names, score_N) for score_N in score_BN]
    fields = [
        {"findings": Brief((name, reading.probability) for name, reading in one.items()), "readings": one}
        for one in readings
    ]
    if loaded.head is not None or not isinstance(image, ImageMemory):
        return fields
    looked = places(loaded, batch, image) if found.places is None else found.places
    placed = place_fields(batch, image, looked, readings, loaded.entities, loaded.architecture.image_size)
    return [{**one, **where} for one, where in zip(fields, placed, strict=True)]

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
from gkmvlp.zoo.inference.boxes import boxes_of
from gkmvlp.zoo.inference.loaded_model import LoadedModel
from gkmvlp.zoo.inference.places import Places, place_fields, places_of
from gkmvlp.zoo.inference.prediction import PredictedBox


class Found(NamedTuple):
    """What the heads said of B images, so that nobody asks them twice; None where nobody has asked."""

    score_BN: NDArray[np.float64] | None = None  # of N labels by a model for them, of entities by a backbone
    places: Places | None = None
    boxes: list[list[PredictedBox]] | None = None


UNASKED = Found()


class FindingsMixin(LoadedModel):
    """Findings by the head for labels or boxes, or by that of pre-training."""

    @torch.inference_mode()
    def entity_scores(self, image: ImageMemory) -> NDArray[np.float64]:
        """Log odds of present against absent, (B, E), by the head that pre-training left."""
        self._require_backbone("findings")
        return cast("NDArray[np.float64]", self.model.entity_log_odds(image).cpu().numpy())

    @torch.inference_mode()
    def label_scores(self, image: ImageMemory) -> NDArray[np.float64]:
        """Log odds of present for each label of ``head.labels``, (B, L).

        Raises:
            BackboneError: If the model was not fine-tuned for labels.
        """
        if not isinstance(self.head, LabelHead):
            raise BackboneError("only a model fine-tuned for labels scores them: make finetune-classification")
        return cast("NDArray[np.float64]", label_logits(self.model, self.head, image).double().cpu().numpy())

    @torch.inference_mode()
    def boxes(self, batch: ImageBatch, image: ImageMemory) -> list[list[PredictedBox]]:
        """The boxes of each image, best first.

        Raises:
            BackboneError: If the model was not fine-tuned for boxes.
        """
        if not isinstance(self.head, BoxHead | RegionHead):
            raise self._lacking_head("boxes finds them", "finetune-localization")
        return boxes_of(self.backbone, self.head, batch, image)

    def places(self, batch: ImageBatch, image: ImageMemory) -> Places:
        """Where in the image each prompt attends to most: the point, and the region under it.

        Raises:
            BackboneError: If the model is no bare backbone, or one that does not say where it looks.
        """
        self._require_backbone("places")
        if not isinstance(image, ImageMemory):
            raise BackboneError(f"{type(self.model).__name__} has no places of findings: GK-MVLP's backbones have them")
        return places_of(batch, image, self.architecture.image_size)

    def finding_fields(
        self, batch: ImageBatch, image: ImageMemory, at: str | None = None, found: Found = UNASKED
    ) -> list[dict[str, Any]]:
        """Fields of each image's ``Prediction`` that hold what was found, likeliest first.

        Args:
            batch: B images.
            image: What the model encoded of them.
            at: Operating point whose thresholds count (see ``Reader``).
            found: What the heads have said already.
        """
        if isinstance(self.head, BoxHead | RegionHead):
            boxes_B = self.boxes(batch, image) if found.boxes is None else found.boxes
            return [{"boxes": boxes} for boxes in boxes_B]
        if isinstance(self.head, LabelHead):
            reader, names, ask = self.reader("labels", at), list(self.head.labels), self.label_scores
        else:
            reader, names, ask = self.reader("entities", at), self.entities, self.entity_scores
        score_BN = ask(image) if found.score_BN is None else found.score_BN
        readings = [reader.ranked(names, score_N) for score_N in score_BN]
        fields = [
            {"findings": {name: reading.probability for name, reading in one.items()}, "readings": one}
            for one in readings
        ]
        if self.head is not None or not isinstance(image, ImageMemory):
            return fields
        places = self.places(batch, image) if found.places is None else found.places
        placed = place_fields(batch, image, places, readings, self.entities, self.architecture.image_size)
        return [{**one, **where} for one, where in zip(fields, placed, strict=True)]

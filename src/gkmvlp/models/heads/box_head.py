"""A detector of findings that stands on a backbone.

B images, E entities, D width, h x w grid of patches, L labels.
"""

import torch
from torch import Tensor, nn

from gkmvlp.models.gk_mvlp import GkMvlp
from gkmvlp.models.grounded_knowledge import GroundingOutput
from gkmvlp.models.heads.detector import Detections, Detector, DetectorConfig, Loss
from gkmvlp.models.vision import ImageFeatures


class BoxHead(nn.Module):
    """Boxes of labels from what a backbone sees.

    Args:
        model: The backbone it will stand on; only its sizes are read.
        labels: L names.
        config: Levels, anchors and what is kept.
        use_attention_maps: The pyramid also reads where the knowledge prompts look, and how present their entities are.
        label_loss: See ``Detector``.
        box_loss: See ``Detector``.
    """

    threshold_L: Tensor  # score from which on a box counts, chosen on validation data

    def __init__(
        self,
        model: GkMvlp,
        labels: tuple[str, ...],
        config: DetectorConfig,
        use_attention_maps: bool,
        label_loss: Loss,
        box_loss: Loss,
    ) -> None:
        super().__init__()
        self.labels, self.config, self.knowledge = labels, config, use_attention_maps
        architecture = model.architecture
        width = architecture.text.hidden_size + (len(architecture.knowledge.entities) if use_attention_maps else 0)
        sizes = len(labels), width, model.vision.grid, architecture.image_size
        self.detector = Detector(config, *sizes, label_loss, box_loss)
        self.register_buffer("threshold_L", torch.zeros(len(labels)))

    def maps(self, model: GkMvlp, features: ImageFeatures, grounded: GroundingOutput | None) -> Tensor:
        """What the pyramid reads, (B, D or D + E, h, w) float32.

        Args:
            model: The backbone.
            features: What its encoder saw.
            grounded: What its prompts saw; read only with ``use_attention_maps``.
        """
        map_BCP = features.patches.transpose(1, 2)
        if self.knowledge:
            assert grounded is not None
            absent_BE, present_BE = model.entity_logits(grounded).unbind(-1)
            attention_BEP = grounded.patch_attention
            # a mean of 1 over the patches, by how present the entity is
            seen_BEP = attention_BEP * attention_BEP.shape[-1] * (present_BE - absent_BE).sigmoid()[..., None]
            map_BCP = torch.cat([map_BCP, seen_BEP], dim=1)
        return map_BCP.unflatten(2, features.grid)

    def detect(self, model: GkMvlp, features: ImageFeatures, grounded: GroundingOutput | None) -> list[Detections]:
        """The boxes of each image, best first (see ``maps``)."""
        return self.detector.detect(self.maps(model, features, grounded))

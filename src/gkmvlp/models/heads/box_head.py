"""A backbone with a detector of findings, and the folder that keeps both.

B images, E entities, D width, h x w grid of patches, L labels.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor, nn

from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints.backbone import Backbone
from gkmvlp.checkpoints.renamed_keys import BOXES, with_new_keys
from gkmvlp.checkpoints.weights import head_told, plain_state
from gkmvlp.geometry import Frame, valid_boxes
from gkmvlp.losses.detection import box_overlap, focal_classification
from gkmvlp.models.gk_mvlp import GkMvlp
from gkmvlp.models.grounded_knowledge import Grounded
from gkmvlp.models.heads.detector import Detections, Detector, DetectorConfig
from gkmvlp.models.vision import ImageFeatures

WORDS, TENSORS = "boxes.json", "detector.safetensors"


class BoxHead(nn.Module):
    """Boxes of labels from what a backbone sees.

    Args:
        model: The backbone it will stand on; only its sizes are read.
        labels: L names.
        config: Levels, anchors and what is kept.
        use_attention_maps: The pyramid also reads where the knowledge prompts look, and how present their entities are.
    """

    threshold_L: Tensor  # score from which on a box counts, chosen on validation data

    def __init__(
        self, model: GkMvlp, labels: tuple[str, ...], config: DetectorConfig, use_attention_maps: bool
    ) -> None:
        super().__init__()
        self.labels, self.config, self.knowledge = labels, config, use_attention_maps
        architecture = model.architecture
        width = architecture.text.hidden_size + (len(architecture.knowledge.entities) if use_attention_maps else 0)
        sizes = len(labels), width, model.vision.grid, architecture.image_size
        self.detector = Detector(config, *sizes, focal_classification, box_overlap)
        self.register_buffer("threshold_L", torch.zeros(len(labels)))

    def maps(self, model: GkMvlp, features: ImageFeatures, grounded: Grounded | None) -> Tensor:
        """What the pyramid reads, (B, D or D + E, h, w) float32.

        Args:
            model: The backbone.
            features: What its encoder saw.
            grounded: What its prompts saw; read only with ``knowledge``.
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

    def detect(self, model: GkMvlp, features: ImageFeatures, grounded: Grounded | None) -> list[Detections]:
        """The boxes of each image, best first (see ``maps``)."""
        return self.detector.detect(self.maps(model, features, grounded))


def original(frame: Frame, box_P4: NDArray[np.floating[Any]]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Boxes (P, 4) in pixels of the frame as boxes in pixels of the original image, clipped to it, and a mask (P,).

    The mask is False for what lies in the padding alone.
    """
    return valid_boxes(frame.backward(box_P4.astype(np.float32)), frame.width, frame.height)


def save_detecting(backbone: Backbone, head: BoxHead, folder: Path) -> None:
    """Writes a backbone folder that finds boxes: ``boxes.json`` and the detector's tensors stand beside."""
    content = {"labels": head.labels, "use_attention_maps": head.knowledge, "detector": asdict(head.config)}
    files = {WORDS: json.dumps(content, indent=1).encode(), TENSORS: tensors_to_bytes(plain_state(head))}
    backbones.save(backbone, folder, files)


def load_box_head(folder: Path, model: GkMvlp) -> BoxHead:
    """The detector of a folder that ``save_detecting`` wrote.

    Raises:
        BackboneError: If a file is missing or broken.
    """
    with head_told(folder, "detector"):
        content = with_new_keys(json.loads((folder / WORDS).read_text()), BOXES)
        config = DetectorConfig(**content["detector"])
        head = BoxHead(model, tuple(content["labels"]), config, bool(content["use_attention_maps"]))
        head.load_state_dict(load_file(folder / TENSORS))
    return head

"""A backbone with a head for labels, and the folder that keeps both.

B images, L labels.
"""

import json
from pathlib import Path

from safetensors.torch import load_file
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor

from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints.backbone import Backbone
from gkmvlp.checkpoints.renamed_keys import LABELS, with_new_keys
from gkmvlp.checkpoints.weights import head_told, plain_state
from gkmvlp.models.config import Architecture
from gkmvlp.models.gk_mvlp import GkMvlp, ImageMemory
from gkmvlp.models.heads.label_classifier import LabelHead


def make_head(labels: tuple[str, ...], architecture: Architecture, features: str) -> LabelHead:
    """A fresh head for a backbone of that architecture."""
    return LabelHead(labels, architecture.knowledge.entities, architecture.text.hidden_size, features)  # type: ignore[arg-type]


def label_logits(model: GkMvlp, head: LabelHead, image: ImageMemory) -> Tensor:
    """Log odds of each label, (B, L)."""
    absent_BE, present_BE = model.entity_logits(image.grounded).unbind(-1)
    return head(image.features.pooled, present_BE - absent_BE)


def save_labelling(backbone: Backbone, head: LabelHead, folder: Path) -> None:
    """Writes a backbone folder that knows labels: ``labels.json`` and the head's tensors stand beside."""
    content = {"labels": head.labels, "head_inputs": head.features}
    state = tensors_to_bytes(plain_state(head))
    files = {"labels.json": json.dumps(content, indent=1).encode(), "label_head.safetensors": state}
    backbones.save(backbone, folder, files)


def load_label_head(folder: Path, architecture: Architecture) -> LabelHead:
    """The head of a folder that ``save_labelling`` wrote.

    Raises:
        BackboneError: If a file is missing or broken.
    """
    with head_told(folder, "head for labels"):
        content = with_new_keys(json.loads((folder / "labels.json").read_text()), LABELS)
        head = make_head(tuple(content["labels"]), architecture, content["head_inputs"])
        head.load_state_dict(load_file(folder / "label_head.safetensors"))
    return head

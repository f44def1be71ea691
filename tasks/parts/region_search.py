"""A backbone with a head for regions: the folder that keeps both, and the boxes it finds in a data set.

N images, B batch, R regions.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as tensors_to_bytes

from gkmvlp.anatomy import REGIONS
from gkmvlp.batch import ImageBatch
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints.backbone import Backbone
from gkmvlp.checkpoints.weights import plain_state
from gkmvlp.errors import BackboneError
from gkmvlp.geometry import Frame
from gkmvlp.models.heads.region_detector import RegionHead

FILE = "region_head.safetensors"
Float = NDArray[np.float32]


def save_regions(backbone: Backbone, head: RegionHead, folder: Path) -> None:
    """Writes a backbone folder that finds regions: the head's tensors stand beside."""
    backbones.save(backbone, folder, {FILE: tensors_to_bytes(plain_state(head))})


def load_regions(folder: Path) -> tuple[Backbone, RegionHead]:
    """The backbone and the head of a folder that ``save_regions`` wrote.

    Raises:
        BackboneError: If there is no such head, or it is broken.
    """
    backbone = backbones.load(folder)
    return backbone, load_region_head(folder, backbone.model.architecture.text.hidden_size)


def load_region_head(folder: Path, width: int) -> RegionHead:
    """The head of a folder that ``save_regions`` wrote.

    Args:
        folder: The folder.
        width: D of its backbone.

    Raises:
        BackboneError: If there is no such head, or it is broken.
    """
    head = RegionHead(width, torch.zeros(len(REGIONS), 4))
    try:
        head.load_state_dict(load_file(folder / FILE))
    except (OSError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:120]
        raise BackboneError(f"{folder}: no readable {FILE} ({reason}): gkmvlp finetune regions leaves one") from error
    return head


@torch.no_grad()
def find_regions(backbone: Backbone, head: RegionHead, batches: Iterable[ImageBatch]) -> tuple[Float, Float]:
    """Boxes (N, R, 4) xyxy in pixels of the original images, and scores (N, R) in [0, 1]."""
    model = backbone.model.eval()
    head.eval()
    side = model.architecture.image_size
    boxes, scores = [], []
    for batch in batches:
        box_BR4, presence_BR = head(model.vision(batch["image"]).patches)
        frames = [Frame(*values) for values in batch["frame"].tolist()]
        boxes += [frame.backward(box_R4.cpu().numpy() * side) for frame, box_R4 in zip(frames, box_BR4, strict=True)]
        scores.append(presence_BR.sigmoid().cpu().numpy())
    return np.stack(boxes), np.concatenate(scores)

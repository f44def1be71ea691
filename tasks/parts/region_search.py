"""The boxes of regions that a head finds in a data set.

N images, B batch, R regions.
"""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from gkmvlp.batch import ImageBatch
from gkmvlp.checkpoints.backbone import Backbone
from gkmvlp.geometry import Frame
from gkmvlp.models.heads.region_head import RegionHead

Float = NDArray[np.float32]


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

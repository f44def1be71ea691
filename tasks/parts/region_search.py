"""The boxes of regions that a head finds in images.

N images, B batch, R regions, P patches, D width.
"""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gkmvlp.batch import ImageBatch
from gkmvlp.checkpoints.backbone import Backbone
from gkmvlp.geometry import Letterbox
from gkmvlp.models.heads.region_head import RegionHead

Float = NDArray[np.float32]


def regions_of(head: RegionHead, patches_BPD: Tensor, frame_B6: Tensor, side: int) -> tuple[list[Float], Float]:
    """The boxes of the regions of a batch.

    Args:
        head: What finds them.
        patches_BPD: Patches from the backbone's image encoder.
        frame_B6: Where the images lie in their frames.
        side: Side of the frames in pixels.

    Returns:
        B times boxes (R, 4) xyxy in pixels of the original image, and scores (B, R) in [0, 1].
    """
    box_BR4, presence_BR = head(patches_BPD)
    frames = [Letterbox(*values) for values in frame_B6.tolist()]
    boxes = [frame.to_original(box_R4.cpu().numpy() * side) for frame, box_R4 in zip(frames, box_BR4, strict=True)]
    return boxes, presence_BR.sigmoid().cpu().numpy()


@torch.no_grad()
def find_regions(backbone: Backbone, head: RegionHead, batches: Iterable[ImageBatch]) -> tuple[Float, Float]:
    """Boxes (N, R, 4) xyxy in pixels of the original images, and scores (N, R) in [0, 1]."""
    model = backbone.model.eval()
    head.eval()
    side = model.architecture.image_size
    boxes, scores = [], []
    for batch in batches:
        found, score_BR = regions_of(head, model.vision(batch["image"]).patches, batch["letterbox"], side)
        boxes += found
        scores.append(score_BR)
    return np.stack(boxes), np.concatenate(scores)

"""Boxes that a model finds, and those of the regions that it was given, in pixels of the original images.

B images, R regions, L labels, P boxes of an image.
"""

import numpy as np

from gkmvlp.anatomy import LEAST_SCORE, REGIONS
from gkmvlp.batch import ImageBatch
from gkmvlp.checkpoints.backbone import Backbone
from gkmvlp.geometry import original_boxes
from gkmvlp.models.gk_mvlp import ImageMemory
from gkmvlp.models.heads.box_head import BoxHead
from gkmvlp.models.heads.region_head import RegionHead
from gkmvlp.tasks.parts.region_search import regions_of
from gkmvlp.texts import Brief
from gkmvlp.zoo.inference.inputs import frames_of
from gkmvlp.zoo.inference.prediction import PredictedBox


def boxes_of(
    backbone: Backbone, head: BoxHead | RegionHead, batch: ImageBatch, image: ImageMemory
) -> list[list[PredictedBox]]:
    """The boxes of each image, best first: of findings, or of every region."""
    if isinstance(head, RegionHead):
        return _regions(head, batch, image, backbone.model.architecture.image_size)
    detected = head.detect(backbone.model, image.features, image.grounded)
    least_L, images = head.threshold_L.tolist(), []
    for frame, detections in zip(frames_of(batch), detected, strict=True):
        box_P4, kept_P = original_boxes(frame, detections.box_P4.float().cpu().numpy())
        rows = zip(detections.label_P.tolist(), detections.score_P.tolist(), box_P4.tolist(), kept_P, strict=True)
        images.append([
            PredictedBox(head.labels[n], score, x1, y1, x2, y2, score >= least_L[n], least_L[n])
            for n, score, (x1, y1, x2, y2), is_kept in rows if is_kept
        ])  # fmt: skip
    return images


def _regions(head: RegionHead, batch: ImageBatch, image: ImageMemory, side: int) -> list[list[PredictedBox]]:
    regions = []
    for box_R4, score_R in zip(*regions_of(head, image.features.patches, batch["letterbox"], side), strict=True):
        order = ((REGIONS[r], float(score_R[r]), box_R4[r].tolist()) for r in np.argsort(-score_R))
        regions.append([
            PredictedBox(name, score, x1, y1, x2, y2, score >= LEAST_SCORE, LEAST_SCORE)
            for name, score, (x1, y1, x2, y2) in order
        ])  # fmt: skip
    return regions


def boxes_of_regions(batch: ImageBatch, side: int) -> list[dict[str, tuple[float, float, float, float]]]:
    """Boxes of the regions that each image of a batch came with; what lies outside it is left out.

    Args:
        batch: B images.
        side: Side of the frame in pixels.
    """
    found: list[dict[str, tuple[float, float, float, float]]] = []
    box_BR4, mask_BR = batch["region_box"].cpu().numpy() * side, batch["region_mask"].cpu().numpy()
    for frame, box_R4, has_R in zip(frames_of(batch), box_BR4, mask_BR, strict=True):
        inside_R4, is_inside_R = original_boxes(frame, box_R4)
        rows = zip(REGIONS, inside_R4.tolist(), has_R & is_inside_R, strict=True)
        found.append(Brief((name, tuple(box)) for name, box, is_there in rows if is_there))
    return found

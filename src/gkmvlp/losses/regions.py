"""Loss of boxes of regions.

B batch, R regions.
"""

from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import generalized_box_iou_loss


def region_boxes(box_BR4: Tensor, presence_BR: Tensor, true_BR4: Tensor, mask_BR: Tensor) -> dict[str, Tensor]:
    """Distance, overlap and presence of regions, to be summed (Carion et al., DETR, ECCV 2020: 5, 2 and 1).

    Args:
        box_BR4: Predicted boxes (B, R, 4) xyxy in fractions of the frame.
        presence_BR: Log odds (B, R) that the region has a box.
        true_BR4: True boxes (B, R, 4) xyxy.
        mask_BR: (B, R) bool, True where there is a true box; others teach the presence alone.
    """
    box_N4, true_N4, count = box_BR4[mask_BR], true_BR4[mask_BR], mask_BR.sum().clamp_min(1)
    return {
        "distance": 5 * (box_N4 - true_N4).abs().sum() / count,
        "overlap": 2 * generalized_box_iou_loss(box_N4, true_N4, reduction="sum") / count,
        "presence": F.binary_cross_entropy_with_logits(presence_BR, mask_BR.float()),
    }

"""Losses of a detector with anchors.

A anchors, L labels, N anchors that stand for a true box.
"""

from torch import Tensor
from torchvision.ops import generalized_box_iou_loss, sigmoid_focal_loss


def focal_loss(logits_AL: Tensor, target_AL: Tensor) -> Tensor:
    """Focal loss of the labels of anchors, summed and divided by the anchors that stand for a box (at least 1).

    Lin et al., Focal Loss for Dense Object Detection, ICCV 2017: alpha 0.25, gamma 2. A mean over all anchors, nearly
    all of them easy, would all but vanish.

    Args:
        logits_AL: (A, L).
        target_AL: (A, L), 1 where the anchor stands for a box of the label, else 0.
    """
    total = sigmoid_focal_loss(logits_AL, target_AL, alpha=0.25, gamma=2, reduction="sum")
    return total / target_AL.sum().clamp_min(1)


def giou_loss(box_N4: Tensor, true_N4: Tensor) -> Tensor:
    """Mean of 1 - generalised intersection over union (Rezatofighi et al., CVPR 2019), in [0, 2].

    Args:
        box_N4: Predicted boxes (N, 4) xyxy.
        true_N4: The true boxes of their anchors (N, 4).
    """
    return generalized_box_iou_loss(box_N4, true_N4, reduction="mean")

"""Multi-label classification: is this label present in the image?

Legend: B images, L labels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from gkmvlp.losses.precision import at_least_float32


def multilabel_bce(logit_BL: Tensor, label_BL: Tensor) -> Tensor:
    """Binary cross-entropy of each label; unknown ones are ignored.

    Args:
        logit_BL: Log odds of present, (B, L).
        label_BL: 1 present, 0 absent, NaN unknown, (B, L).

    Returns:
        Scalar in nats, the mean over the known entries. It is ln 2 when the logits carry no information, and 0 (with a
        gradient of 0) when no entry is known.

    Raises:
        ValueError: If logits and labels do not agree in shape.
    """
    if logit_BL.shape != label_BL.shape:
        raise ValueError(f"logits and labels (B, L) must agree, got {tuple(logit_BL.shape)}, {tuple(label_BL.shape)}")
    logit_BL = at_least_float32(logit_BL)
    valid_BL = ~label_BL.isnan()
    target_BL = torch.where(valid_BL, label_BL, 0).to(logit_BL.dtype)
    nats_BL = F.binary_cross_entropy_with_logits(logit_BL, target_BL, reduction="none")
    return torch.where(valid_BL, nats_BL, 0).sum() / valid_BL.sum().clamp(min=1)

"""Position: a prompt looks where the report says that its entity lies.

Legend: B images, E entities, R regions, P patches.
"""

import torch
from torch import Tensor

FLOOR = 1e-4  # attention inside never counts as less: one wrong report does not outweigh a batch


def position_loss(attention_BEP: Tensor, place_BER: Tensor, coverage_BRP: Tensor) -> Tensor:
    """Negative log of the attention that falls inside the stated regions.

    The report's position is a target only (a form of MedKLIP's position objective on regions instead of words): no
    input of the model depends on it.

    Args:
        attention_BEP: Attention of each prompt over the patches, (B, E, P), rows sum to 1.
        place_BER: (B, E, R) bool, True where the report says that a present entity lies.
        coverage_BRP: Share of each patch inside each region's box, (B, R, P) in [0, 1].

    Returns:
        Scalar in nats, the mean over entities with a stated region; 0 (with a gradient of 0) where there is none. It
        is ln of P over the patches inside when attention is uniform.

    Raises:
        ValueError: If the shapes do not fit each other.
    """
    if attention_BEP.shape[:2] != place_BER.shape[:2] or coverage_BRP.shape[1] != place_BER.shape[2]:
        shapes = [tuple(x.shape) for x in (attention_BEP, place_BER, coverage_BRP)]
        raise ValueError(f"attention (B, E, P), places (B, E, R) and coverage (B, R, P) must agree, got {shapes}")
    inside_BEP = (place_BER.to(coverage_BRP.dtype) @ coverage_BRP).clamp(max=1)
    mass_BE = (attention_BEP.to(coverage_BRP.dtype) * inside_BEP).sum(-1)
    stated_BE = inside_BEP.any(-1)
    nats_BE = -(mass_BE + FLOOR).log()
    return torch.where(stated_BE, nats_BE, 0).sum() / stated_BE.sum().clamp(min=1)

"""Alignment with entities: which entities of the knowledge graph does an image, or a text, speak of?

Legend: B images or texts, N entities of the graph.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from gkmvlp.losses.precision import at_least_float32


def entity_alignment_loss(logit_BN: Tensor, named_BN: Tensor, positive_share: float = 0.5) -> Tensor:
    """Binary cross-entropy of all entities, in which the few that are named weigh as a whole what is asked for.

    A plain mean over a graph of hundreds of entities would be one of negatives: a text names a handful.

    Args:
        logit_BN: Log odds of being named, (B, N).
        named_BN: (B, N) bool.
        positive_share: Weight of the mean over named entities, in (0, 1); the mean over the others has the rest. Where
            one kind is missing in the whole batch, the other has all.

    Returns:
        Scalar in nats; ln 2 when the logits carry no information.

    Raises:
        ValueError: If logits and targets do not agree in shape.
    """
    if logit_BN.shape != named_BN.shape:
        raise ValueError(f"logits and targets (B, N) must agree, got {tuple(logit_BN.shape)}, {tuple(named_BN.shape)}")
    named_BN = named_BN.bool()
    nats_BN = F.softplus(at_least_float32(torch.where(named_BN, -logit_BN, logit_BN)))
    positive, negative = (kind_BN.to(nats_BN.dtype).sum().clamp(min=1) for kind_BN in (named_BN, ~named_BN))
    weight_BN = torch.where(named_BN, positive_share / positive, (1 - positive_share) / negative)
    return (weight_BN * nats_BN).sum() / weight_BN.sum()

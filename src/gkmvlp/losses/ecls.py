"""Entity classification (ECLS): is this entity present in the image?

Legend: B images, E entities; the last 2 are the classes: 0 absent, 1 present.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from gkmvlp.losses.precision import at_least_float32

PRESENT, ABSENT, UNMENTIONED = 1, 0, -2


def entity_classification(
    logits_BE2: Tensor,
    status_BE: Tensor,
    *,
    unmentioned: Literal["absent", "ignore"] = "absent",
    weight_E: Tensor | None = None,
) -> Tensor:
    """Two-way cross-entropy of each entity's status; uncertain ones are ignored.

    Args:
        logits_BE2: Logits of absent and present, (B, E, 2).
        status_BE: 1 present, 0 absent, -1 uncertain, -2 not mentioned, (B, E) integers.
        unmentioned: What silence of the report means.
        weight_E: Positive factor on the loss of present entities, (E,), against rarity; the divisor stays the count.

    Returns:
        Scalar in nats, the mean over the kept entries. It is ln 2 when the logits carry no information (without
        weights), and 0 (with a gradient of 0) when no entry is kept.

    Raises:
        ValueError: If logits, statuses and weights do not agree in shape.
    """
    if logits_BE2.shape != (*status_BE.shape, 2):
        shapes = f"{tuple(logits_BE2.shape)} and {tuple(status_BE.shape)}"
        raise ValueError(f"logits (B, E, 2) and statuses (B, E) must agree, got {shapes}")
    if weight_E is not None and weight_E.shape != status_BE.shape[1:]:
        raise ValueError(f"weights {tuple(weight_E.shape)} must be one for each of {status_BE.shape[1]} entities")
    present_BE, valid_BE = status_BE == PRESENT, status_BE >= ABSENT
    if unmentioned == "absent":
        valid_BE = valid_BE | (status_BE == UNMENTIONED)
    nats_BE = F.cross_entropy(at_least_float32(logits_BE2).movedim(-1, 1), present_BE.long(), reduction="none")
    if weight_E is not None:
        nats_BE = nats_BE * torch.where(present_BE, weight_E.to(nats_BE.dtype), 1)
    return torch.where(valid_BE, nats_BE, 0).sum() / valid_BE.sum().clamp(min=1)

"""Statement matching: an image against one short sentence on one entity, true or false by the report.

ITM reads whole reports, in which a single finding is a word among many; a question asks for that word. Statements teach
the image-report encoder to find the knowledge token of the entity that a text names.
Legend: B images, E entities, N statements; the last 2 are the classes: 0 does not match, 1 matches.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from gkmvlp.losses.ecls import ABSENT, PRESENT, UNMENTIONED
from gkmvlp.losses.precision import at_least_float32


class Statements(NamedTuple):
    """Which entity is said to be present in which image, and whether it is."""

    image_N: Tensor  # int64
    entity_N: Tensor  # int64
    is_true_N: Tensor  # bool


def draw_statements(status_BE: Tensor, generator: torch.Generator | None = None) -> Statements:
    """One true and one false statement for each image with a present entity.

    The false one names an entity that is not present, drawn by how often it is present in the batch: which entity is
    named then says little about the truth. Images without a present entity, or whose absent entities are present
    nowhere in the batch, are left out.

    Args:
        status_BE: 1 present, 0 absent, -1 uncertain, -2 not mentioned (read as absent), (B, E) integers.
        generator: Source of randomness on the device of the statuses.
    """
    present_BE = (status_BE == PRESENT).float()
    absent_BE = ((status_BE == ABSENT) | (status_BE == UNMENTIONED)).float() * present_BE.sum(0)
    image_n = (present_BE.any(1) & absent_BE.any(1)).nonzero().squeeze(1)
    if not len(image_n):
        return Statements(image_n, image_n, image_n.bool())
    entities = [
        torch.multinomial(weight[image_n], 1, generator=generator).squeeze(1) for weight in (present_BE, absent_BE)
    ]
    is_true_N = torch.arange(2 * len(image_n), device=status_BE.device) < len(image_n)
    return Statements(image_n.repeat(2), torch.cat(entities), is_true_N)


def statement_matching(logits_N2: Tensor, is_true_N: Tensor) -> Tensor:
    """Cross-entropy of statements, a scalar in nats: ln 2 without information, 0 (with a gradient of 0) for N = 0."""
    nats = F.cross_entropy(at_least_float32(logits_N2), is_true_N.long(), reduction="sum")
    return nats / max(1, len(is_true_N))

"""Statement matching: an image against one short sentence on one entity, true or false by the report.

ITM reads whole reports, in which a single finding is a word among many; a question asks for that word. Statements teach
the image-report encoder to find the knowledge token of the entity that a text names, and the side that it tells.
Legend: B images, E entities, N statements; the last 2 are the classes: 0 does not match, 1 matches.
Sides are 1 right, -1 left, 0 none, both or not known.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from gkmvlp.losses.ecls import ABSENT, PRESENT, UNMENTIONED
from gkmvlp.losses.precision import at_least_float32


class Statements(NamedTuple):
    """Which entity is said to be present in which image, on which side, and whether it is."""

    image_N: Tensor  # int64
    entity_N: Tensor  # int64
    side_N: Tensor  # int64, 0 where no side is told
    is_true_N: Tensor  # bool


def draw_statements(status_BE: Tensor, side_BE: Tensor, generator: torch.Generator | None = None) -> Statements:
    """One true and one false statement for each image with a present entity.

    The false one names an entity that is not present, drawn by how often it is present in the batch: which entity is
    named then says little about the truth. Where the present entity lies on one side, every other true statement tells
    it, and every other false one puts the present entity on the wrong side instead. A side is told at random of an
    absent entity that is told of a side elsewhere in the batch. Images without a present entity, or whose absent
    entities are present nowhere in the batch, are left out.

    Args:
        status_BE: 1 present, 0 absent, -1 uncertain, -2 not mentioned (read as absent), (B, E) integers.
        side_BE: Side of each present entity (B, E), integers.
        generator: Source of randomness on the device of the statuses.
    """
    present_BE = (status_BE == PRESENT).float()
    absent_BE = ((status_BE == ABSENT) | (status_BE == UNMENTIONED)).float() * present_BE.sum(0)
    image_n = (present_BE.any(1) & absent_BE.any(1)).nonzero().squeeze(1)
    if not len(image_n):
        return Statements(image_n, image_n, image_n, image_n.bool())
    present_n, absent_n = (
        torch.multinomial(weight[image_n], 1, generator=generator).squeeze(1) for weight in (present_BE, absent_BE)
    )
    coin_3n = torch.rand(3, len(image_n), generator=generator, device=status_BE.device) < 0.5
    side_n = side_BE[image_n, present_n].long()
    mirrored_n = coin_3n[0] & (side_n != 0)
    some_side_n = (side_BE != 0).any(0)[absent_n] * (2 * coin_3n[1].long() - 1)
    told_n = side_n * coin_3n[2]
    return Statements(
        image_n.repeat(2),
        torch.cat([present_n, torch.where(mirrored_n, present_n, absent_n)]),
        torch.cat([told_n, torch.where(mirrored_n, -side_n, some_side_n * coin_3n[2])]),
        torch.arange(2 * len(image_n), device=status_BE.device) < len(image_n),
    )


def statement_matching(logits_N2: Tensor, is_true_N: Tensor) -> Tensor:
    """Cross-entropy of statements, a scalar in nats: ln 2 without information, 0 (with a gradient of 0) for N = 0."""
    nats = F.cross_entropy(at_least_float32(logits_N2), is_true_N.long(), reduction="sum")
    return nats / max(1, len(is_true_N))

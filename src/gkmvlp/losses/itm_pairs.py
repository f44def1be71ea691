"""Pairs for image-text matching: half keep their image, half get one that says something else.

Legend: B pairs. The loss of the pairs is ``gkmvlp.losses.statements.statement_matching``.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from gkmvlp.losses.itm import hard_negatives


class Pairs(NamedTuple):
    """Which image each text is read with."""

    image: Tensor  # (B,) int64
    is_true: Tensor  # (B,) bool, whether it is its own


def sample_pairs(forbidden_BB: Tensor, generator: torch.Generator | None = None) -> Pairs:
    """Half of the texts, drawn at random, get a random image among the admissible ones; where there is none, their own.

    Args:
        forbidden_BB: (B, B) bool, True where column's image must not serve as negative of the row's text
            (``gkmvlp.losses.itm.false_negatives``); the diagonal never does.
        generator: Source of randomness on the device of the mask.
    """
    other_B, has_other_B = hard_negatives(torch.zeros_like(forbidden_BB, dtype=torch.float32), forbidden_BB, generator)
    own_B = torch.arange(len(other_B), device=other_B.device)
    turn_B = torch.rand(len(own_B), generator=generator, device=own_B.device).argsort()
    is_true_B = (turn_B < (len(own_B) + 1) // 2) | ~has_other_B
    return Pairs(torch.where(is_true_B, own_B, other_B), is_true_B)

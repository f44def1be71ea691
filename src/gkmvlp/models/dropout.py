"""Dropout whose masks are drawn four elements at a time on processors.

torch draws them one by one, each from 64 random bits and all on one core, which takes longer than the rest of dropout.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

LEVELS = 2**16  # 16 bits an element


def dropout(x: Tensor, probability: float, training: bool) -> Tensor:
    """``F.dropout``; on a processor the probability is rounded to a multiple of 1 / 65,536, and the scale with it.

    Args:
        x: Any shape.
        probability: Of each element to become zero; the others are divided by 1 - ``probability``.
        training: False gives ``x``.
    """
    dropped = round(probability * LEVELS)
    if x.device.type != "cpu" or torch.compiler.is_compiling() or not (training and 0 < dropped < LEVELS):
        return F.dropout(x, probability, training)
    bits = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)  # all 64 of them
    level = bits.view(torch.int16)[: x.numel()].view(x.shape)
    kept = (level >= dropped - LEVELS // 2).to(x.dtype)
    return x * kept.mul_(LEVELS / (LEVELS - dropped))

"""Numeric precision of the objectives."""

import torch
from torch import Tensor


def at_least_float32(x: Tensor) -> Tensor:
    """The tensor for exponentials and sums: half precisions become float32, float64 stays.

    Args:
        x: Any floating point tensor.

    Returns:
        The tensor in float32 or float64.
    """
    return x.to(torch.promote_types(x.dtype, torch.float32))

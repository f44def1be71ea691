"""Counting of floating-point operations."""

from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count


def operation_counter() -> FlopCounterMode:
    """Counts what runs inside it: also the attention of processors, which torch's own table leaves out."""
    aten = torch.ops.aten
    kernels = {
        aten._scaled_dot_product_flash_attention_for_cpu: _forward,
        aten._scaled_dot_product_flash_attention_for_cpu_backward: _backward,
    }
    return FlopCounterMode(display=False, custom_mapping=kernels)


def _forward(query: torch.Size, key: torch.Size, value: torch.Size, *_: Any, **__: Any) -> int:
    return int(sdpa_flop_count(query, key, value))


def _backward(grad: torch.Size, query: torch.Size, key: torch.Size, value: torch.Size, *_: Any, **__: Any) -> int:
    return int(sdpa_backward_flop_count(grad, query, key, value))

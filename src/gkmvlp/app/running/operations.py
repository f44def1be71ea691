"""Floating-point operations, counted: torch's counter, with what it leaves out or counts too high put right."""

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

Shape = Sequence[int]


def operation_counter() -> FlopCounterMode:
    """Counts the products of matrices and the convolutions of what runs inside it, forward and backward."""
    aten = torch.ops.aten
    formulas = {
        aten.convolution_backward: _convolution_backward,
        aten._scaled_dot_product_flash_attention_for_cpu: _attention,
        aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward,
    }
    return FlopCounterMode(display=False, custom_mapping=formulas)


def _attention(query_shape: Shape, key_shape: Shape, value_shape: Shape, *_: Any, **__: Any) -> int:
    """Fused attention on a processor, which torch does not count; shapes (B, H, T, D)."""
    return int(sdpa_flop_count(query_shape, key_shape, value_shape))


def _attention_backward(
    gradient_shape: Shape, query_shape: Shape, key_shape: Shape, value_shape: Shape, *_: Any, **__: Any
) -> int:
    """Its backward, which computes the products of forward again; shapes (B, H, T, D)."""
    return int(sdpa_backward_flop_count(gradient_shape, query_shape, key_shape, value_shape))


def _convolution_backward(
    gradient_shape: Shape,
    input_shape: Shape,
    weight_shape: Shape,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    output_padding: Any,
    groups: int,
    wanted: Sequence[bool],
    **_: Any,
) -> int:
    """Gradients of input and weight cost one forward each. Torch counts that of the weight as if there were no groups.

    Args:
        gradient_shape: (B, C', h, w).
        input_shape: (B, C, H, W).
        weight_shape: (C', C / groups, k, k), or (C, C' / groups, k, k) where ``transposed``.
        bias: Not counted, like the five that follow ``weight_shape`` and are not read.
        stride: See ``bias``.
        padding: See ``bias``.
        dilation: See ``bias``.
        transposed: Whether it is a transposed convolution.
        output_padding: See ``bias``.
        groups: In ``weight_shape`` already.
        wanted: Whether input, weight and bias get a gradient.
    """
    batch, _channels, *places = input_shape if transposed else gradient_shape
    return 2 * batch * prod(places) * prod(weight_shape) * sum(wanted[:2])

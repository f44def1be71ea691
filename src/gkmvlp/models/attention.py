"""Scaled dot-product attention whose backward is fast on processors too.

On a CPU the fused kernel of torch takes several times as long for the gradient in bfloat16 as in float32, and in
float32 half as long again as plain products in bfloat16; forward alone it is fastest in bfloat16.

B batch, H heads, T queries, M keys, D width of a head.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel


def attention(
    query_BHTD: Tensor, key_BHMD: Tensor, value_BHMD: Tensor, mask: Tensor | None = None, causal: bool = False
) -> Tensor:
    """``F.scaled_dot_product_attention``, by plain products where its gradient would be slow; (B, H, T, D).

    Args:
        query_BHTD: Queries.
        key_BHMD: Keys.
        value_BHMD: Values.
        mask: Bool, broadcastable to (B, H, T, M), True where attention is allowed; None allows all.
        causal: Whether a query sees only keys up to its own place.
    """
    if not _slow_backward(query_BHTD):
        return F.scaled_dot_product_attention(query_BHTD, key_BHMD, value_BHMD, mask, is_causal=causal)
    if causal:
        mask = torch.ones(query_BHTD.shape[2], key_BHMD.shape[2], dtype=torch.bool).tril()
    mixed: Tensor = _PlainAttention.apply(query_BHTD, key_BHMD, value_BHMD, mask)  # type: ignore[no-untyped-call]
    return mixed


class _PlainAttention(torch.autograd.Function):
    """Attention in bfloat16 but for its scores: rounded to eight bits they would move each weight by a per cent."""

    @staticmethod
    def forward(ctx: Any, query_BHTD: Tensor, key_BHMD: Tensor, value_BHMD: Tensor, mask: Tensor | None) -> Tensor:
        ctx.scale = query_BHTD.shape[-1] ** -0.5
        with torch.autocast("cpu", enabled=False):
            score_BHTM = (query_BHTD.float() * ctx.scale) @ key_BHMD.float().mT
        if mask is not None:
            score_BHTM.masked_fill_(~mask, torch.finfo(torch.float32).min)
        weight_BHTM = score_BHTM.softmax(-1).to(value_BHMD.dtype)
        if mask is not None:  # a query that may look nowhere gets zeros, as from torch
            weight_BHTM.masked_fill_(~mask.any(-1, keepdim=True), 0)
        ctx.save_for_backward(query_BHTD, key_BHMD, value_BHMD, weight_BHTM)
        return weight_BHTM @ value_BHMD

    @staticmethod
    def backward(ctx: Any, grad_BHTD: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:  # type: ignore[override]
        query_BHTD, key_BHMD, value_BHMD, weight_BHTM = ctx.saved_tensors
        grad_BHTM = torch._softmax_backward_data(grad_BHTD @ value_BHMD.mT, weight_BHTM, -1, weight_BHTM.dtype)
        grad_BHTM = grad_BHTM * ctx.scale
        return grad_BHTM @ key_BHMD, grad_BHTM.mT @ query_BHTD, weight_BHTM.mT @ grad_BHTD, None


def plain_attention(x: Tensor) -> AbstractContextManager[None]:
    """Makes attention of other libraries' modules use plain products where their fused backward would be slow.

    Args:
        x: Input of the modules, which says where they run.
    """
    autocast = x.device.type == "cpu" and torch.is_autocast_enabled("cpu")
    context: AbstractContextManager[None] = sdpa_kernel(SDPBackend.MATH)
    return context if autocast and torch.is_grad_enabled() else nullcontext()


def _slow_backward(query_BHTD: Tensor) -> bool:
    return query_BHTD.device.type == "cpu" and query_BHTD.dtype == torch.bfloat16 and query_BHTD.requires_grad

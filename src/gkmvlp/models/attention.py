"""Scaled dot-product attention whose backward is fast on processors too.

On a CPU the fused kernel of torch takes seven times as long for the gradient in bfloat16 as in float32, and longer
than the plain products do; forward alone it is fastest in bfloat16.

B batch, H heads, T queries, M keys, D width of a head.
"""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel


def attention(
    query_BHTD: Tensor, key_BHMD: Tensor, value_BHMD: Tensor, mask: Tensor | None = None, causal: bool = False
) -> Tensor:
    """``F.scaled_dot_product_attention``, in float32 where a gradient through bfloat16 would be slow; (B, H, T, D).

    Args:
        query_BHTD: Queries.
        key_BHMD: Keys.
        value_BHMD: Values.
        mask: Bool, broadcastable to (B, H, T, M), True where attention is allowed; None allows all.
        causal: Whether a query sees only keys up to its own place.
    """
    if not _slow_backward(query_BHTD):
        return F.scaled_dot_product_attention(query_BHTD, key_BHMD, value_BHMD, mask, is_causal=causal)
    wide = query_BHTD.float(), key_BHMD.float(), value_BHMD.float()
    with torch.autocast("cpu", enabled=False):
        mixed = F.scaled_dot_product_attention(*wide, mask, is_causal=causal)
    return mixed.to(query_BHTD.dtype)


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

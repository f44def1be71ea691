"""Counted operations against their formulas."""

import torch
from torch.nn import functional as F

from gkmvlp.app.running.operations import operation_counter


def test_attention_of_a_processor_is_counted():
    """Two products forward; backward makes the weights anew and has four more."""
    query, key = (torch.randn(2, 3, n, 8, requires_grad=True) for n in (5, 7))
    product = 2 * 2 * 3 * 5 * 7 * 8
    with operation_counter() as counter:
        mixed = F.scaled_dot_product_attention(query, key, key)
        assert counter.get_total_flops() == 2 * product
        mixed.sum().backward()
    assert counter.get_total_flops() == 7 * product

"""Operations counted, against the definition: two for each multiplication of a product or a convolution."""

import pytest
import torch
from torch import nn

from gkmvlp.app.running.operations import operation_counter


def counted(work):
    """Operations of forward and of backward."""
    with operation_counter() as forward:
        output = work()
    with operation_counter() as backward:
        output.sum().backward()
    return forward.get_total_flops(), backward.get_total_flops()


@pytest.mark.parametrize("groups", [1, 8, 64])
def test_a_grouped_convolution_costs_two_forwards_in_backward(groups):
    layer, image = nn.Conv2d(64, 64, 3, padding=1, groups=groups), torch.randn(2, 64, 10, 12, requires_grad=True)
    forward = 2 * (2 * 10 * 12) * 64 * (64 // groups) * 9
    assert counted(lambda: layer(image)) == (forward, 2 * forward)


def test_a_transposed_convolution_and_an_image_that_needs_no_gradient():
    layer, image = nn.ConvTranspose2d(8, 12, 2, stride=2, groups=4), torch.randn(2, 8, 5, 6, requires_grad=True)
    forward = 2 * (2 * 5 * 6) * 8 * (12 // 4) * 4
    assert counted(lambda: layer(image)) == (forward, 2 * forward)
    assert counted(lambda: layer(image.detach())) == (forward, forward)


def test_fused_attention_counts_like_its_two_products():
    query, key = (torch.randn(2, 4, tokens, 32, requires_grad=True) for tokens in (16, 24))
    product = 2 * (2 * 4) * 16 * 24 * 32
    forward, backward = counted(lambda: nn.functional.scaled_dot_product_attention(query, key, key))
    assert forward == 2 * product
    assert backward == 5 * product  # scores once more, and a gradient for each of the four operands

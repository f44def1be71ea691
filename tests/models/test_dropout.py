"""Dropout against its definition."""

import pytest
import torch

from gkmvlp.models.dropout import dropout


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("probability", [0.1, 0.3])
def test_each_element_is_dropped_alike_and_alone_and_the_others_are_scaled(dtype, probability):
    torch.manual_seed(0)
    x = torch.ones(1000, 1001, dtype=dtype, requires_grad=True)  # no multiple of the four elements of a draw
    given = dropout(x, probability, training=True)
    dropped = given == 0
    assert given[~dropped].unique().tolist() == pytest.approx([1 / (1 - probability)], rel=0.004)
    deviation = (probability * (1 - probability) / x.numel()) ** 0.5
    assert dropped.float().mean() == pytest.approx(probability, abs=4 * deviation)
    flat = dropped.flatten()[: x.numel() // 4 * 4].unflatten(0, (-1, 4)).double()
    # the four of one draw, and neighbours of two draws, know nothing of one another
    together = torch.corrcoef(torch.cat([flat[:-1], flat[1:]], dim=1).T) - torch.eye(8)
    assert together.abs().max() < 5 / len(flat) ** 0.5
    (gradient,) = torch.autograd.grad(given.sum(), x)
    assert torch.equal(gradient, given.detach())


def test_a_seed_gives_the_mask_again_and_evaluation_none():
    x = torch.randn(7, 5)
    first, other, again = (dropout(x, 0.5, training=torch.manual_seed(seed) is not None) for seed in (1, 2, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert dropout(x, 0.5, training=False) is x
    assert dropout(x, 0.0, training=True) is x
    assert (dropout(x, 1.0, training=True) == 0).all()

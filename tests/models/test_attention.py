"""Attention against its formula, and which precision its gradient takes on a processor."""

import pytest
import torch

from gkmvlp.models.attention import attention, plain_attention

DEVICE = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])


def formula(query, key, value, mask):
    score = query.float() @ key.float().mT / query.shape[-1] ** 0.5
    return score.masked_fill(~mask, float("-inf")).softmax(-1) @ value.float()


@DEVICE
@pytest.mark.parametrize("causal", [False, True])
def test_values_and_gradients_are_those_of_the_formula(dtype, causal):
    torch.manual_seed(0)
    leaves = [torch.randn(2, 3, 5, 4, dtype=dtype, requires_grad=True) for _ in range(3)]
    mask = torch.ones(5, 5).tril().bool() if causal else (torch.rand(2, 1, 1, 5) < 0.7) | (torch.arange(5) == 0)
    given = attention(*leaves, None if causal else mask, causal)
    expected = formula(*leaves, mask)
    assert given.dtype == dtype
    tolerance = {"atol": 1e-5, "rtol": 1e-5} if dtype == torch.float32 else {"atol": 0.02, "rtol": 0.02}
    assert torch.allclose(given.float(), expected, **tolerance)
    weight = torch.randn_like(expected)
    got = torch.autograd.grad((given.float() * weight).sum(), leaves)
    want = torch.autograd.grad((expected * weight).sum(), leaves)
    assert all(torch.allclose(a.float(), b.float(), **tolerance) for a, b in zip(got, want, strict=True))


@pytest.mark.parametrize("mask", [None, torch.tensor([[True] * 30 + [False] * 10])])
def test_scores_are_not_rounded_where_a_gradient_is_wanted_in_bfloat16(mask):
    """bfloat16 has eight bits: what is rounded once is off by 0.2 %, but the weights of rounded scores by 1 %."""
    torch.manual_seed(0)
    leaves = [(2 * torch.randn(2, 3, n, 64)).bfloat16().requires_grad_() for n in (20, 40, 40)]
    with torch.autocast("cpu", torch.bfloat16):
        given = attention(*leaves, mask)
    expected = formula(*leaves, torch.ones(1, 40, dtype=torch.bool) if mask is None else mask)
    weight = torch.randn_like(given)
    pairs = [(given, expected)]
    pairs += zip(*(torch.autograd.grad(x, leaves, weight.to(x.dtype)) for x in (given, expected)), strict=True)
    for got, want in pairs:
        assert (got.float() - want.float()).norm() < 0.006 * want.float().norm()


@DEVICE
def test_a_query_that_may_look_nowhere_gets_zeros(dtype):
    leaves = [torch.randn(2, 1, 3, 4, dtype=dtype, requires_grad=True) for _ in range(3)]
    given = attention(*leaves, torch.tensor([[True, True, True], [False, False, False]])[:, None, None])
    assert (given[0] != 0).all()
    assert (given[1] == 0).all()
    assert all((gradient[1] == 0).all() for gradient in torch.autograd.grad(given.sum(), leaves))


def test_without_a_gradient_the_kernel_of_torch_runs_in_bfloat16(monkeypatch):
    seen = []
    fused = torch.nn.functional.scaled_dot_product_attention

    def recorded(query, *rest, **options):
        seen.append(query.dtype)
        return fused(query, *rest, **options)

    monkeypatch.setattr("gkmvlp.models.attention.F.scaled_dot_product_attention", recorded)
    x = torch.randn(1, 2, 3, 4, dtype=torch.bfloat16, requires_grad=True)
    attention(x, x, x)
    with torch.no_grad():
        attention(x.detach(), x.detach(), x.detach())
    assert seen == [torch.bfloat16]


def test_foreign_modules_take_plain_products_where_a_gradient_is_wanted_under_autocast():
    x = torch.randn(1, 2, 3, 4)
    assert torch.backends.cuda.flash_sdp_enabled()
    with plain_attention(x):
        assert torch.backends.cuda.flash_sdp_enabled()
    with torch.autocast("cpu", torch.bfloat16):
        with plain_attention(x):
            assert not torch.backends.cuda.flash_sdp_enabled()
        with torch.no_grad(), plain_attention(x):
            assert torch.backends.cuda.flash_sdp_enabled()
    assert torch.backends.cuda.flash_sdp_enabled()

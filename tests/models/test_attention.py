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


def test_a_gradient_in_bfloat16_runs_through_float32_under_autocast_too(monkeypatch):
    seen = []
    fused = torch.nn.functional.scaled_dot_product_attention

    def recorded(query, *rest, **options):
        seen.append((query.dtype, torch.is_autocast_enabled("cpu")))
        return fused(query, *rest, **options)

    monkeypatch.setattr("gkmvlp.models.attention.F.scaled_dot_product_attention", recorded)
    x = torch.randn(1, 2, 3, 4, dtype=torch.bfloat16, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        attention(x, x, x)
        with torch.no_grad():
            attention(x.detach(), x.detach(), x.detach())
    assert seen == [(torch.float32, False), (torch.bfloat16, True)]


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

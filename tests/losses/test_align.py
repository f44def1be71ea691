"""Alignment with entities against its definition, closed forms, invariances and gradients."""

import math

import pytest
import torch

from gkmvlp.losses.align import entity_alignment_loss


def case(rows=3, entities=6, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    logit = torch.randn(rows, entities, generator=generator, dtype=dtype)
    return logit, torch.rand(rows, entities, generator=generator) < 0.3


def naive(logit, named, share):
    """The definition in Python floats and for loops."""
    kinds = {True: [], False: []}
    for row, targets in zip(logit.tolist(), named.tolist(), strict=True):
        for x, target in zip(row, targets, strict=True):
            probability = 1 / (1 + math.exp(-x))
            kinds[target].append(-math.log(probability if target else 1 - probability))
    means = {kind: sum(nats) / len(nats) for kind, nats in kinds.items() if nats}
    weight = {True: share, False: 1 - share}
    return sum(weight[kind] * mean for kind, mean in means.items()) / sum(weight[kind] for kind in means)


@pytest.mark.parametrize("share", [0.5, 0.1, 0.9])
def test_definition(share):
    logit, named = case()
    assert 0 < named.sum() < named.numel()
    assert float(entity_alignment_loss(logit, named, share)) == pytest.approx(naive(logit, named, share), abs=1e-12)


@pytest.mark.parametrize("named", [torch.zeros(2, 4), torch.ones(2, 4), torch.eye(4)[:2]])
def test_no_information_is_log_2_whatever_is_named(named):
    assert float(entity_alignment_loss(torch.zeros(2, 4), named.bool())) == pytest.approx(math.log(2), rel=1e-6)


def test_the_kind_that_is_there_has_all_the_weight():
    logit, _ = case()
    for named in (torch.zeros(3, 6, dtype=torch.bool), torch.ones(3, 6, dtype=torch.bool)):
        assert float(entity_alignment_loss(logit, named)) == pytest.approx(naive(logit, named, 0.5), abs=1e-12)


def test_order_does_not_matter_and_more_of_the_same_negatives_change_nothing():
    logit, named = case()
    loss = entity_alignment_loss(logit, named)
    rows, columns = torch.tensor([2, 0, 1]), torch.tensor([3, 1, 5, 0, 2, 4])
    torch.testing.assert_close(entity_alignment_loss(logit[rows][:, columns], named[rows][:, columns]), loss)
    logit, named = torch.tensor([[1.0, -2.0]]), torch.tensor([[True, False]])
    more = entity_alignment_loss(torch.cat([logit, logit[:, 1:].expand(1, 50)], 1), torch.arange(52)[None] < 1)
    torch.testing.assert_close(more, entity_alignment_loss(logit, named))


def test_gradient():
    logit, named = case()
    assert torch.autograd.gradcheck(lambda x: entity_alignment_loss(x, named), logit.requires_grad_())


def test_large_logits_stay_finite_in_half_precision_and_shapes_must_agree():
    logit, named = case(dtype=torch.float32)
    loss = entity_alignment_loss((1000 * logit).bfloat16(), named)
    assert loss.dtype == torch.float32
    assert loss.isfinite()
    with pytest.raises(ValueError, match=r"must agree, got \(3, 6\), \(3, 5\)"):
        entity_alignment_loss(logit, named[:, :5])

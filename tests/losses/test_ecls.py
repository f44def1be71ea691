"""ECLS against its definition, closed forms and gradients."""

import math

import pytest
import torch
import torch.nn.functional as F

from gkmvlp.losses.ecls import entity_classification

STATUSES = [1, 0, -1, -2]


def case(images, entities, dtype=torch.float64):
    generator = torch.Generator().manual_seed(images + 10 * entities)
    logits = torch.randn(images, entities, 2, generator=generator, dtype=dtype)
    status = torch.tensor(STATUSES)[torch.randint(4, (images, entities), generator=generator)]
    return logits, status.to(torch.int8)


def naive(logits, status, unmentioned, weight):
    """The definition, in Python floats and for loops."""
    total, count = 0.0, 0
    for row_logits, row_status in zip(logits.tolist(), status.tolist(), strict=True):
        for e, ((absent, present), value) in enumerate(zip(row_logits, row_status, strict=True)):
            if value == -1 or (value == -2 and unmentioned == "ignore"):
                continue
            right = present if value == 1 else absent
            nats = math.log(math.exp(absent) + math.exp(present)) - right
            total += nats * (float(weight[e]) if weight is not None and value == 1 else 1.0)
            count += 1
    return total / count if count else 0.0


@pytest.mark.parametrize(("images", "entities"), [(1, 1), (1, 4), (3, 1), (6, 5)])
@pytest.mark.parametrize("unmentioned", ["absent", "ignore"])
@pytest.mark.parametrize("weighted", [False, True])
def test_definition(images, entities, unmentioned, weighted):
    logits, status = case(images, entities)
    weight = torch.linspace(0.5, 3, entities, dtype=torch.float64) if weighted else None
    loss = entity_classification(logits, status, unmentioned=unmentioned, weight_E=weight)
    assert float(loss) == pytest.approx(naive(logits, status, unmentioned, weight), abs=1e-12)


def test_same_as_the_binary_loss_of_the_difference():
    """Two-way softmax is the sigmoid of present - absent, and weights are torch's pos_weight."""
    logits, status = case(8, 6)
    status = status.clamp(min=0)
    weight = torch.rand(6, dtype=torch.float64) + 0.5
    margin = logits[..., 1] - logits[..., 0]
    outside = F.binary_cross_entropy_with_logits(margin, status.double(), pos_weight=weight)
    torch.testing.assert_close(entity_classification(logits, status, weight_E=weight), outside)


@pytest.mark.parametrize("unmentioned", ["absent", "ignore"])
def test_no_information_is_ln_2(unmentioned):
    _, status = case(6, 5)
    loss = entity_classification(torch.zeros(6, 5, 2), status, unmentioned=unmentioned)
    assert float(loss) == pytest.approx(math.log(2), abs=1e-6)


def test_what_each_status_means():
    """Logits of 50 for absent cost 0 where the target is absent, 50 where it is present; one image a status."""
    logits = torch.tensor([[[50.0, 0.0]]])
    for status, silent, loss in [(1, "absent", 50), (0, "absent", 0), (-1, "absent", 0), (-2, "absent", 0)]:
        got = entity_classification(logits, torch.tensor([[status]], dtype=torch.int8), unmentioned=silent)
        assert float(got) == pytest.approx(loss)
    silent = torch.tensor([[-2]], dtype=torch.int8)
    assert float(entity_classification(-logits, silent)) == pytest.approx(50)
    assert float(entity_classification(-logits, silent, unmentioned="ignore")) == 0


@pytest.mark.parametrize(("status", "unmentioned"), [(-1, "absent"), (-2, "ignore")])
def test_nothing_kept_is_0_with_a_gradient(status, unmentioned):
    logits = torch.randn(2, 3, 2, requires_grad=True)
    nothing = torch.full((2, 3), status, dtype=torch.int8)
    loss = entity_classification(logits, nothing, unmentioned=unmentioned)
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_order_does_not_matter():
    logits, status = case(6, 5)
    loss = entity_classification(logits, status)
    torch.testing.assert_close(entity_classification(logits.flip(0), status.flip(0)), loss)
    torch.testing.assert_close(entity_classification(logits.flip(1), status.flip(1)), loss)


def test_gradient():
    logits, status = case(4, 3)
    weight = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda x: entity_classification(x, status, weight_E=weight), logits.requires_grad_()
    )


@pytest.mark.parametrize("autocast", [False, True])
def test_half_precision_is_scored_in_float32(autocast):
    logits, status = case(4, 5, torch.float32)
    logits = (1000 * logits).bfloat16()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        loss = entity_classification(logits, status, weight_E=torch.ones(5))
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(float(entity_classification(logits.double(), status)), rel=1e-6)


def test_shapes_must_agree():
    logits, status = case(4, 5)
    with pytest.raises(ValueError, match=r"must agree, got \(4, 5, 2\) and \(4, 4\)"):
        entity_classification(logits, status[:, :4])
    with pytest.raises(ValueError, match=r"must agree, got \(4, 5\) and \(4, 5\)"):
        entity_classification(logits[..., 0], status)
    with pytest.raises(ValueError, match=r"weights \(4,\) must be one for each of 5 entities"):
        entity_classification(logits, status, weight_E=torch.ones(4))

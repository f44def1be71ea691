"""The loss of labels against its definition, closed forms and gradients."""

import math

import pytest
import torch
import torch.nn.functional as F

from gkmvlp.losses.labels import multilabel_bce


def case(images, labels):
    generator = torch.Generator().manual_seed(images + 10 * labels)
    logit_BL = torch.randn(images, labels, generator=generator, dtype=torch.float64)
    values = torch.tensor([1.0, 0.0, math.nan])
    return logit_BL, values[torch.randint(3, (images, labels), generator=generator)]


@pytest.mark.parametrize(("images", "labels"), [(1, 1), (1, 4), (3, 1), (7, 5)])
def test_definition(images, labels):
    logit_BL, label_BL = case(images, labels)
    nats = []
    for logits, targets in zip(logit_BL.tolist(), label_BL.tolist(), strict=True):
        for logit, target in zip(logits, targets, strict=True):
            if not math.isnan(target):
                probability = 1 / (1 + math.exp(-logit))
                nats.append(-math.log(probability if target else 1 - probability))
    expected = sum(nats) / len(nats) if nats else 0.0
    assert float(multilabel_bce(logit_BL, label_BL)) == pytest.approx(expected, abs=1e-12)


def test_without_unknown_labels_it_is_torchs():
    logit_BL, label_BL = case(8, 6)
    label_BL = label_BL.nan_to_num(1.0)
    outside = F.binary_cross_entropy_with_logits(logit_BL, label_BL.double())
    torch.testing.assert_close(multilabel_bce(logit_BL, label_BL), outside)


def test_no_information_is_ln_2():
    _, label_BL = case(6, 5)
    assert float(multilabel_bce(torch.zeros(6, 5), label_BL)) == pytest.approx(math.log(2))


def test_an_unknown_label_has_no_gradient_and_does_not_touch_the_others():
    logit_BL = torch.tensor([[1.0, -2.0], [math.inf, 0.5]], requires_grad=True)
    label_BL = torch.tensor([[1.0, 0.0], [math.nan, math.nan]])
    multilabel_bce(logit_BL, label_BL).backward()
    assert torch.equal(logit_BL.grad[1], torch.zeros(2))
    assert logit_BL.grad[0].ne(0).all()


def test_nothing_known_is_0_with_a_gradient():
    logit_BL = torch.randn(2, 3, requires_grad=True)
    loss = multilabel_bce(logit_BL, torch.full((2, 3), math.nan))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logit_BL.grad, torch.zeros_like(logit_BL))


def test_gradient():
    logit_BL, label_BL = case(4, 3)
    assert torch.autograd.gradcheck(lambda x: multilabel_bce(x, label_BL), logit_BL.requires_grad_())


def test_half_precision_is_scored_in_float32():
    logit_BL, label_BL = case(4, 5)
    logit_BL = (1000 * logit_BL).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        loss = multilabel_bce(logit_BL, label_BL)
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(float(multilabel_bce(logit_BL.double(), label_BL)), rel=1e-6)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match=r"must agree, got \(4, 5\), \(4, 4\)"):
        multilabel_bce(torch.zeros(4, 5), torch.zeros(4, 4))

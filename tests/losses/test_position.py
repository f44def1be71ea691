"""Position likelihood against loops and closed forms."""

import math

import pytest
import torch

from gkmvlp.losses.position import FLOOR, position_loss


def draw(seed=0, batch=2, entities=3, regions=4, patches=6):
    generator = torch.Generator().manual_seed(seed)
    attention = torch.rand(batch, entities, patches, generator=generator, dtype=torch.float64).softmax(-1)
    place = torch.rand(batch, entities, regions, generator=generator) < 0.4
    coverage = torch.rand(batch, regions, patches, generator=generator, dtype=torch.float64)
    return attention, place, coverage


@pytest.mark.parametrize("seed", range(4))
def test_equals_loops(seed):
    attention, place, coverage = draw(seed)
    nats = []
    for b in range(2):
        for e in range(3):
            if place[b, e].any():
                mass = 0.0
                for p in range(6):
                    inside = sum(float(coverage[b, r, p]) for r in range(4) if place[b, e, r])
                    mass += float(attention[b, e, p]) * min(inside, 1.0)
                nats.append(-math.log(mass + FLOOR))
    expected = sum(nats) / max(1, len(nats))
    assert float(position_loss(attention, place, coverage)) == pytest.approx(expected, rel=1e-12)


def test_uniform_attention_gives_the_log_of_the_share_inside():
    attention = torch.full((1, 1, 8), 1 / 8, dtype=torch.float64)
    coverage = torch.zeros(1, 2, 8, dtype=torch.float64)
    coverage[0, 0, :2] = 1
    place = torch.tensor([[[True, False]]])
    assert float(position_loss(attention, place, coverage)) == pytest.approx(-math.log(2 / 8 + FLOOR))


def test_nothing_stated_is_zero_with_a_gradient_of_zero():
    attention, place, coverage = draw()
    attention.requires_grad_()
    loss = position_loss(attention, torch.zeros_like(place), coverage)
    loss.backward()
    assert float(loss) == 0
    assert not attention.grad.any()


def test_gradient():
    attention, place, coverage = draw(1)
    place[0, 0, 0] = True
    attention.requires_grad_()
    assert torch.autograd.gradcheck(lambda a: position_loss(a, place, coverage), attention)


def test_shapes_must_agree():
    attention, place, coverage = draw()
    with pytest.raises(ValueError, match="must agree"):
        position_loss(attention, place[..., :3], coverage)

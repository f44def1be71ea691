"""Focal loss and overlap loss against their formulas."""

import math

import pytest
import torch

from gkmvlp.losses.detection import focal_loss, giou_loss


def test_focal_loss_is_that_of_the_paper():
    generator = torch.Generator().manual_seed(0)
    logits_AL = 2 * torch.randn(12, 3, generator=generator)
    target_AL = (torch.rand(12, 3, generator=generator) < 0.3).float()
    total = 0.0
    for logit, target in zip(logits_AL.flatten().tolist(), target_AL.flatten().tolist(), strict=True):
        p = 1 / (1 + math.exp(-logit))
        p_t, alpha_t = (p, 0.25) if target else (1 - p, 0.75)
        total += -alpha_t * (1 - p_t) ** 2 * math.log(p_t)
    assert focal_loss(logits_AL, target_AL) == pytest.approx(total / target_AL.sum().item(), rel=1e-5)


def test_focal_loss_without_a_box_is_divided_by_one():
    logits = torch.tensor([[0.0], [-1.0]])
    parts = [focal_loss(row[None], torch.zeros(1, 1)) for row in logits]
    assert focal_loss(logits, torch.zeros(2, 1)) == pytest.approx(sum(part.item() for part in parts))


def test_overlap_loss_by_hand():
    """Half overlap in a common hull; apart: the gap counts."""
    box = torch.tensor([[0.0, 0, 4, 4]])
    assert giou_loss(box, box) == pytest.approx(0, abs=1e-6)
    assert giou_loss(box, torch.tensor([[0.0, 2, 4, 6]])) == pytest.approx(1 - 8 / 24)  # the hull is the union
    assert giou_loss(box, torch.tensor([[8.0, 0, 12, 4]])) == pytest.approx(1 + 16 / 48)
    assert giou_loss(box.repeat(2, 1), torch.cat([box, box + torch.tensor([8.0, 0, 8, 0])])) == pytest.approx(4 / 6)

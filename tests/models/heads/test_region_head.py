"""The region head starts from its prior and learns where regions lie."""

import numpy as np
import pytest
import torch

from gkmvlp.losses.regions import region_boxes
from gkmvlp.models.heads.region_head import RegionHead
from gkmvlp.models.vision import sincos_position_encoding

PRIOR = torch.tensor([[0.1, 0.1, 0.4, 0.5], [0.5, 0.2, 0.9, 0.6], [0.3, 0.6, 0.7, 1.0]])


def test_it_starts_at_the_prior():
    box_BR4, presence_BR = RegionHead(16, PRIOR)(torch.randn(2, 9, 16))
    assert torch.allclose(box_BR4, PRIOR.expand(2, -1, -1), atol=1e-5)
    assert presence_BR.shape == (2, 3)


def test_loss_by_hand_and_masked_regions_teach_presence_alone():
    true = PRIOR[None].clone()
    mask = torch.tensor([[True, True, False]])
    exact = region_boxes(true, torch.zeros(1, 3), true, mask)
    assert exact["distance"] == 0
    assert exact["overlap"] == pytest.approx(0, abs=1e-5)
    assert exact["presence"] == pytest.approx(np.log(2))
    moved = true.clone()
    moved[0, 0, 0] += 0.1  # 0.3 of 0.4 wide: overlap 2 / 3
    moved[0, 2] = 0.0
    losses = region_boxes(moved, torch.tensor([[9.0, 9, -9]]), true, mask)
    assert losses["distance"] == pytest.approx(5 * 0.1 / 2)
    assert losses["overlap"] == pytest.approx(2 * (1 - 2 / 3) / 2, rel=1e-5)
    assert losses["presence"] < 1e-3
    none = region_boxes(moved, torch.zeros(1, 3), true, torch.zeros_like(mask))
    assert none["distance"] == none["overlap"] == 0


def test_it_follows_a_mark_on_the_patches():
    """Each image's regions are the prior moved to where its mark lies."""
    torch.manual_seed(0)
    head = RegionHead(16, PRIOR)
    generator = torch.Generator().manual_seed(1)
    place = sincos_position_encoding(8, 8, 16)

    def draw(count):
        step_B = torch.randint(0, 3, (count,), generator=generator)
        patches_BPD = place + torch.zeros(count, 64, 16)
        for b, step in enumerate(step_B.tolist()):
            patches_BPD[b, 8 * 3 + 2 * step : 8 * 3 + 2 * step + 2] *= 3
        return patches_BPD, (PRIOR + 0.05 * (step_B - 1)[:, None, None]).clamp(0, 1)

    optimizer = torch.optim.AdamW(head.parameters(), 3e-3)
    mask = torch.ones(16, 3, dtype=torch.bool)
    for _ in range(100):
        patches_BPD, true_BR4 = draw(16)
        optimizer.zero_grad()
        sum(region_boxes(*head(patches_BPD), true_BR4, mask).values()).backward()
        optimizer.step()
    patches_BPD, true_BR4 = draw(64)
    with torch.no_grad():
        box_BR4, presence_BR = head(patches_BPD)
    assert (box_BR4 - true_BR4).abs().mean() < 0.4 * (PRIOR - true_BR4).abs().mean()
    assert (presence_BR > 0).all()

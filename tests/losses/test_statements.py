"""Statements: who may be drawn, how often, and the loss against its closed form."""

import math

import pytest
import torch

from gkmvlp.losses.statements import draw_statements, statement_matching

STATUS = torch.tensor([[1, 0, -1, -2], [0, 1, 1, 0], [0, 0, 0, 0], [1, -1, -1, -1]], dtype=torch.int8)
NOWHERE = torch.zeros(4, 4)


def test_a_true_and_a_false_statement_for_each_image_with_a_present_entity():
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        image_N, entity_N, side_N, is_true_N = draw_statements(STATUS, NOWHERE, generator)
        assert not side_N.any()
        assert image_N.tolist() == [0, 1, 0, 1]  # 2 has nothing present, 3 nothing that may be called absent
        assert is_true_N.tolist() == [True, True, False, False]
        for image, entity, is_true in zip(image_N.tolist(), entity_N.tolist(), is_true_N.tolist(), strict=True):
            assert STATUS[image, entity] in ([1] if is_true else [0, -2])


def test_false_statements_name_entities_as_often_as_they_are_present():
    status_BE = torch.zeros(400, 3, dtype=torch.int8)
    status_BE[:200, 0], status_BE[200:300, 1], status_BE[300:, 2] = 1, 1, 1
    _, entity_N, _, is_true_N = draw_statements(status_BE, torch.zeros(400, 3), torch.Generator().manual_seed(0))
    false_of_first = entity_N[~is_true_N][:200]  # their own entity left out, 1 and 2 are equally frequent
    assert (false_of_first == 1).float().mean().item() == pytest.approx(0.5, abs=0.12)
    false_of_second = entity_N[~is_true_N][200:300]
    assert (false_of_second == 0).float().mean().item() == pytest.approx(2 / 3, abs=0.15)


def test_sides_are_told_as_they_are_in_true_statements_and_half_of_the_false_ones_swap_them():
    status_BE = torch.tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=torch.int8).repeat(200, 1)
    side_BE = torch.tensor([[1, 0, 0], [0, -1, 0], [0, 0, 0]]).repeat(200, 1)  # the third lies on no side
    rows = torch.stack([*draw_statements(status_BE, side_BE, torch.Generator().manual_seed(0))], dim=1)
    true_N4, false_N4 = rows[rows[:, 3] == 1], rows[rows[:, 3] == 0]
    for entity, side in ((0, 1), (1, -1)):
        told = true_N4[true_N4[:, 1] == entity, 2]
        assert set(told.tolist()) == {0, side}
        assert (told != 0).float().mean().item() == pytest.approx(0.5, abs=0.12)
        own = false_N4[(false_N4[:, 0] % 3) == entity]
        swapped = own[:, 1] == entity
        assert swapped.float().mean().item() == pytest.approx(0.5, abs=0.12)
        assert (own[swapped, 2] == -side).all()
        lateral = own[~swapped & (own[:, 1] != 2) if entity != 2 else ~swapped]
        assert set(lateral[:, 2].tolist()) == {-1, 0, 1}
    assert not rows[rows[:, 1] == 2, 2].any()


def test_nothing_present_gives_no_statement_and_no_loss():
    statements = draw_statements(torch.zeros(3, 4, dtype=torch.int8), NOWHERE[:3])
    assert [len(part) for part in statements] == [0, 0, 0, 0]
    assert statement_matching(torch.zeros(0, 2), statements.is_true_N) == 0


def test_the_loss_is_ln_2_without_information_and_passes_gradcheck():
    is_true_N = torch.tensor([True, False, False])
    assert statement_matching(torch.zeros(3, 2), is_true_N).item() == pytest.approx(math.log(2))
    logits_N2 = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    naive = -sum(logits_N2[n].log_softmax(0)[int(t)] for n, t in enumerate(is_true_N)) / 3
    torch.testing.assert_close(statement_matching(logits_N2, is_true_N), naive)
    assert torch.autograd.gradcheck(lambda x: statement_matching(x, is_true_N), logits_N2)

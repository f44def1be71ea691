"""Statements: who may be drawn, how often, and the loss against its closed form."""

import math

import pytest
import torch

from gkmvlp.losses.statements import draw_statements, statement_matching

STATUS = torch.tensor([[1, 0, -1, -2], [0, 1, 1, 0], [0, 0, 0, 0], [1, -1, -1, -1]], dtype=torch.int8)


def test_a_true_and_a_false_statement_for_each_image_with_a_present_entity():
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        image_N, entity_N, is_true_N = draw_statements(STATUS, generator)
        assert image_N.tolist() == [0, 1, 0, 1]  # 2 has nothing present, 3 nothing that may be called absent
        assert is_true_N.tolist() == [True, True, False, False]
        for image, entity, is_true in zip(image_N.tolist(), entity_N.tolist(), is_true_N.tolist(), strict=True):
            assert STATUS[image, entity] in ([1] if is_true else [0, -2])


def test_false_statements_name_entities_as_often_as_they_are_present():
    status_BE = torch.zeros(400, 3, dtype=torch.int8)
    status_BE[:200, 0], status_BE[200:300, 1], status_BE[300:, 2] = 1, 1, 1
    _, entity_N, is_true_N = draw_statements(status_BE, torch.Generator().manual_seed(0))
    false_of_first = entity_N[~is_true_N][:200]  # their own entity left out, 1 and 2 are equally frequent
    assert (false_of_first == 1).float().mean().item() == pytest.approx(0.5, abs=0.12)
    false_of_second = entity_N[~is_true_N][200:300]
    assert (false_of_second == 0).float().mean().item() == pytest.approx(2 / 3, abs=0.15)


def test_nothing_present_gives_no_statement_and_no_loss():
    statements = draw_statements(torch.zeros(3, 4, dtype=torch.int8))
    assert [len(part) for part in statements] == [0, 0, 0]
    assert statement_matching(torch.zeros(0, 2), statements.is_true_N) == 0


def test_the_loss_is_ln_2_without_information_and_passes_gradcheck():
    is_true_N = torch.tensor([True, False, False])
    assert statement_matching(torch.zeros(3, 2), is_true_N).item() == pytest.approx(math.log(2))
    logits_N2 = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    naive = -sum(logits_N2[n].log_softmax(0)[int(t)] for n, t in enumerate(is_true_N)) / 3
    torch.testing.assert_close(statement_matching(logits_N2, is_true_N), naive)
    assert torch.autograd.gradcheck(lambda x: statement_matching(x, is_true_N), logits_N2)

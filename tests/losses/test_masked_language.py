"""Masked language with whole entities against plain loops: what may be masked, how much, and what it costs."""

import math

import pytest
import torch

from gkmvlp.losses.masked_language import (
    mask_tokens,
    masked_entities,
    masked_language_loss,
    masking_units,
    whole_entity_mask,
)

T = 12


def spans(*pairs, tokens=T):
    """Entities of one text as spans (1, K, T)."""
    span = torch.zeros(1, len(pairs), tokens, dtype=torch.bool)
    for k, (first, behind) in enumerate(pairs):
        span[0, k, first:behind] = True
    return span


def real(*lengths):
    """Tokens between the special ones at both ends of texts of these lengths."""
    place = torch.arange(T)
    return torch.stack([(place > 0) & (place < length - 1) for length in lengths])


def test_tokens_of_an_entity_are_one_unit_and_others_stand_alone():
    assert masking_units(spans((2, 5), (7, 9))).tolist() == [[0, 1, 2, 2, 2, 5, 6, 7, 7, 9, 10, 11]]
    assert masking_units(torch.zeros(2, 0, 3, dtype=torch.bool)).tolist() == [[0, 1, 2]] * 2


def test_of_entities_that_overlap_the_later_one_counts():
    assert masking_units(spans((1, 4), (3, 6)))[0, 1:6].tolist() == [1, 1, 3, 3, 3]


@pytest.mark.parametrize("seed", range(20))
def test_whole_units_are_hidden_until_the_share_of_real_tokens_is_reached(seed):
    span = torch.cat([spans((1, 4), (6, 8)), spans((2, 9), (0, 0)), spans((0, 0), (0, 0))])
    real_BT = real(12, 10, 3)
    unit_BT = masking_units(span)
    mask_BT = whole_entity_mask(unit_BT, real_BT, 0.3, torch.Generator().manual_seed(seed))
    assert not (mask_BT & ~real_BT).any()
    for b, row in enumerate(mask_BT.tolist()):
        count, wanted = sum(row), max(1, round(0.3 * int(real_BT[b].sum())))
        sizes = [int((real_BT[b] & (unit_BT[b] == unit)).sum()) for unit in unit_BT[b][mask_BT[b]].unique()]
        assert count == sum(sizes)  # no unit is cut
        assert wanted <= count < wanted + max(sizes)  # the last unit alone may go beyond


def test_padding_does_not_raise_the_share():
    for tokens in (6, 12):
        unit = torch.arange(tokens)[None]
        hidden = [
            whole_entity_mask(unit, (torch.arange(tokens) < 6)[None], 0.34, torch.Generator().manual_seed(seed)).sum()
            for seed in range(10)
        ]
        assert hidden == [2] * 10


def test_every_unit_is_drawn_as_often_as_any_other():
    unit_BT = masking_units(spans((3, 6)).expand(4000, -1, -1))
    mask_BT = whole_entity_mask(unit_BT, torch.ones(4000, T, dtype=torch.bool), 0.01, torch.Generator().manual_seed(0))
    drawn = mask_BT[:, [0, 1, 2, 3, 6, 7, 8, 9, 10, 11]].float().mean(0)  # one token of each of ten units
    assert torch.allclose(drawn, torch.full((10,), 0.1), atol=0.02)
    assert torch.equal(mask_BT[:, 3], mask_BT[:, 5])


def test_of_hidden_tokens_four_fifths_are_masked_a_tenth_drawn_and_a_tenth_kept():
    token = torch.full((400, 50), 7)
    at = torch.rand(400, 50, generator=torch.Generator().manual_seed(1)) < 0.5
    hidden = mask_tokens(token, at, 3, 1000, torch.Generator().manual_seed(2))
    assert torch.equal(hidden.at, at)
    assert torch.equal(hidden.ids[~at], token[~at])
    read = hidden.ids[at]
    shares = [(read == 3).float().mean(), ((read != 3) & (read != 7)).float().mean(), (read == 7).float().mean()]
    assert [share.item() for share in shares] == pytest.approx([0.8, 0.1, 0.1], abs=0.01)
    assert read.max() > 900  # any word of the vocabulary


def test_an_entity_is_not_shown_where_any_of_its_tokens_is_to_be_predicted():
    at = torch.zeros(1, T, dtype=torch.bool)
    at[0, 4] = True
    assert masked_entities(spans((2, 5), (4, 6), (5, 9)), at).tolist() == [[True, True, False]]


def test_likelihood_is_the_mean_of_negative_log_probabilities():
    logits = torch.randn(5, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    token = torch.tensor([0, 6, 3, 3, 1])
    naive = 0.0
    for row, word in zip(logits.tolist(), token.tolist(), strict=True):
        naive += math.log(sum(math.exp(x) for x in row)) - row[word]
    assert float(masked_language_loss(logits, token)) == pytest.approx(naive / 5, abs=1e-12)
    order = torch.tensor([4, 2, 0, 1, 3])
    assert float(masked_language_loss(logits[order], token[order])) == pytest.approx(naive / 5, abs=1e-12)
    assert float(masked_language_loss(logits + 3, token)) == pytest.approx(naive / 5, abs=1e-12)


def test_no_information_is_log_of_the_vocabulary_and_nothing_hidden_is_0():
    assert float(masked_language_loss(torch.zeros(3, 20), torch.tensor([1, 2, 3]))) == pytest.approx(math.log(20))
    none = torch.zeros(0, 20, requires_grad=True)
    loss = masked_language_loss(none, torch.zeros(0, dtype=torch.long))
    loss.backward()
    assert loss.item() == 0


def test_gradient():
    logits = torch.randn(3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: masked_language_loss(x, torch.tensor([0, 2, 3])), logits)


def test_half_precision_is_scored_in_float32_and_shapes_must_agree():
    logits = 1000 * torch.randn(3, 4, generator=torch.Generator().manual_seed(0)).bfloat16()
    loss = masked_language_loss(logits, torch.tensor([0, 2, 3]))
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(float(masked_language_loss(logits.double(), torch.tensor([0, 2, 3]))), rel=1e-6)
    with pytest.raises(ValueError, match=r"\(3, 4\) and tokens \(2,\) must pair up"):
        masked_language_loss(logits, torch.tensor([0, 2]))

"""ITM against its definition and closed forms; hard negatives against the probabilities they are drawn with."""

import math

import pytest
import torch

from gkmvlp.losses.itm import false_negatives, hard_negatives, image_text_matching


def logits(rows, seed, dtype=torch.float64):
    return torch.randn(rows, 2, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def mask(rows, seed):
    return torch.rand(rows, generator=torch.Generator().manual_seed(seed)) < 0.6


def nats(pair, target):
    return math.log(math.exp(pair[0]) + math.exp(pair[1])) - pair[target]


def naive(positive, wrong_image, wrong_text, valid_image, valid_text):
    """The definition, in Python floats and for loops."""
    kept = [nats(pair, 1) for pair in positive.tolist()]
    for wrong, valid in ((wrong_image, valid_image), (wrong_text, valid_text)):
        kept += [nats(pair, 0) for pair, ok in zip(wrong.tolist(), valid.tolist(), strict=True) if ok]
    return sum(kept) / len(kept)


@pytest.mark.parametrize("rows", [1, 2, 7])
@pytest.mark.parametrize("seed", [0, 1])
def test_definition(rows, seed):
    args = (*(logits(rows, 10 * seed + side) for side in range(3)), mask(rows, seed), mask(rows, seed + 5))
    assert float(image_text_matching(*args)) == pytest.approx(naive(*args), abs=1e-12)


def test_without_negatives_only_positives_count():
    positive, never = logits(4, 0), torch.zeros(4, dtype=torch.bool)
    loss = image_text_matching(positive, logits(4, 1), logits(4, 2), never, never)
    assert float(loss) == pytest.approx(sum(nats(pair, 1) for pair in positive.tolist()) / 4, abs=1e-12)


def test_no_information_is_ln_2_and_certainty_is_0():
    always, none = torch.ones(3, dtype=torch.bool), torch.zeros(3, 2)
    assert float(image_text_matching(none, none, none, always, always)) == pytest.approx(math.log(2), abs=1e-6)
    match, clash = torch.tensor([[-50.0, 50.0]] * 3), torch.tensor([[50.0, -50.0]] * 3)
    assert float(image_text_matching(match, clash, clash, always, always)) == 0
    assert float(image_text_matching(clash, match, match, always, always)) == pytest.approx(100)


def test_order_and_kind_of_negative_do_not_matter():
    args = [*(logits(6, seed) for seed in range(3)), mask(6, 0), mask(6, 1)]
    loss = image_text_matching(*args)
    torch.testing.assert_close(image_text_matching(*(x.flip(0) for x in args)), loss)
    torch.testing.assert_close(image_text_matching(args[0], args[2], args[1], args[4], args[3]), loss)


def test_gradient():
    inputs = [logits(3, seed).requires_grad_() for seed in range(3)]
    valid = (torch.tensor([True, False, True]), torch.tensor([False, True, True]))
    assert torch.autograd.gradcheck(lambda *x: image_text_matching(*x, *valid), inputs)
    image_text_matching(*inputs, *valid).backward()
    assert inputs[1].grad[1].abs().max() == 0
    assert inputs[1].grad[0].abs().max() > 0


@pytest.mark.parametrize("autocast", [False, True])
def test_half_precision_is_scored_in_float32(autocast):
    inputs = [1000 * logits(3, seed, torch.float32) for seed in range(3)]
    always = torch.ones(3, dtype=torch.bool)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        loss = image_text_matching(*(x.bfloat16() for x in inputs), always, always)
    assert loss.dtype == torch.float32
    rounded = image_text_matching(*(x.bfloat16().double() for x in inputs), always, always)
    assert float(loss) == pytest.approx(float(rounded), rel=1e-6)


def test_loss_shapes_must_agree():
    always = torch.ones(3, dtype=torch.bool)
    with pytest.raises(ValueError, match=r"must pair up, got .*\(2, 2\)"):
        image_text_matching(logits(3, 0), logits(2, 0), logits(3, 0), always, always)
    with pytest.raises(ValueError, match=r"must pair up, got .*\(2,\)"):
        image_text_matching(logits(3, 0), logits(3, 0), logits(3, 0), always, always[:2])
    with pytest.raises(ValueError, match=r"must pair up, got .*\(3, 3\)"):
        image_text_matching(*(torch.zeros(3, 3) for _ in range(3)), always, always)


def test_same_pair_is_equal_text_or_equal_entities():
    text = torch.tensor([7, 8, 7, 9])
    status = torch.tensor([[1, 0], [1, -2], [0, 0], [1, -2]], dtype=torch.int8)
    expected = [[1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1]]
    assert false_negatives(text, status).int().tolist() == expected
    with pytest.raises(ValueError, match=r"text keys \(3,\) and statuses \(4, 2\) must pair up"):
        false_negatives(text[:3], status)


def frequencies(similarity, forbidden, draws, seed=0):
    """How often each column was drawn for each row."""
    generator = torch.Generator().manual_seed(seed)
    rows, count = torch.arange(len(similarity)), torch.zeros_like(similarity)
    for _ in range(draws):
        column, _ = hard_negatives(similarity, forbidden, generator)
        count[rows, column] += 1
    return count


def test_negatives_are_drawn_by_softmax():
    draws, n = 4000, 5
    similarity = 2 * torch.randn(n, n, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    # the pairs themselves score highest by far: they must neither be drawn nor dilute the others
    similarity += 20 * torch.eye(n)
    forbidden = torch.eye(n, dtype=torch.bool)
    forbidden[0, 3] = forbidden[3, 0] = True
    count = frequencies(similarity, forbidden & ~torch.eye(n, dtype=torch.bool), draws)
    assert count[forbidden].sum() == 0
    for row in range(n):
        weight = {j: math.exp(similarity[row, j]) for j in range(n) if not forbidden[row, j]}
        weight = {j: w / sum(weight.values()) + 1e-4 for j, w in weight.items()}
        expected = {j: draws * w / sum(weight.values()) for j, w in weight.items()}
        chi_square = sum((float(count[row, j]) - e) ** 2 / e for j, e in expected.items())
        assert chi_square < 21.1  # the 0.9999 quantile with 3 degrees of freedom


def test_every_admissible_column_keeps_a_chance():
    n, draws = 41, 200
    similarity = torch.zeros(n, n)
    similarity[:, 0] = similarity[0, 1] = 1000
    count = frequencies(similarity, torch.eye(n, dtype=torch.bool), draws)
    unlikely = float(count[1:, 1:].sum())
    expected = draws * (n - 1) * 39e-4 / (1 + 40e-4)
    assert abs(unlikely - expected) < 5 * math.sqrt(expected)


def test_rows_without_admissible_columns_are_marked():
    forbidden = torch.tensor([[1, 1, 1], [1, 1, 0], [1, 0, 1]], dtype=torch.bool)
    column, valid = hard_negatives(torch.zeros(3, 3), forbidden)
    assert valid.tolist() == [False, True, True]
    assert column[1:].tolist() == [2, 1]
    assert 0 <= int(column[0]) < 3
    assert hard_negatives(torch.zeros(1, 1), torch.zeros(1, 1, dtype=torch.bool))[1].tolist() == [False]


def test_negatives_need_no_gradient():
    column, _ = hard_negatives(torch.zeros(8, 8, requires_grad=True), torch.zeros(8, 8, dtype=torch.bool))
    assert not column.requires_grad
    assert (column != torch.arange(8)).all()


def test_half_precision_draws_the_same():
    """With 512 columns, probabilities in bfloat16 would be coarse and the cumulative sum would stall."""
    similarity = torch.randn(512, 512, generator=torch.Generator().manual_seed(0)).bfloat16()
    forbidden = torch.zeros(512, 512, dtype=torch.bool)
    half, full = (
        hard_negatives(x, forbidden, torch.Generator().manual_seed(1))[0] for x in (similarity, similarity.float())
    )
    assert torch.equal(half, full)


def test_same_generator_same_negatives():
    similarity, forbidden = torch.zeros(64, 64), torch.eye(64, dtype=torch.bool)
    first, again, other = (
        hard_negatives(similarity, forbidden, torch.Generator().manual_seed(seed))[0] for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(("similarity", "forbidden"), [((3, 3), (2, 2)), ((3, 4), (3, 4)), ((3,), (3,))])
def test_negatives_need_square_matrices(similarity, forbidden):
    with pytest.raises(ValueError, match="must be square and equal"):
        hard_negatives(torch.zeros(similarity), torch.zeros(forbidden, dtype=torch.bool))

"""LM against its definition, closed forms and gradients."""

import math

import pytest
import torch

from gkmvlp.losses.lm import language_modeling_loss, log_likelihoods, next_token_loss, next_token_positions


def case(reports, tokens, words=7, dtype=torch.float64, seed=0):
    """Random logits and tokens; report b has 1 + b mod T real tokens, the rest is padding."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(reports, tokens, words, generator=generator, dtype=dtype)
    token = torch.randint(words, (reports, tokens), generator=generator)
    length = 1 + torch.arange(reports) % tokens
    return logits, token, torch.arange(tokens) < length.flip(0)[:, None]


def naive(logits, token, mask, smoothing):
    """The definition, in Python floats and for loops."""
    total, count, words = 0.0, 0, logits.shape[2]
    for b in range(logits.shape[0]):
        for t in range(logits.shape[1] - 1):
            if not mask[b, t + 1]:
                continue
            row = logits[b, t].tolist()
            normaliser = math.log(sum(math.exp(x) for x in row))
            right = int(token[b, t + 1])
            for word, value in enumerate(row):
                share = smoothing / words + (1 - smoothing) * (word == right)
                total -= share * (value - normaliser)
            count += 1
    return total / count if count else 0.0


@pytest.mark.parametrize(("reports", "tokens"), [(1, 1), (1, 2), (3, 4), (5, 9)])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_definition(reports, tokens, smoothing):
    args = case(reports, tokens)
    loss = language_modeling_loss(*args, label_smoothing=smoothing)
    assert float(loss) == pytest.approx(naive(*args, smoothing), abs=1e-12)


@pytest.mark.parametrize("words", [2, 100])
def test_no_information_is_log_of_the_vocabulary(words):
    _, token, mask = case(3, 5, words)
    loss = language_modeling_loss(torch.zeros(3, 5, words), token, mask)
    assert float(loss) == pytest.approx(math.log(words), rel=1e-6)


def test_smoothing_is_on_by_default():
    args = case(3, 5)
    assert float(language_modeling_loss(*args)) == pytest.approx(naive(*args, 0.1), abs=1e-12)


def test_logits_at_a_place_predict_the_next_token():
    token = torch.tensor([[0, 3, 1, 2]])
    sure = torch.full((1, 4, 4), -100.0)
    for place, following in enumerate([3, 1, 2]):
        sure[0, place, following] = 100
    assert float(language_modeling_loss(sure, token, torch.ones(1, 4, dtype=torch.bool), label_smoothing=0.0)) == 0


def test_padding_first_token_and_last_logits_do_not_matter():
    logits, token, mask = case(4, 6)
    loss = language_modeling_loss(logits, token, mask)
    other = token.masked_fill(~mask, 0)
    other[:, 0] = 1
    changed = logits.clone()
    changed[:, -1] = 99
    changed[:, :-1][~mask[:, 1:]] = -99
    torch.testing.assert_close(language_modeling_loss(changed, other, mask), loss, rtol=0, atol=1e-12)
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(language_modeling_loss(logits[order], token[order], mask[order]), loss)


def test_nothing_to_predict_is_0_with_a_gradient():
    logits, token, mask = case(2, 3)
    logits.requires_grad_()
    loss = language_modeling_loss(logits, token, torch.zeros_like(mask))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@pytest.mark.parametrize(("reports", "tokens"), [(1, 1), (3, 4), (5, 9)])
def test_logits_of_the_places_that_count_are_enough(reports, tokens):
    logits, token, mask = case(reports, tokens)
    at = next_token_positions(mask)
    assert at.tolist() == [[t + 1 < tokens and bool(mask[b, t + 1]) for t in range(tokens)] for b in range(reports)]
    loss = next_token_loss(logits[at], token, at)
    assert float(loss) == pytest.approx(naive(logits, token, mask, 0.1), abs=1e-12)


def test_gradient():
    logits, token, mask = case(2, 4, 3)
    assert torch.autograd.gradcheck(lambda x: language_modeling_loss(x, token, mask), logits.requires_grad_())


@pytest.mark.parametrize("autocast", [False, True])
def test_half_precision_is_scored_in_float32(autocast):
    logits, token, mask = case(3, 5, dtype=torch.float32)
    logits = (1000 * logits).bfloat16()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        loss = language_modeling_loss(logits, token, mask)
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(float(language_modeling_loss(logits.double(), token, mask)), rel=1e-6)


def test_shapes_must_agree():
    logits, token, mask = case(3, 5)
    with pytest.raises(ValueError, match=r"must agree, got \[\(3, 4, 7\), \(3, 5\), \(3, 5\)\]"):
        language_modeling_loss(logits[:, :-1], token, mask)
    with pytest.raises(ValueError, match=r"must agree, got .*\(2, 5\)\]"):
        language_modeling_loss(logits, token, mask[:2])


def test_log_likelihoods_leave_start_and_end_out():
    logits, token, mask = case(5, 6)
    found = log_likelihoods(logits, token, mask)
    for b in range(len(token)):
        length = int(mask[b].sum())
        wanted = 0.0
        for t in range(1, length - 1):  # the first token is the start, the last the end mark
            row = [math.exp(x) for x in logits[b, t - 1].tolist()]
            wanted += math.log(row[int(token[b, t])] / sum(row))
        assert float(found[b]) == pytest.approx(wanted)

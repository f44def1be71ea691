"""ITC against its definition, closed forms, invariances and gradients; several ranks: test_itc_ranks.py."""

import math

import pytest
import torch
import torch.nn.functional as F

from gkmvlp.losses import itc
from gkmvlp.losses.itc import image_text_contrast, match_matrix

SCALE = 1 / 0.07


def unit(rows, seed, width=6, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(rows, width, generator=generator, dtype=dtype), dim=1)


def case(rows, dtype=torch.float64):
    """Embeddings, scale and keys with repeats: rows 0 and 2 share a study, 1 and 2 a wording (not transitive)."""
    study, wording = list(range(rows)), list(range(100, 100 + rows))
    if rows > 2:
        study[2], wording[2] = study[0], wording[1]
    keys = (torch.tensor(study), torch.tensor(wording))
    return unit(rows, 1, dtype=dtype), unit(rows, 2, dtype=dtype), torch.tensor(SCALE, dtype=dtype), *keys


def softmax(values):
    total = sum(math.exp(value) for value in values)
    return [math.exp(value) / total for value in values]


def naive(image, text, scale, study, wording):
    """The definition, in Python floats and for loops."""
    n, total = len(image), 0.0
    for query, key in [(image, text), (text, image)]:
        for i in range(n):
            matches = [bool(study[i] == study[j] or wording[i] == wording[j]) for j in range(n)]
            probabilities = softmax([float(scale) * float(query[i] @ candidate) for candidate in key])
            target = [match / sum(matches) for match in matches]
            total -= sum(t * math.log(p) for t, p in zip(target, probabilities, strict=True))
    return total / (2 * n)


@pytest.mark.parametrize("rows", [1, 2, 3, 8])
def test_definition(rows):
    args = case(rows)
    assert float(image_text_contrast(*args)) == pytest.approx(naive(*args), abs=1e-12)


@pytest.mark.parametrize("rows", [5, 8])
@pytest.mark.parametrize("at_once", [1, 3, 4])
def test_part_by_part_is_the_whole_with_its_gradients(rows, at_once, monkeypatch):
    image, text, scale, *keys = case(rows)
    leaves = [x.requires_grad_() for x in (image, text, scale)]

    def read():
        loss = image_text_contrast(*leaves, *keys)
        return [loss, *torch.autograd.grad(loss, leaves)]

    whole = read()
    monkeypatch.setattr(itc, "PAIRS_AT_ONCE", at_once * rows)
    for one, other in zip(read(), whole, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_distinct_keys_are_plain_info_nce():
    image, text, scale, *_ = case(7)
    keys = torch.arange(7)
    logits = scale * image @ text.T
    plain = (F.cross_entropy(logits, keys) + F.cross_entropy(logits.T, keys)) / 2
    torch.testing.assert_close(image_text_contrast(image, text, scale, keys, keys), plain, rtol=0, atol=1e-12)


@pytest.mark.parametrize("rows", [1, 2, 5, 64])
def test_no_information_is_log_of_the_candidates(rows):
    same, keys = unit(1, 1).expand(rows, -1), torch.arange(rows)
    scale = torch.tensor(SCALE, dtype=torch.float64)
    assert float(image_text_contrast(same, same, scale, keys, keys)) == pytest.approx(math.log(rows), abs=1e-12)


def test_perfect_embeddings_reach_the_entropy_of_the_targets():
    """Two texts, each three times: orthogonal embeddings leave ln 3, the entropy of a target uniform over three."""
    embedding = torch.eye(2, dtype=torch.float64).repeat(3, 1)
    wording = torch.tensor([0, 1] * 3)
    loss = image_text_contrast(embedding, embedding, torch.tensor(100.0), torch.arange(6), wording)
    assert float(loss) == pytest.approx(math.log(3), abs=1e-9)


def test_order_and_sides_do_not_matter():
    image, text, scale, study, wording = case(8)
    loss = image_text_contrast(image, text, scale, study, wording)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(0))
    shuffled = image_text_contrast(image[order], text[order], scale, study[order], wording[order])
    torch.testing.assert_close(shuffled, loss)
    torch.testing.assert_close(image_text_contrast(text, image, scale, study, wording), loss)
    torch.testing.assert_close(image_text_contrast(image, text, scale, wording, study), loss)


def test_match_matrix():
    key = torch.tensor([[0, 10], [1, 11], [0, 11]])
    expected = [[True, False, True], [False, True, True], [True, True, True]]
    assert match_matrix(key, key).tolist() == expected
    # a study key equal to a wording key is no match
    assert match_matrix(torch.tensor([[5, 6]]), torch.tensor([[6, 5], [5, 0]])).tolist() == [[False, True]]


def test_gradient():
    image, text, scale, study, wording = case(4)
    inputs = [x.clone().requires_grad_() for x in (image, text, scale)]
    assert torch.autograd.gradcheck(lambda *x: image_text_contrast(*x, study, wording), inputs)


def test_autocast_changes_nothing():
    """Similarities stay in float32: the loss is bit by bit that without autocast, and half inputs give float32."""
    args = case(16, torch.float32)
    plain = image_text_contrast(*args)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(image_text_contrast(*args), plain)
        half = image_text_contrast(args[0].bfloat16(), args[1].bfloat16(), *args[2:])
    assert half.dtype == torch.float32
    assert torch.isfinite(half)


def test_extreme_scale_is_finite():
    image, text, _, study, wording = case(8, torch.float32)
    image.requires_grad_()
    loss = image_text_contrast(image, text, torch.tensor(1000.0), study, wording)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(image.grad).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({1: unit(3, 2)}, r"image \(4, 6\) and text \(3, 6\) must pair up"),
        ({3: torch.arange(3)}, r"study \(3,\) and wording \(4,\) must be one key for each of 4 images"),
        ({4: torch.zeros(4, 1)}, r"study \(4,\) and wording \(4, 1\) must be one key"),
    ],
)
def test_shapes_must_agree(change, message):
    args = list(case(4))
    for place, value in change.items():
        args[place] = value
    with pytest.raises(ValueError, match=message):
        image_text_contrast(*args)

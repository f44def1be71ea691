"""Pairs for matching: half are true, and no wrong image says the same as the text's own."""

import pytest
import torch

from gkmvlp.losses.itm import false_negatives
from gkmvlp.losses.itm_pairs import sample_pairs


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("size", [2, 5, 8])
def test_half_are_true_and_no_negative_has_an_equal_text_or_equal_labels(seed, size):
    generator = torch.Generator().manual_seed(seed)
    text = torch.arange(size)
    text[1] = text[0]  # the same words
    status = torch.arange(size)[:, None].repeat(1, 3)
    status[-1] = status[0]  # the same labels
    forbidden = false_negatives(text, status)
    pairs = sample_pairs(forbidden, generator)
    own = torch.arange(size)
    assert torch.equal(pairs.image[pairs.is_true], own[pairs.is_true])
    wrong = ~pairs.is_true
    assert not forbidden[own[wrong], pairs.image[wrong]].any()
    if size > 2:
        assert pairs.is_true.sum() == (size + 1) // 2


def test_where_all_say_the_same_all_pairs_are_true():
    pairs = sample_pairs(torch.ones(4, 4, dtype=torch.bool), torch.Generator().manual_seed(0))
    assert pairs.is_true.all()
    assert pairs.image.tolist() == [0, 1, 2, 3]


def test_texts_and_wrong_images_are_drawn_uniformly():
    generator = torch.Generator().manual_seed(0)
    forbidden = torch.eye(4, dtype=torch.bool)
    true, images = torch.zeros(4), torch.zeros(4, 4)
    for _ in range(3000):
        pairs = sample_pairs(forbidden, generator)
        true += pairs.is_true
        images[torch.arange(4)[~pairs.is_true], pairs.image[~pairs.is_true]] += 1
    assert torch.allclose(true / 3000, torch.full((4,), 0.5), atol=0.03)
    assert torch.allclose(images / 500, 1 - torch.eye(4), atol=0.15)
    assert not images.diagonal().any()

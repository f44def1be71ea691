"""The co-attention layer against plain loops over rows, heads and tokens; what each stream may depend on."""

import math

import pytest
import torch
from torch.nn import functional as F

from gkmvlp.models.co_attention import CoAttentionLayer, Links, Streams
from gkmvlp.models.config import FusionConfig

B, T, M, K, D, C = 2, 4, 3, 3, 8, 4


@pytest.fixture
def layer():
    config = FusionConfig(
        num_attention_heads=2, intermediate_size=12, entity_attention_heads=2, entity_intermediate_size=6, dropout=0.0
    )
    torch.manual_seed(0)
    made = CoAttentionLayer(D, C, config).double()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return made


@pytest.fixture
def case():
    """Streams and links; entities 0 and 1 of the first text share a token, the last of the second is no entity."""
    generator = torch.Generator().manual_seed(1)
    sizes = ((B, T, D), (B, M, D), (B, K, C))
    streams = Streams(*(torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes))
    text = torch.tensor([[True] * 4, [True, True, True, False]])
    span = torch.zeros(B, K, T, dtype=torch.bool)
    span[0, 0, 1:3] = span[0, 1, 2] = span[0, 2, 0] = span[1, 0, 0] = span[1, 1, 1:3] = True
    return streams, Links(text, torch.tensor([[True] * 3, [True, True, False]]), span)


def linear(module, x):
    return module.weight @ x + module.bias


def norm(module, x):
    return (x - x.mean()) / ((x - x.mean()).square().mean() + 1e-12).sqrt() * module.weight + module.bias


def attended(part, query, sources):
    """One query that reads the vectors in ``sources``, head by head, with residual and norm."""
    size = len(query) // part.heads
    q = linear(part.query, query)
    keys, values = ([linear(module, x) for x in sources] for module in (part.key, part.value))
    mixed = []
    for head in range(part.heads):
        here = slice(head * size, (head + 1) * size)
        scores = [float(q[here] @ key[here]) / math.sqrt(size) for key in keys]
        total = sum(math.exp(score) for score in scores)
        weights = [math.exp(score) / total for score in scores]
        mixed.append(sum(weight * value[here] for weight, value in zip(weights, values, strict=True)))
    return norm(part.norm, query + linear(part.output, torch.cat(mixed)))


def fed(part, x):
    return norm(part.norm, x + linear(part.output, F.gelu(linear(part.intermediate, x))))


def one_row(layer, streams, links, b):
    """The six steps of the sheet for one text and image; padding is left out beforehand."""
    t = [streams.text[b, i] for i in range(T) if links.text[b, i]]
    v = list(streams.image[b])
    real = [k for k in range(K) if links.entity[b, k]]
    k = [streams.entity[b, i] for i in real]
    t1 = [attended(layer.text_self, x, t) for x in t]
    k1 = [attended(layer.entity_self, x, k) for x in k]
    seen = [linear(layer.image_to_entity, x) for x in v]
    k2 = [attended(layer.entity_cross, x, seen) for x in k1]
    t2 = [attended(layer.text_cross, x, v) for x in t1]
    t3 = []
    for i, x in enumerate(t2):
        sources = [linear(layer.entity_to_text, k2[n]) for n, e in enumerate(real) if links.span[b, e, i]]
        told = sum(sources) if sources else torch.zeros(D, dtype=x.dtype)
        t3.append(norm(layer.entity_norm, x + linear(layer.entity_output, told)))
    v1 = [attended(layer.image_self, x, v) for x in v]
    v2 = [attended(layer.image_cross, x, t) for x in v1]
    return (
        [fed(layer.text_feed, x) for x in t3],
        [fed(layer.image_feed, x) for x in v2],
        [fed(layer.entity_feed, x) for x in k2],
    )


@torch.no_grad()
def test_a_layer_is_what_plain_loops_give(layer, case):
    streams, links = case
    given = layer(streams, links)
    for b in range(B):
        text, image, entity = (torch.stack(rows) for rows in one_row(layer, streams, links, b))
        torch.testing.assert_close(given.text[b][links.text[b]], text)
        torch.testing.assert_close(given.image[b], image)
        torch.testing.assert_close(given.entity[b][links.entity[b]], entity)


@torch.no_grad()
def test_what_is_masked_changes_nothing(layer, case):
    streams, links = case
    other = Streams(*(x.clone() for x in streams))
    other.text[1, 3] += 5
    other.entity[1, 2] += 5
    before, after = layer(streams, links), layer(other, links)
    assert torch.equal(before.text[links.text], after.text[links.text])
    assert torch.equal(before.image, after.image)
    assert torch.equal(before.entity[links.entity], after.entity[links.entity])


@torch.no_grad()
def test_entities_reach_the_tokens_that_name_them_and_no_others(layer, case):
    streams, links = case
    other = Streams(streams.text, streams.image, streams.entity.clone())
    other.entity[1, 1] += 1
    before, after = layer(streams, links), layer(other, links)
    changed = (before.text != after.text).any(-1)
    # entity 0 reads entity 1 by self-attention and returns to token 0
    assert changed.tolist() == [[False] * 4, [True, True, True, False]]
    assert torch.equal(before.image, after.image)


@torch.no_grad()
def test_order_of_entities_and_of_image_tokens_does_not_matter(layer, case):
    streams, links = case
    order, patches = torch.tensor([2, 0, 1]), torch.tensor([1, 2, 0])
    moved = Streams(streams.text, streams.image[:, patches], streams.entity[:, order])
    there = Links(links.text, links.entity[:, order], links.span[:, order])
    before, after = layer(streams, links), layer(moved, there)
    torch.testing.assert_close(after.text, before.text)
    torch.testing.assert_close(after.image, before.image[:, patches])
    torch.testing.assert_close(after.entity, before.entity[:, order])


def test_every_parameter_gets_a_gradient(layer, case):
    given = layer(*case)
    sum((x * torch.linspace(-1, 1, x.numel()).view_as(x)).sum() for x in given).backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any() or name.endswith("key.bias"), name

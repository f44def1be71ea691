"""Attention against torch's own, routing against its formula, the prior as a wall."""

import pytest
import torch
from torch import nn

from gkmvlp.models.config import KnowledgeConfig
from gkmvlp.models.grounded_knowledge import CrossAttention, GroundedKnowledge
from gkmvlp.models.regions import coverage

B, E, R, P, D = 2, 3, 4, 16, 8
QUADRANTS = torch.tensor([[0, 0, 0.5, 0.5], [0.5, 0, 1, 0.5], [0, 0.5, 0.5, 1], [0.5, 0.5, 1, 1]])


@pytest.fixture
def inputs():
    """Prompts, regions, what is admitted (prompt e: region e alone), coverage by quadrants, patches."""
    torch.manual_seed(1)
    admitted = torch.eye(E, R, dtype=torch.bool).expand(B, -1, -1)
    covered = coverage(QUADRANTS.expand(B, -1, -1), (4, 4))
    return torch.randn(B, E, D), torch.randn(B, R, D), admitted, covered, torch.randn(B, P, D)


def module(**options):
    torch.manual_seed(0)
    knowledge = GroundedKnowledge(
        D, KnowledgeConfig(num_hidden_layers=2, num_attention_heads=2, intermediate_size=12, **options)
    ).eval()
    for parameter in knowledge.parameters():
        if parameter.ndim == 2:
            nn.init.normal_(parameter, std=0.5)
    return knowledge


def test_attention_equals_torchs_own():
    torch.manual_seed(0)
    ours, theirs = CrossAttention(D, 2), nn.MultiheadAttention(D, 2, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key.weight, ours.value.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key.bias, ours.value.bias]))
        theirs.out_proj.load_state_dict(ours.output.state_dict())
    query, key = torch.randn(B, E, D), torch.randn(B, P, D)
    expected, weight = theirs(query, key, key, average_attn_weights=False)
    torch.testing.assert_close(ours.scores(query, key).softmax(-1), weight)
    torch.testing.assert_close(ours.mix(weight, key), expected)


def test_regions_that_are_not_admitted_get_exactly_nothing(inputs):
    prompt, region, admitted, covered, patches = inputs
    admitted = admitted.clone()
    admitted[0, 0] = torch.tensor([True, True, False, True])
    attention = module()(prompt, region, admitted, covered, patches).region_attention
    assert (attention[~admitted] == 0).all()
    torch.testing.assert_close(attention.sum(-1), torch.ones(B, E))
    assert (attention[0, 0, [0, 1, 3]] > 0).all()


def test_a_prompt_does_not_read_a_region_that_is_not_admitted(inputs):
    prompt, region, admitted, covered, patches = inputs
    other = region.clone()
    other[:, 0] += torch.randn(D)
    before, after = (module()(prompt, x, admitted, covered, patches).tokens for x in (region, other))
    assert torch.equal(before[:, 1:], after[:, 1:])
    assert (before[:, 0] - after[:, 0]).abs().max() > 1e-3


@pytest.mark.parametrize("routing", ["none", "soft", "hard"])
def test_no_admitted_region_is_finite_and_looks_everywhere(inputs, routing):
    prompt, region, admitted, covered, patches = inputs
    got = module(routing=routing)(prompt, region, torch.zeros_like(admitted), covered, patches)
    free = module(routing="none")(prompt, region, torch.zeros_like(admitted), covered, patches)
    assert (got.region_attention == 0).all()
    assert all(part.isfinite().all() for part in got)
    torch.testing.assert_close(got.patch_attention, free.patch_attention)


def inside(attention_BEP, covered_BRP):
    """Attention of prompt e within quadrant e, (B, E)."""
    return (attention_BEP * (covered_BRP[:, :E] > 0)).sum(-1)


def test_routing_brings_attention_into_the_admitted_region(inputs):
    covered = inputs[3]
    free, soft, hard = (
        inside(module(routing=routing)(*inputs).patch_attention, covered) for routing in ("none", "soft", "hard")
    )
    assert (soft > free + 0.05).all()
    assert (soft < 1).all()
    torch.testing.assert_close(hard, torch.ones(B, E))


def test_a_routing_floor_far_above_any_weight_is_no_routing(inputs):
    flat = module(routing="soft", routing_eps=1e6)(*inputs)
    free = module(routing="none")(*inputs)
    torch.testing.assert_close(flat.patch_attention, free.patch_attention, atol=1e-4, rtol=1e-4)


def test_soft_routing_is_the_log_of_attention_times_coverage(inputs):
    covered = inputs[3]
    layer = module(routing="soft", routing_eps=0.01).layers[0]
    attention = torch.rand(B, E, R)
    for b in range(B):
        for e in range(E):
            for p in range(P):
                weight = sum(attention[b, e, r] * covered[b, r, p] for r in range(R))
                torch.testing.assert_close(layer.route(attention, covered)[b, e, p], (weight + 0.01).log())


def test_the_patch_map_is_a_distribution(inputs):
    torch.testing.assert_close(module()(*inputs).patch_attention.sum(-1), torch.ones(B, E))


def test_strength_is_the_log_of_the_routed_mean_of_exponentiated_scores(inputs):
    prompt, region, admitted, covered, patches = inputs
    layer = module().layers[0]
    scores = {}
    plain = layer.patch.scores
    layer.patch.scores = lambda query, key: scores.setdefault("patch", plain(query, key))
    looked = layer(prompt, prompt, region, admitted, covered, patches)
    weight = layer.route(looked.region_attention, covered).exp()
    for b in range(B):
        for e in range(E):
            share = weight[b, e] / weight[b, e].sum()
            for head in range(2):
                centred = scores["patch"][b, head, e] - scores["patch"][b, head, e].mean()
                expected = sum(share[p] * centred[p].exp() for p in range(P)).log()
                torch.testing.assert_close(looked.strength[b, e, head], expected)


def test_evidence_has_no_path_past_the_patches(inputs):
    """With patches that all say the same, every way of reading them is equal: only the prompt is left."""
    prompt, region, admitted, covered, patches = inputs
    same = patches[:, :1].expand(-1, P, -1)
    first, second = (module()(prompt, x, admitted, covered, same) for x in (region, torch.randn(B, R, D)))
    torch.testing.assert_close(first.evidence, second.evidence)
    torch.testing.assert_close(first.strength, torch.zeros_like(first.strength), atol=1e-5, rtol=0)
    assert (first.tokens - second.tokens).abs().max() > 1e-3

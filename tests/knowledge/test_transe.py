"""TransE against loops over lists, and a stopped run against one that was not."""

import math
from functools import partial

import pytest
import torch

from gkmvlp.knowledge.ranking import ranking, ranks
from gkmvlp.knowledge.transe import (
    Known,
    Tables,
    TransEConfig,
    Triples,
    corrupt,
    distance,
    head_chance,
    margin_loss,
    start,
    train,
)

CONCEPTS, RELATIONS = 6, 3
LISTED = [(0, 0, 1), (0, 0, 2), (0, 0, 3), (4, 1, 5), (3, 1, 5), (2, 2, 2), (5, 0, 1)]
TRIPLES = Triples(*(torch.tensor(part) for part in zip(*LISTED, strict=True)))
KNOWN = Known(TRIPLES, CONCEPTS, RELATIONS)


def tables(seed=0, width=4):
    generator = torch.Generator().manual_seed(seed)
    return Tables(*(torch.randn(rows, width, generator=generator) for rows in (CONCEPTS, RELATIONS)))


def unit(row):
    length = math.sqrt(sum(x * x for x in row))
    return [x / length for x in row]


def naive(table, head, relation, tail):
    vectors = (unit(table[0][head].tolist()), unit(table[1][relation].tolist()), unit(table[0][tail].tolist()))
    return sum(abs(h + r - t) for h, r, t in zip(*vectors, strict=True))


def test_the_distance_is_the_sum_over_coordinates():
    table = tables()
    expected = [naive(table, *triple) for triple in LISTED]
    torch.testing.assert_close(distance(table, TRIPLES), torch.tensor(expected))


def test_the_margin_loss_is_the_mean_over_negatives_that_count():
    positive, negative = [1.0, 4.0], [[3.0, 0.5], [9.5, 8.0]]
    counts = [[True, True], [True, False]]
    terms = [max(0, 5 + positive[b] - negative[b][k]) for b in range(2) for k in range(2) if counts[b][k]]
    loss = margin_loss(torch.tensor(positive), torch.tensor(negative), torch.tensor(counts), 5.0)
    assert loss.item() == pytest.approx(sum(terms) / 3)
    nothing = margin_loss(torch.tensor(positive), torch.tensor(negative), torch.zeros(2, 2, dtype=torch.bool), 5.0)
    assert nothing.item() == 0


def test_the_chance_of_the_head_follows_the_means_of_both_sides():
    for relation, chance in enumerate(head_chance(TRIPLES, RELATIONS + 1).tolist()):
        own = [triple for triple in LISTED if triple[1] == relation]
        if not own:
            assert chance == 0.5
            continue
        heads, tails = {head for head, _, _ in own}, {tail for _, _, tail in own}
        per_head = sum(sum(h == head for h, _, _ in own) for head in heads) / len(heads)
        per_tail = sum(sum(t == tail for _, _, t in own) for tail in tails) / len(tails)
        assert chance == pytest.approx(per_head / (per_head + per_tail))


def test_negatives_differ_at_one_end_and_none_is_known():
    generator = torch.Generator().manual_seed(0)
    negatives, counts = corrupt(TRIPLES, 200, KNOWN, torch.tensor([1.0, 0.0, 0.5]), generator)
    assert counts.all()
    for row, (head, relation, tail) in enumerate(LISTED):
        drawn = [tuple(part[row, k].item() for part in negatives) for k in range(200)]
        assert not set(drawn) & set(LISTED)
        assert all(r == relation and (h == head or t == tail) for h, r, t in drawn)
        if relation == 0:
            assert all(t == tail for _, _, t in drawn)
        if relation == 1:
            assert all(h == head for h, _, _ in drawn)


def test_where_every_triple_is_known_nothing_counts():
    full = Triples(torch.tensor([0, 0, 1, 1]), torch.zeros(4, dtype=torch.int64), torch.tensor([0, 1, 0, 1]))
    _, counts = corrupt(full, 5, Known(full, 2, 1), torch.tensor([0.5]), torch.Generator().manual_seed(0))
    assert not counts.any()


def test_one_step_is_gradient_descent_on_the_loss():
    config = TransEConfig(width=4, epochs=1, batches=1, negatives=3, learning_rate=0.1)
    state = start(CONCEPTS, RELATIONS, config)
    generator = torch.Generator().manual_seed(config.seed * 1_000_003 + 1)
    batch = TRIPLES.rows(torch.randperm(len(LISTED), generator=generator))
    negatives, counts = corrupt(batch, 3, KNOWN, head_chance(TRIPLES, RELATIONS), generator)
    leaves = [table.clone().requires_grad_() for table in state.tables]
    units = [torch.stack([row / row.square().sum().sqrt() for row in leaf]) for leaf in leaves]
    losses = []
    for b in range(len(LISTED)):
        near = (units[0][batch.head_M[b]] + units[1][batch.relation_M[b]] - units[0][batch.tail_M[b]]).abs().sum()
        for k in range(3):
            head, relation, tail = (part[b, k] for part in negatives)
            far = (units[0][head] + units[1][relation] - units[0][tail]).abs().sum()
            losses.append((config.margin + near - far).clamp_min(0))
    assert counts.all()
    gradients = torch.autograd.grad(sum(losses) / len(losses), leaves)
    for trained, leaf, gradient in zip(train(TRIPLES, state, config), leaves, gradients, strict=True):
        stepped = (leaf - 0.1 * gradient).detach()
        torch.testing.assert_close(trained, stepped / stepped.norm(dim=1, keepdim=True), rtol=1e-4, atol=1e-5)


def test_filtered_and_raw_ranks_are_those_of_a_loop():
    table, expected = tables(), {"filtered": [], "raw": []}
    table.concept_ND[4] = table.concept_ND[1]  # equal distances
    for head, relation, tail in LISTED:
        for candidates, true in (
            ([(other, relation, tail) for other in range(CONCEPTS)], head),
            ([(head, relation, other) for other in range(CONCEPTS)], tail),
        ):
            own = naive(table, *candidates[true])
            unknown = [one for one in candidates if one not in LISTED]
            for kind, rivals in (("filtered", unknown), ("raw", candidates[:true] + candidates[true + 1 :])):
                others = [naive(table, *one) for one in rivals]
                nearer = sum(other < own - 1e-6 for other in others)
                equal = sum(abs(other - own) <= 1e-6 for other in others)
                expected[kind].append(1 + nearer + equal / 2)
    found = ranks(partial(distance, table), TRIPLES, KNOWN)
    for kind, rank_2M in zip(expected, found, strict=True):
        assert rank_2M.T.flatten().tolist() == expected[kind]
    assert expected["raw"] != expected["filtered"]
    figures = ranking(partial(distance, table), TRIPLES, KNOWN)
    filtered, raw = (pytest.approx(sum(one) / len(one)) for one in expected.values())
    assert figures == (len(LISTED), 1.0, filtered, 1.0, raw)


def test_a_table_of_equal_rows_ranks_as_chance():
    flat = Tables(torch.ones(1001, 4), torch.ones(1, 4))
    triple = Triples(torch.tensor([3]), torch.tensor([0]), torch.tensor([8]))
    figures = ranking(partial(distance, flat), triple, Known(triple, 1001, 1))
    assert (figures.hits_at_10, figures.mean_rank) == (0.0, 501.0)


CONFIG = TransEConfig(width=8, epochs=25, negatives=4)


@pytest.mark.parametrize("stop", [10, 20])
def test_a_run_that_was_stopped_gives_the_same_tables_bit_for_bit(stop):
    whole = train(TRIPLES, start(CONCEPTS, RELATIONS, CONFIG), CONFIG)

    class StopError(Exception):
        pass

    kept = []

    def save(state):
        kept.append(state)
        if state.epoch == stop:
            raise StopError

    with pytest.raises(StopError):
        train(TRIPLES, start(CONCEPTS, RELATIONS, CONFIG), CONFIG, save)
    torch.manual_seed(99)  # the global generator has no part in it
    again = train(TRIPLES, kept[-1], CONFIG)
    assert all(torch.equal(one, other) for one, other in zip(whole, again, strict=True))


def test_another_seed_gives_other_tables_and_rows_have_length_one():
    one = train(TRIPLES, start(CONCEPTS, RELATIONS, CONFIG), CONFIG)
    other_config = TransEConfig(width=8, epochs=25, negatives=4, seed=1)
    other = train(TRIPLES, start(CONCEPTS, RELATIONS, other_config), other_config)
    assert not torch.equal(one.concept_ND, other.concept_ND)
    for table in one:
        torch.testing.assert_close(table.norm(dim=1), torch.ones(len(table)))


def test_it_learns_a_chain():
    """Each concept's successor is one step away: a planted pattern that TransE can hold."""
    chain = Triples(torch.arange(29), torch.zeros(29, dtype=torch.int64), torch.arange(1, 30))
    config = TransEConfig(width=16, epochs=500, negatives=8, learning_rate=0.5)
    known = Known(chain, 30, 1)
    before = ranking(partial(distance, start(30, 1, config).tables.normalised()), chain, known)
    after = ranking(partial(distance, train(chain, start(30, 1, config), config)), chain, known)
    assert after.mean_rank < before.mean_rank / 2

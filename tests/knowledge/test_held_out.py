"""Triples that are held out: none of them is trained on, and counting ranks as counting by hand does."""

import pytest
import torch

from gkmvlp.errors import UsageError
from gkmvlp.knowledge.graph import Concept, KnowledgeGraph, Triple
from gkmvlp.knowledge.held_out import _count_distance, guess, split, triples_of
from gkmvlp.knowledge.radiology import radiology
from gkmvlp.knowledge.ranking import ranks
from gkmvlp.knowledge.transe import Known, TransEConfig, Triples

CONFIG = TransEConfig(width=8, epochs=4, negatives=2)
IDS = "abcdef"
LISTED = [("a", "r", "b"), ("a", "r", "c"), ("d", "r", "b"), ("e", "s", "f")]
GRAPH = KnowledgeGraph(tuple(Concept(i, i) for i in IDS), tuple(Triple(*one, "test") for one in LISTED), "tsv", "1")


def rows(triples):
    return set(zip(*(part.tolist() for part in triples), strict=True))


def test_what_is_held_out_is_not_trained_on_and_each_seed_holds_out_others():
    triples = triples_of(radiology())
    part, other = split(triples, 0.1, 0), split(triples, 0.1, 1)
    assert len(part.asked.head_M) == round(0.1 * len(triples.head_M))
    assert rows(part.trained) | rows(part.asked) == rows(triples)
    assert not rows(part.trained) & rows(part.asked)
    assert rows(part.asked) != rows(other.asked)


@pytest.mark.parametrize("share", [0.001, 0.999])
def test_a_share_that_leaves_nothing_is_refused(share):
    with pytest.raises(UsageError, match="take another share"):
        split(triples_of(GRAPH), share, 0)


def test_counting_ranks_by_how_often_a_concept_is_at_that_end():
    """d | r | c is asked: as head, a (twice) is before d (once); as tail, b (twice) is before c (once)."""
    trained = triples_of(GRAPH)
    asked = Triples(torch.tensor([3]), torch.tensor([0]), torch.tensor([2]))
    known = Known(Triples(*(torch.cat(ends) for ends in zip(trained, asked, strict=True))), len(IDS), 2)
    found = ranks(_count_distance(trained, known), asked, known)
    # filtered, a | r | c and d | r | b are known
    assert found.filtered_2M[:, 0].tolist() == [1, 1]
    assert found.raw_2M[:, 0].tolist() == [2, 2]


def test_each_seed_has_figures_of_its_own_and_chance_is_the_middle():
    guessed = guess(GRAPH, CONFIG, 0.25, [0, 1])
    assert [one.seed for one in guessed] == [0, 1]
    for one in guessed:
        assert one.restarts_alike
        assert one.transe.triples == one.chance.triples == 1
        assert one.chance.raw_mean_rank == 1 + (len(IDS) - 1) / 2

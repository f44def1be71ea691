"""What a graph's structure lets guess: triples that are held out of a training, asked about by their ends.

N concepts, M triples.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from gkmvlp.errors import UsageError
from gkmvlp.knowledge.graph import KnowledgeGraph
from gkmvlp.knowledge.ranking import Distance, Ranking, ranking
from gkmvlp.knowledge.transe import Known, State, TransEConfig, Triples, distance, start, train

RANKED = 2000  # triples that figures are computed on at most: each is compared with all concepts


class Split(NamedTuple):
    """The triples of a graph in two parts."""

    trained: Triples
    asked: Triples  # ``RANKED`` of those that are held out, at most


class Guessed(NamedTuple):
    """Figures of the triples that one seed holds out."""

    seed: int
    transe: Ranking
    counted: Ranking  # by how often a concept stands at that end of the relation: no vector is learned
    chance: Ranking
    restarts_alike: bool  # a training that goes on from its middle ends with the same bits


def triples_of(graph: KnowledgeGraph) -> Triples:
    """All triples of a graph in numbers."""
    return Triples(graph.edge_index_2M[0], graph.relation_M, graph.edge_index_2M[1])


def shuffled(count: int, seed: int) -> Tensor:
    """Rows of M triples in an order that the seed draws, (M,) int64."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))


def split(triples: Triples, share: float, seed: int) -> Split:
    """Triples that are trained on, and triples that are held out.

    Args:
        triples: M of them.
        share: Share that is held out, in (0, 1).
        seed: Draws which.

    Raises:
        UsageError: If no triple is held out, or none is left.
    """
    count = round(share * len(triples.head_M))
    if not 0 < count < len(triples.head_M):
        raise UsageError(f"--held-out {share} is {count} of {len(triples.head_M)} triples: take another share, or 0")
    order_M = shuffled(len(triples.head_M), seed)
    return Split(triples.rows(order_M[count:]), triples.rows(order_M[:count][:RANKED]))


def guess(graph: KnowledgeGraph, config: TransEConfig, share: float, seeds: Sequence[int]) -> list[Guessed]:
    """Figures of each seed, which draws the triples that are held out, the start and all negatives.

    Args:
        graph: Untrained.
        config: Of every training, but for its seed.
        share: Share of the triples that are held out, in (0, 1).
        seeds: Of trainings of their own.

    Raises:
        UsageError: If no triple is held out, or none is left.
    """
    return [_guessed(graph, replace(config, seed=seed), share) for seed in seeds]


def _guessed(graph: KnowledgeGraph, config: TransEConfig, share: float) -> Guessed:
    """Figures of one seed."""
    triples = triples_of(graph)
    part, known = split(triples, share, config.seed), Known(triples, len(graph.concepts), len(graph.relations))
    states: list[State] = []
    begun = start(known.concepts, known.relations, config)
    tables = train(part.trained, begun, config, states.append, every=max(config.epochs // 2, 1))
    again = train(part.trained, states[0], config)  # from the middle
    return Guessed(
        config.seed,
        ranking(partial(distance, tables), part.asked, known),
        ranking(_count_distance(part.trained, known), part.asked, known),
        ranking(_no_distance, part.asked, known),
        all(torch.equal(one, other) for one, other in zip(tables, again, strict=True)),
    )


def _no_distance(triples: Triples) -> Tensor:
    """Tells nothing."""
    return torch.zeros(len(triples.head_M))


def _count_distance(trained: Triples, known: Known) -> Distance:
    """The more training triples of the relation have the candidate at that end, the nearer it is."""
    count_2RN = torch.zeros(2, known.relations, known.concepts)
    for side, end_M in enumerate((trained.head_M, trained.tail_M)):
        count_2RN[side].index_put_((trained.relation_M, end_M), torch.ones(len(end_M)), accumulate=True)

    def away(triples: Triples) -> Tensor:
        # the end that is the same in all candidates adds the same to each
        ends = enumerate((triples.head_M, triples.tail_M))
        return -torch.stack([count_2RN[side][triples.relation_M, end_M] for side, end_M in ends]).sum(0)

    return away

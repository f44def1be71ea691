"""How well something tells the missing end of a triple: ranks, filtered and raw (Bordes et al. 2013, section 4.2)."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from gkmvlp.knowledge.transe import Known, Triples

Distance = Callable[[Triples], Tensor]  # triples to how unlikely each is, of their shape


class Ranking(NamedTuple):
    """Figures over both ends of all triples that were ranked; without ``raw``, other known triples are no errors."""

    triples: int
    hits_at_10: float  # share of ends among the ten nearest, in [0, 1]
    mean_rank: float  # 1 is best
    raw_hits_at_10: float
    raw_mean_rank: float


class Ranks(NamedTuple):
    """Rank of the true head and of the true tail of each triple, (2, M) float, 1 is best."""

    filtered_2M: Tensor
    raw_2M: Tensor


def ranks(distance: Distance, triples: Triples, known: Known) -> Ranks:
    """Ranks of the true ends among all concepts by distance.

    Filtered, other concepts that make a known triple are left out; raw, they are not. A concept at the same distance
    counts half, so that what tells nothing is no better than chance.

    Args:
        distance: Such as that of ``transe.distance`` with trained tables.
        triples: What is ranked.
        known: All known triples, those that are ranked with them.
    """
    every_N, found = torch.arange(known.concepts), []
    for row in range(len(triples.head_M)):
        head, relation, tail = (part[row].expand(known.concepts) for part in triples)
        for true, candidates in (
            (head[0], Triples(every_N, relation, tail)),
            (tail[0], Triples(head, relation, every_N)),
        ):
            distance_N = distance(candidates)
            for others_N in (~known(candidates), every_N != true):
                nearer = (distance_N[others_N] < distance_N[true]).sum()
                equal = (distance_N[others_N] == distance_N[true]).sum()
                found.append(1 + nearer + equal / 2)
    filtered_2M, raw_2M = torch.stack(found).view(-1, 2, 2).permute(2, 1, 0)
    return Ranks(filtered_2M, raw_2M)


def ranking(distance: Distance, triples: Triples, known: Known) -> Ranking:
    """Figures of some triples; see ``ranks``."""
    each = ranks(distance, triples, known)
    filtered, raw = (((rank_2M <= 10).float().mean().item(), rank_2M.mean().item()) for rank_2M in each)
    return Ranking(len(triples.head_M), *filtered, *raw)

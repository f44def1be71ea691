"""How well embeddings tell the missing end of a triple: filtered ranks (Bordes et al. 2013, section 4.2)."""

from typing import NamedTuple

import torch
from torch import Tensor

from gkmvlp.knowledge.transe import Known, Tables, Triples, distance


class Ranking(NamedTuple):
    """Figures over both ends of all triples that were ranked."""

    triples: int
    hits_at_10: float  # share of ends among the ten nearest, in [0, 1]
    mean_rank: float  # 1 is best


def ranks(tables: Tables, triples: Triples, known: Known) -> Tensor:
    """Rank of the true head and of the true tail among all concepts by distance, (2, M) float, 1 is best.

    Other concepts that make a known triple are left out. A concept at the same distance counts half, so that a table
    that tells nothing is no better than chance.

    Args:
        tables: Of ``train``.
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
            distance_N = distance(tables, candidates)
            others_N = ~known(candidates)
            nearer = (distance_N[others_N] < distance_N[true]).sum()
            equal = (distance_N[others_N] == distance_N[true]).sum()
            found.append(1 + nearer + equal / 2)
    return torch.stack(found).view(-1, 2).T


def ranking(tables: Tables, triples: Triples, known: Known) -> Ranking:
    """Figures of some triples; see ``ranks``."""
    rank_2M = ranks(tables, triples, known)
    return Ranking(rank_2M.shape[1], (rank_2M <= 10).float().mean().item(), rank_2M.mean().item())

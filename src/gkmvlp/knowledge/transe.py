"""TransE: a relation is a step from head to tail (Bordes et al. 2013, "Translating Embeddings for Modeling
Multi-relational Data").

Distance and loss are the settings that ARL starts from: L1 distance of vectors of length 1, margin loss, negatives by
"bern" (Wang et al. 2014, section 3.3), none of which is a known triple ("filtered"). N concepts, R relations, D width,
M triples, B triples of a batch, K negatives of a triple.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

REDRAWS = 10  # of a negative that is a known triple; one that still is counts nothing


@dataclass(frozen=True)
class TransEConfig:
    """How it is trained.

    Attributes:
        width: D.
        epochs: Times that each triple is seen.
        batches: Batches of an epoch, as far as there are 32 triples for each.
        negatives: K.
        margin: By how much a negative is to be farther than its triple.
        learning_rate: Of plain gradient descent.
        seed: Of the start and of each epoch's draws.
    """

    width: int = 256
    epochs: int = 300
    batches: int = 100
    negatives: int = 25
    margin: float = 5.0
    learning_rate: float = 1.0
    seed: int = 0


class Triples(NamedTuple):
    """Triples in numbers."""

    head_M: Tensor  # rows of concepts, (M,) int64
    relation_M: Tensor  # (M,) int64
    tail_M: Tensor  # (M,) int64

    def rows(self, row: Tensor) -> "Triples":
        """Some of them."""
        return Triples(*(part[row] for part in self))


class Tables(NamedTuple):
    """What is learned; after ``normalised``, rows of length 1."""

    concept_ND: Tensor
    relation_RD: Tensor

    def normalised(self) -> "Tables":
        """The same with rows of length 1, float32."""
        return Tables(*(F.normalize(table, dim=-1) for table in self))


class State(NamedTuple):
    """A training behind some epochs: all that a restart needs, since each epoch draws from its own seed."""

    tables: Tables
    epoch: int


class Known:
    """Which triples are known, for many at once.

    Args:
        triples: All known ones.
        concepts: N.
        relations: R.
    """

    def __init__(self, triples: Triples, concepts: int, relations: int) -> None:
        self.concepts, self.relations = concepts, relations
        self._key_M = self._key(triples).unique()

    def _key(self, triples: Triples) -> Tensor:
        """One number a triple."""
        return (triples.head_M * self.relations + triples.relation_M) * self.concepts + triples.tail_M

    def __call__(self, triples: Triples) -> Tensor:
        """Whether each is known, bool of the triples' shape."""
        return torch.isin(self._key(triples), self._key_M)


def distance(tables: Tables, triples: Triples) -> Tensor:
    """L1 distance of head + relation from tail, all of length 1 first; of the triples' shape."""
    head, tail = (F.normalize(F.embedding(row, tables.concept_ND), dim=-1) for row in (triples.head_M, triples.tail_M))
    step = F.normalize(F.embedding(triples.relation_M, tables.relation_RD), dim=-1)
    return (head + step - tail).abs().sum(-1)


def margin_loss(positive_B: Tensor, negative_BK: Tensor, counts_BK: Tensor, margin: float) -> Tensor:
    """Mean over the negatives that count of max(0, margin + d(triple) - d(negative)); a scalar.

    Args:
        positive_B: Distances of the triples.
        negative_BK: Distances of their negatives.
        counts_BK: Whether a negative counts, bool.
        margin: By how much a negative is to be farther.
    """
    loss_BK = F.relu(margin + positive_B[:, None] - negative_BK) * counts_BK
    return loss_BK.sum() / counts_BK.sum().clamp_min(1)


def head_chance(triples: Triples, relations: int) -> Tensor:
    """Chance that a negative replaces the head, by relation, (R,): tph / (tph + hpt).

    tph is the mean number of tails of a head, hpt that of heads of a tail. With one head of many tails, another head is
    the safer negative. A relation without a triple has one half.
    """
    chance_R = torch.full((relations,), 0.5)
    for relation in triples.relation_M.unique().tolist():
        own = triples.rows((triples.relation_M == relation).nonzero()[:, 0])
        # tph : hpt is 1 / heads : 1 / tails
        heads, tails = len(own.head_M.unique()), len(own.tail_M.unique())
        chance_R[relation] = tails / (heads + tails)
    return chance_R


def corrupt(
    triples: Triples, count: int, known: Known, chance_R: Tensor, generator: torch.Generator
) -> tuple[Triples, Tensor]:
    """Negatives: each triple with its head or its tail replaced by a concept drawn at random.

    Args:
        triples: B of them.
        count: K.
        known: What no negative should be.
        chance_R: Chance that the head is replaced, by relation.
        generator: Draws.

    Returns:
        Triples (B, K), and whether each is a negative, (B, K) bool: False where ``REDRAWS`` draws gave known triples.
    """
    shape = (len(triples.head_M), count)
    head_BK, relation_BK, tail_BK = (part[:, None].expand(shape) for part in triples)
    at_head_BK = torch.rand(shape, generator=generator) < chance_R[relation_BK]
    drawn_BK = torch.randint(known.concepts, shape, generator=generator)
    for _ in range(REDRAWS):
        negatives = Triples(drawn_BK.where(at_head_BK, head_BK), relation_BK, drawn_BK.where(~at_head_BK, tail_BK))
        false_BK = known(negatives)
        if not false_BK.any():
            break
        drawn_BK = torch.randint(known.concepts, shape, generator=generator).where(false_BK, drawn_BK)
    return negatives, ~false_BK


def start(concepts: int, relations: int, config: TransEConfig) -> State:
    """Tables before training: uniform within 6 / sqrt(D), as in the paper's algorithm 1."""
    generator = torch.Generator().manual_seed(config.seed)
    bound = 6 / config.width**0.5
    drawn = (torch.rand(rows, config.width, generator=generator) for rows in (concepts, relations))
    return State(Tables(*((2 * table - 1) * bound for table in drawn)), 0)


def train(
    triples: Triples,
    state: State,
    config: TransEConfig,
    saved: Callable[[State], None] = lambda state: None,
    every: int = 10,
) -> Tables:
    """Trains from a state to the last epoch; a run that goes on ends with the bits of one that was never stopped.

    Args:
        triples: M of them.
        state: Of ``start``, or as it was handed to ``saved``.
        config: Of the run that the state is from.
        saved: Gets the state after every ``every`` epochs and after the last one.
        every: Epochs between two calls of it.

    Returns:
        Tables with rows of length 1.
    """
    tables = Tables(*(table.clone().requires_grad_() for table in state.tables))
    known = Known(triples, len(tables.concept_ND), len(tables.relation_RD))
    chance_R = head_chance(triples, known.relations)
    optimizer = torch.optim.SGD(tables, config.learning_rate)
    for epoch in range(state.epoch, config.epochs):
        # a seed of its own: nothing of the generator has to be kept
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + epoch + 1)
        order_M = torch.randperm(len(triples.head_M), generator=generator)
        for row_B in order_M.split(max(32, -(-len(order_M) // config.batches))):
            batch = triples.rows(row_B)
            negatives, counts_BK = corrupt(batch, config.negatives, known, chance_R, generator)
            positive_B, negative_BK = distance(tables, batch), distance(tables, negatives)
            optimizer.zero_grad()
            margin_loss(positive_B, negative_BK, counts_BK, config.margin).backward()
            optimizer.step()
        if (epoch + 1) % every == 0 or epoch + 1 == config.epochs:
            saved(State(Tables(*(table.detach().clone() for table in tables)), epoch + 1))
    return Tables(*(table.detach() for table in tables)).normalised()

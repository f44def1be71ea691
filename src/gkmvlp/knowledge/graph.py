"""A knowledge graph as data: concepts, and triples (head, relation, tail) between them, each with its source.

N concepts, M triples, R relations, D width of the embeddings. Row n of every table and every index belongs to concept n
of ``KnowledgeGraph.concepts``.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from gkmvlp.errors import DataError, UsageError, nearest_words

NEAR = 3  # names that an unknown term is answered with


class Concept(NamedTuple):
    """A thing that texts speak of.

    Attributes:
        id: Its identifier in the graph, such as a UMLS CUI.
        name: Its preferred name.
        synonyms: Other wordings.
        kind: Its semantic type, such as ``finding``; "" where the source gives none.
    """

    id: str
    name: str
    synonyms: tuple[str, ...] = ()
    kind: str = ""


class Triple(NamedTuple):
    """A statement about two concepts, which are named by their ids.

    Attributes:
        head: What it is about.
        relation: Such as ``sign of``.
        tail: What the head is related to.
        source: Who says so.
    """

    head: str
    relation: str
    tail: str
    source: str


class Neighbour(NamedTuple):
    """A triple of a concept, seen from it."""

    relation: str
    concept: Concept  # at the other end
    source: str
    outward: bool  # whether the concept that was asked for is the head


@dataclass(frozen=True)
class KnowledgeGraph:
    """Concepts and triples; what is built from them is computed when it is first asked for.

    Attributes:
        concepts: N concepts, no id twice.
        triples: M triples between them.
        source: Which reader made it, such as ``radiology``.
        version: Release of what it was read from.
        table_ND: TransE embeddings of the concepts (N, D) float32, rows of length 1; None before training.
        relation_RD: Those of ``relations`` (R, D) float32, rows of length 1; None before training.

    Raises:
        DataError: If there is no concept or no triple, an id stands twice, or a triple names an unknown concept.
    """

    concepts: tuple[Concept, ...]
    triples: tuple[Triple, ...]
    source: str
    version: str
    table_ND: Tensor | None = None
    relation_RD: Tensor | None = None

    def __post_init__(self) -> None:
        if not self.concepts or not self.triples:
            lacking = "triple" if self.concepts else "concept"
            raise DataError(f"the graph of source {self.source} has no {lacking}: check the files that it is read from")
        if len(self.index) < len(self.concepts):
            twice = next(concept.id for row, concept in enumerate(self.concepts) if self.index[concept.id] != row)
            raise DataError(f"concept id {twice!r} stands twice in the graph of source {self.source}: keep one of them")
        for triple in self.triples:
            for end in (triple.head, triple.tail):
                if end not in self.index:
                    near = nearest_words(end, self.index, 1)
                    remedy = f"did you mean {near[0]!r}?" if near else "add it to the concepts"
                    raise DataError(f"triple {' | '.join(triple[:3])}: unknown concept {end!r}; {remedy}")

    @cached_property
    def index(self) -> dict[str, int]:
        """Concept id -> its row, n."""
        return {concept.id: row for row, concept in enumerate(self.concepts)}

    @cached_property
    def relations(self) -> tuple[str, ...]:
        """R names of relations, sorted."""
        return tuple(sorted({triple.relation for triple in self.triples}))

    @cached_property
    def edge_index_2M(self) -> Tensor:
        """Rows of head and tail of each triple, (2, M) int64."""
        return torch.tensor([[self.index[triple[end]] for triple in self.triples] for end in (0, 2)])

    @cached_property
    def relation_M(self) -> Tensor:
        """Index of each triple's relation in ``relations``, (M,) int64."""
        row = {name: place for place, name in enumerate(self.relations)}
        return torch.tensor([row[triple.relation] for triple in self.triples])

    @cached_property
    def wordings(self) -> dict[str, tuple[int, ...]]:
        """Name, synonym or id, case-folded -> rows of the concepts that it can mean; ids first, then names."""
        found: dict[str, dict[int, None]] = {}
        for words_N in (
            [(concept.id,) for concept in self.concepts],
            [(concept.name,) for concept in self.concepts],
            [concept.synonyms for concept in self.concepts],
        ):
            for row, words in enumerate(words_N):
                for word in words:
                    found.setdefault(word.casefold(), {})[row] = None
        return {word: tuple(rows) for word, rows in found.items()}

    def find(self, term: str) -> tuple[Concept, ...]:
        """Concepts that a term can mean, by id, name or synonym in any case.

        Raises:
            UsageError: If there is none; the nearest wordings are offered.
        """
        rows = self.wordings.get(" ".join(term.casefold().split()), ())
        if not rows:
            near = nearest_words(term.casefold(), self.wordings, NEAR)
            remedy = f"nearest are {', '.join(near)}" if near else "nothing is spelled like it"
            raise UsageError(f"no concept {term!r} in the graph of source {self.source}: {remedy}")
        return tuple(self.concepts[row] for row in rows)

    def neighbours(self, concept: Concept) -> list[Neighbour]:
        """What the triples say of a concept, in their order."""
        return [
            Neighbour(triple.relation, self.concepts[self.index[other]], triple.source, outward)
            for triple in self.triples
            for mine, other, outward in ((triple.head, triple.tail, True), (triple.tail, triple.head, False))
            if mine == concept.id
        ]

    def restricted(self, ids: Collection[str]) -> "KnowledgeGraph":
        """The triples with both ends among some ids, and the concepts that those triples name; untrained.

        As in ARL, a concept without a triple is left out.
        """
        kept = [triple for triple in self.triples if triple.head in ids and triple.tail in ids]
        named = {end for triple in kept for end in (triple.head, triple.tail)}
        concepts = tuple(concept for concept in self.concepts if concept.id in named)
        return replace(self, concepts=concepts, triples=tuple(kept), table_ND=None, relation_RD=None)


def unique(triples: Iterable[Triple]) -> tuple[Triple, ...]:
    """The triples without repetitions; of those that differ in their source alone the first is kept."""
    found: dict[tuple[str, ...], Triple] = {}
    for triple in triples:
        found.setdefault(triple[:3], triple)
    return tuple(found.values())

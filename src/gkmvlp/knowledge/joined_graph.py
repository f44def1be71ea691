"""The entities of a model joined with a graph of the user's: knowledge of others reaches findings by their names.

N concepts.
"""

from collections.abc import Mapping
from typing import NamedTuple

from gkmvlp.knowledge.graph import Concept, KnowledgeGraph, Triple, unique

NO_ROW = -1


class Joined(NamedTuple):
    """Two graphs in one."""

    graph: KnowledgeGraph  # the concepts of the first in their order, then those that only the second has; untrained
    rows: tuple[int, ...]  # N rows of the concepts in the tables of the second; ``NO_ROW`` where it lacks one
    place: Mapping[str, str]  # id of each concept of the second -> its id here


def joined(own: KnowledgeGraph, other: KnowledgeGraph) -> Joined:
    """All concepts and triples of two graphs.

    A concept of the second is one of the first where its id or its name is an id, a name or a synonym there, in any
    case; its wordings become synonyms. Its own synonyms do not decide: they are often wider than the thing.

    Args:
        own: Whose order of concepts stays.
        other: What is joined to it.
    """
    meant = {word: own.concepts[rows[0]].id for word, rows in own.wordings.items()}
    place = {
        concept.id: meant.get(concept.id.casefold()) or meant.get(concept.name.casefold()) or concept.id
        for concept in other.concepts
    }
    row: dict[str, int] = {}
    wordings: dict[str, list[str]] = {}
    for number, concept in enumerate(other.concepts):
        row.setdefault(place[concept.id], number)
        wordings.setdefault(place[concept.id], []).extend((concept.name, *concept.synonyms))
    further = [concept for concept in other.concepts if place[concept.id] not in own.index]
    concepts = (*(_with(concept, wordings.get(concept.id, [])) for concept in own.concepts), *further)
    moved = [Triple(place[head], relation, place[tail], said) for head, relation, tail, said in other.triples]
    triples = unique((*own.triples, *(triple for triple in moved if triple.head != triple.tail)))
    graph = KnowledgeGraph(concepts, triples, f"{own.source}, {other.source}", f"{own.version}, {other.version}")
    return Joined(graph, tuple(row.get(concept.id, NO_ROW) for concept in concepts), place)


def _with(concept: Concept, wordings: list[str]) -> Concept:
    """A concept with further synonyms."""
    known = {word.casefold(): word for word in (concept.name, *concept.synonyms, *wordings)[::-1]}
    synonyms = [word for word in dict.fromkeys((*concept.synonyms, *wordings)) if known[word.casefold()] == word]
    return concept._replace(synonyms=tuple(word for word in synonyms if word.casefold() != concept.name.casefold()))

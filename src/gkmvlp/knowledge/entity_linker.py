"""The linker of graphs that hold entities of the package: a dictionary's mentions, and what the labeler's rules find.

A dictionary knows names. Reports say most of some findings without one: "the heart is enlarged" is cardiomegaly.
"""

from collections.abc import Collection

from gkmvlp.entities import ENTITY_INDEX
from gkmvlp.knowledge.graph import KnowledgeGraph
from gkmvlp.knowledge.linker import DictionaryLinker, Linker, Mention
from gkmvlp.report.naming import named_entities


class EntityLinker:
    """Another linker's mentions, with the words that name an entity by the labeler's rules.

    Negation and doubt do not matter, as for the dictionary: a mention says which words name a concept. Mentions of one
    concept do not overlap, of which the other linker's holds; those of several may: in "the right hemidiaphragm is
    raised" the region is named inside of the finding. Sentences that were read are remembered.

    Args:
        other: The other linker.
        entities: Names of entities, which are their concepts' ids.
    """

    def __init__(self, other: Linker, entities: Collection[str]) -> None:
        self._other = other
        self._entities = frozenset(entities)

    def __call__(self, text: str) -> list[Mention]:
        """Mentions of a text, by their start."""
        mentions = list(self._other(text))
        for start, end, name in named_entities(text):
            named = [one for one in mentions if one.concept == name and one.start < end and start < one.end]
            if name in self._entities and not named:
                mentions.append(Mention(start, end, name))
        return sorted(mentions)


def default_linker(graph: KnowledgeGraph) -> Linker:
    """The linker of a graph: by the labeler's rules too where ids of its concepts are entities of the package."""
    return with_rules(DictionaryLinker.of(graph), graph)


def with_rules(other: Linker, graph: KnowledgeGraph) -> Linker:
    """Another linker of a graph, by the labeler's rules too where ids of its concepts are entities of the package."""
    entities = [concept.id for concept in graph.concepts if concept.id in ENTITY_INDEX]
    return EntityLinker(other, entities) if entities else other

"""The linker that a config names: the dictionary of its graph, scispaCy, or links of texts that were made before."""

import sys
from collections.abc import Mapping
from pathlib import Path

from gkmvlp.errors import DataError
from gkmvlp.knowledge.entity_linker import default_linker, with_rules
from gkmvlp.knowledge.graph import KnowledgeGraph
from gkmvlp.knowledge.linker import DictionaryLinker, Linker, Mention, PrecomputedLinker, read_mentions
from gkmvlp.knowledge.scispacy_linker import ScispacyLinker

DICTIONARY, SCISPACY = "dictionary", "scispacy"  # what is no file


class PlacedLinker:
    """Another linker's mentions by the ids of a graph; those of concepts that the graph lacks are left out.

    Args:
        other: The other linker.
        place: Its ids -> ids of the graph.
    """

    def __init__(self, other: Linker, place: Mapping[str, str]) -> None:
        self._other, self._place = other, place

    def __call__(self, text: str) -> list[Mention]:
        """Mentions of a text, by their start."""
        found = self._other(text)
        return [
            mention._replace(concept=self._place[mention.concept])
            for mention in found
            if mention.concept in self._place
        ]


class LinksBeside:
    """Links that were made before; texts that they lack are linked by another linker, which is said once.

    Args:
        links: Links of some texts.
        other: The other linker.
    """

    def __init__(self, links: PrecomputedLinker, other: Linker) -> None:
        self._links, self._other, self._was_told = links, other, False

    def __call__(self, text: str) -> list[Mention]:
        """Mentions of a text, by their start."""
        if text in self._links:
            return self._links(text)
        if not self._was_told:
            self._was_told = True
            note = f"note: a text is not among the {len(self._links):,} linked ones"
            print(f"{note}: such are linked by the names of the graph", file=sys.stderr, flush=True)
        return self._other(text)


def chosen_linker(choice: str, graph: KnowledgeGraph, place: Mapping[str, str]) -> Linker:
    """The linker of a graph; whichever it is, the labeler's rules name entities of the package too.

    Args:
        choice: ``dictionary``, ``scispacy``, or a file of links as ``gkmvlp knowledge link`` writes them.
        graph: What texts are linked to.
        place: Ids by which others know concepts -> ids of the graph, beside its own.

    Raises:
        UsageError: If scispaCy is not installed here.
        DataError: If the file cannot be read, or the graph has none of its concepts.
    """
    if choice == DICTIONARY:
        return default_linker(graph)
    places = {**place, **{concept: concept for concept in graph.index}}
    if choice == SCISPACY:
        return with_rules(PlacedLinker(ScispacyLinker(), places), graph)
    links = read_mentions(Path(choice))
    if (listed := links.concepts) and not listed & places.keys():
        raise DataError(
            f"the graph of source {graph.source} has none of the {len(listed):,} concepts that {choice} links to: "
            "name the graph that it was made with by architecture.knowledge.graph"
        )
    return with_rules(PlacedLinker(LinksBeside(links, DictionaryLinker.of(graph)), places), graph)

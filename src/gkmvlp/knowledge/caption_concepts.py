"""Concepts that are known of whole images get their places in the captions: a list such as ROCO's becomes links."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from gkmvlp.errors import DataError
from gkmvlp.knowledge.graph import Concept, KnowledgeGraph
from gkmvlp.knowledge.linker import DictionaryLinker, Mention
from gkmvlp.knowledge.storage import write_whole


class PlacedConcepts(NamedTuple):
    """Links of captions, and what became of the concepts that were listed."""

    mentions: Mapping[str, list[Mention]]  # caption -> its mentions
    listed: int  # pairs of a caption and a concept
    in_graph: int  # of those, how many the graph knows
    placed: int  # of those, how many a wording of the caption names


def place_concepts(
    graph: KnowledgeGraph, captions: Iterable[tuple[str, str]], concepts: Mapping[str, Sequence[str]]
) -> PlacedConcepts:
    """Links each caption to the concepts of its images, and to no other: their list says what a shared wording means.

    Args:
        graph: Names the concepts.
        captions: Image id and caption; images with the same caption share their concepts.
        concepts: Image id -> its concept ids, as ``linker.read_cuis`` gives them.

    Raises:
        DataError: If no image with a caption has concepts, or the graph knows none of them.
    """
    wanted: dict[str, dict[str, None]] = {}
    for image, caption in captions:
        wanted.setdefault(caption, {}).update(dict.fromkeys(concepts.get(image, ())))
    mentions: dict[str, list[Mention]] = {}
    listed = in_graph = placed = 0
    for caption, ids in wanted.items():
        known = [graph.concepts[graph.index[one]] for one in ids if one in graph.index]
        mentions[caption] = DictionaryLinker(_wordings(known))(caption)
        listed, in_graph = listed + len(ids), in_graph + len(known)
        placed += len({mention.concept for mention in mentions[caption]})
    if not listed:
        raise DataError("no image with a caption has a concept: name the captions and the list of one data set")
    if not in_graph:
        raise DataError(
            f"the graph of source {graph.source} has none of the {listed} listed concepts: build one that has"
        )
    return PlacedConcepts(mentions, listed, in_graph, placed)


def _wordings(concepts: Sequence[Concept]) -> list[tuple[str, str]]:
    """Names first, then synonyms, each with its concept."""
    named = [(concept.name, concept.id) for concept in concepts]
    return named + [(synonym, concept.id) for concept in concepts for synonym in concept.synonyms]


def write_mentions(path: Path, mentions: Mapping[str, Sequence[Mention]]) -> None:
    """Writes links as ``linker.read_mentions`` reads them, one JSON object a line."""
    lines = (json.dumps({"text": text, "mentions": found}, ensure_ascii=False) for text, found in mentions.items())
    content = "".join(f"{line}\n" for line in lines)
    write_whole(path, lambda part: part.write_text(content, encoding="utf-8"))

"""The graph of our own entities: findings first, then regions, and the prior as triples in both directions."""

import pytest

from gkmvlp.anatomy import REGIONS
from gkmvlp.entities import ENTITIES, entity, prior
from gkmvlp.errors import ConfigError
from gkmvlp.knowledge.entity_graph import entity_graph
from gkmvlp.knowledge.linker import DictionaryLinker

NAMES = ["pneumothorax", "cardiomegaly", "support device"]


def test_rows_follow_the_names_and_triples_are_the_prior():
    graph = entity_graph(NAMES)
    assert [concept.name for concept in graph.concepts] == [*NAMES, *REGIONS]
    told = {(triple.head, triple.tail) for triple in graph.triples}
    for row, name in enumerate(NAMES):
        own = {REGIONS[r] for r in prior(NAMES)[row].nonzero()[0]} if entity(name).regions else set()
        assert {tail for head, tail in told if head == name} == own
    assert told == {(tail, head) for head, tail in told}


def test_all_entities_make_a_graph():
    graph = entity_graph([row.name for row in ENTITIES])
    assert len(graph.concepts) == len(ENTITIES) + len(REGIONS)


def test_texts_are_linked_by_names_synonyms_and_regions():
    linker = DictionaryLinker.of(entity_graph(NAMES))
    text = "Enlarged heart; no pneumothorax in the right lung."
    assert [(m.concept, text[m.start : m.end].lower()) for m in linker(text)] == [
        ("cardiomegaly", "enlarged heart"),
        ("pneumothorax", "pneumothorax"),
        ("right lung", "right lung"),
    ]


def test_an_unknown_entity_is_named_with_its_neighbour():
    with pytest.raises(ConfigError, match="did you mean 'pneumothorax'"):
        entity_graph(["pneumotorax"])

"""The graph of our own entities: findings first, then regions, the prior as triples both ways, and its linker."""

from collections import Counter

import pytest

from gkmvlp.anatomy import REGIONS
from gkmvlp.entities import ENTITIES, entity, prior
from gkmvlp.errors import ConfigError
from gkmvlp.knowledge.entity_graph import entity_graph
from gkmvlp.knowledge.entity_linker import default_linker
from gkmvlp.knowledge.graph import Concept, KnowledgeGraph, Triple
from gkmvlp.knowledge.linker import DictionaryLinker
from gkmvlp.knowledge.radiology import radiology

NAMES = ["pneumothorax", "cardiomegaly", "support device"]


def test_rows_follow_the_names_and_triples_are_the_prior():
    graph = entity_graph(NAMES)
    assert [concept.name for concept in graph.concepts] == [*NAMES, *REGIONS]
    told = {(triple.head, triple.tail) for triple in graph.triples}
    for row, name in enumerate(NAMES):
        own = {REGIONS[r] for r in prior(NAMES)[row].nonzero()[0]} if entity(name).regions else set()
        assert {tail for head, tail in told if head == name} == own
    assert told == {(tail, head) for head, tail in told}


def test_shuffled_triples_keep_how_often_each_stands_and_say_something_else():
    names = [row.name for row in ENTITIES]
    known, shuffled = entity_graph(names), entity_graph(names, shuffled=True)
    assert shuffled.concepts == known.concepts
    assert shuffled.triples == entity_graph(names, shuffled=True).triples
    for end in ("head", "tail"):
        counts = [Counter(getattr(triple, end) for triple in graph.triples) for graph in (known, shuffled)]
        assert counts[0] == counts[1]
    told = [{(triple.head, triple.tail) for triple in graph.triples} for graph in (known, shuffled)]
    chance = sum(entity(name).regions != () for name in names) * len(REGIONS)
    kept = len(told[0] & told[1]) / len(told[0])
    assert kept < 2 * len(known.triples) / 2 / chance
    assert told[1] == {(tail, head) for head, tail in told[1]}


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


def linked(linker, text):
    return [(one.concept, text[one.start : one.end]) for one in linker(text)]


@pytest.mark.parametrize("graph", [entity_graph([*NAMES, "elevated hemidiaphragm"]), radiology()])
def test_graphs_with_entities_are_linked_by_what_is_said_of_organs_too(graph):
    text = "The cardiac silhouette is enlarged; no pneumothorax. The right hemidiaphragm is raised."
    both, names = linked(default_linker(graph), text), linked(DictionaryLinker.of(graph), text)
    assert set(names) < set(both)
    assert set(both) - set(names) == {
        ("cardiomegaly", "cardiac silhouette is enlarged"),
        ("elevated hemidiaphragm", "hemidiaphragm is raised"),
    }
    assert {("cardiac silhouette", "cardiac silhouette"), ("right hemidiaphragm", "right hemidiaphragm")} <= set(names)
    places = [one.start for one in default_linker(graph)(text)]
    assert places == sorted(places)


def test_only_concepts_of_the_graph_are_linked_and_a_concept_once_in_a_place():
    linker = default_linker(entity_graph(NAMES))
    assert linked(linker, "Enlarged heart, effusion, pacer.") == [
        ("cardiomegaly", "Enlarged heart"),
        ("support device", "pacer"),
    ]
    assert linker("The picture is sharp.") == []


def test_graphs_without_entities_are_linked_by_their_names_alone():
    concepts = (Concept("C1", "heart"), Concept("C2", "cardiomegaly"))
    graph = KnowledgeGraph(concepts, (Triple("C2", "finding of", "C1", ""),), "tsv", "1")
    assert linked(default_linker(graph), "The heart is enlarged.") == [("C1", "heart")]

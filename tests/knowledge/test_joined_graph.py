"""Two graphs in one: what is the same thing, and what comes along."""

from gkmvlp.anatomy import REGIONS
from gkmvlp.knowledge.entity_graph import entity_graph
from gkmvlp.knowledge.entity_linker import default_linker
from gkmvlp.knowledge.graph import Concept, KnowledgeGraph, Triple
from gkmvlp.knowledge.joined_graph import NO_ROW, joined
from gkmvlp.knowledge.radiology import radiology

NAMES = ["pneumothorax", "cardiomegaly", "pleural effusion"]
OWN = entity_graph(NAMES)
OTHER = KnowledgeGraph(
    (
        Concept("C1", "Heart failure", ("cardiac failure",), "disease"),
        Concept("C2", "Enlarged Heart", ("big heart",)),  # a synonym of cardiomegaly here
        Concept("C3", "Fluid", ("pleural effusion",)),  # its synonym does not decide
        Concept("C4", "Cardiomegaly"),  # the same once more
    ),
    (
        Triple("C2", "sign of", "C1", "x"),
        Triple("C4", "sign of", "C1", "y"),
        Triple("C2", "same as", "C4", "x"),  # of a thing to itself: left out
        Triple("C3", "seen in", "C1", "x"),
    ),
    "tsv",
    "2",
)


def test_own_concepts_come_first_and_what_bears_their_name_is_one_of_them():
    graph, rows, place = joined(OWN, OTHER)
    assert place == {"C1": "C1", "C2": "cardiomegaly", "C3": "C3", "C4": "cardiomegaly"}
    assert [concept.id for concept in graph.concepts] == [*NAMES, *REGIONS, "C1", "C3"]
    assert rows == (NO_ROW, 1, NO_ROW, *[NO_ROW] * len(REGIONS), 0, 2)
    assert graph.triples == (
        *OWN.triples, Triple("cardiomegaly", "sign of", "C1", "x"), Triple("C3", "seen in", "C1", "x"),
    )  # fmt: skip
    assert (graph.source, graph.version, graph.table_ND) == ("entities, tsv", "1, 2", None)


def test_wordings_of_both_are_linked_and_a_shared_one_means_our_own():
    linker = default_linker(joined(OWN, OTHER).graph)
    text = "Big heart, pleural effusion, cardiac failure."
    assert [one.concept for one in linker(text)] == ["cardiomegaly", "pleural effusion", "C1"]
    own = {concept.id: concept for concept in OWN.concepts}["cardiomegaly"].synonyms
    both = {concept.id: concept for concept in joined(OWN, OTHER).graph.concepts}["cardiomegaly"].synonyms
    assert both[: len(own)] == own
    assert set(both) - set(own) == {"big heart"}


def test_the_open_graph_has_every_entity_and_region_and_its_triples_stay():
    other = radiology()
    graph, rows, _ = joined(OWN, other)
    assert NO_ROW not in rows
    assert len(graph.concepts) == len(other.concepts)
    assert {triple[:3] for triple in other.triples} <= {triple[:3] for triple in graph.triples}

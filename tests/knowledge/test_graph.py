"""A small graph by hand: indices, look-up, neighbours, and what is refused."""

import pytest

from gkmvlp.errors import DataError, UsageError
from gkmvlp.knowledge.graph import Concept, KnowledgeGraph, Triple, unique

HEART = Concept("C1", "heart", ("cor", "Cardiac Silhouette"), "anatomy")
FAILURE = Concept("C2", "heart failure", ("chf",), "disease")
EDEMA = Concept("C3", "edema", (), "finding")
IN = Triple("C2", "located in", "C1", "book, p. 1")
SIGN = Triple("C3", "sign of", "C2", "book, p. 2")
WIDE = Triple("C2", "causes", "C3", "book, p. 2")


def graph(concepts=(HEART, FAILURE, EDEMA), triples=(IN, SIGN, WIDE)):
    return KnowledgeGraph(concepts, triples, "tsv", "1")


def test_rows_follow_the_order_of_the_concepts():
    assert graph().index == {"C1": 0, "C2": 1, "C3": 2}
    assert graph().edge_index_2M.tolist() == [[1, 2, 1], [0, 1, 2]]
    assert graph().relations == ("causes", "located in", "sign of")
    assert graph().relation_M.tolist() == [1, 2, 0]


@pytest.mark.parametrize("term", ["heart", "HEART", " cor", "cardiac  silhouette", "c1"])
def test_a_term_is_found_by_id_name_and_synonym_in_any_case(term):
    assert graph().find(term) == (HEART,)


def test_a_term_of_two_concepts_finds_both_the_name_before_the_synonym():
    other = Concept("C4", "left heart", ("heart",))
    found = graph((other, HEART, FAILURE, EDEMA), (IN,)).find("heart")
    assert found == (HEART, other)


def test_a_term_that_is_not_there_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match=r"no concept 'haert'.*nearest are heart"):
        graph().find("haert")
    with pytest.raises(UsageError, match="nothing is spelled like it"):
        graph().find("zzzzzzzz")


def test_neighbours_are_seen_from_both_ends():
    found = [(near.relation, near.concept.name, near.outward, near.source) for near in graph().neighbours(FAILURE)]
    assert found == [
        ("located in", "heart", True, "book, p. 1"),
        ("sign of", "edema", False, "book, p. 2"),
        ("causes", "edema", True, "book, p. 2"),
    ]


@pytest.mark.parametrize(
    ("concepts", "triples", "told"),
    [
        ((), (), "has no concept"),
        ((HEART,), (), "has no triple"),
        ((HEART, FAILURE, HEART), (IN,), "'C1' stands twice"),
        ((HEART, FAILURE), (Triple("C12", "in", "C2", ""),), "C12 | in | C2: unknown concept 'C12'; did you mean 'C"),
        ((HEART, FAILURE), (Triple("zebra", "in", "C1", ""),), "add it to the concepts"),
    ],
)
def test_a_graph_that_cannot_be_is_refused_in_one_line(concepts, triples, told):
    with pytest.raises(DataError) as caught:
        graph(concepts, triples)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_restricted_keeps_triples_inside_and_no_concept_without_one():
    small = graph().restricted({"C1", "C2"})
    assert small.triples == (IN,)
    assert small.concepts == (HEART, FAILURE)
    with pytest.raises(DataError, match="no concept"):
        graph().restricted({"C1"})


def test_repeated_triples_count_once_and_the_first_source_is_kept():
    again = IN._replace(source="other book")
    assert unique([IN, SIGN, again, WIDE, SIGN]) == (IN, SIGN, WIDE)

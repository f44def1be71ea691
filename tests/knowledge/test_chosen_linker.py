"""The linker that a config names, on a graph of the user that is joined to findings and regions."""

import json
import sys

import pytest

from gkmvlp.errors import DataError, UsageError
from gkmvlp.knowledge import chosen_linker as module
from gkmvlp.knowledge.chosen_linker import chosen_linker
from gkmvlp.knowledge.entity_graph import entity_graph
from gkmvlp.knowledge.entity_linker import default_linker
from gkmvlp.knowledge.graph import Concept, KnowledgeGraph, Triple
from gkmvlp.knowledge.joined_graph import joined
from gkmvlp.knowledge.linker import Mention

OTHER = KnowledgeGraph(
    (Concept("C1", "Heart failure"), Concept("C2", "Cardiomegaly"), Concept("C3", "Fever")),
    (Triple("C2", "sign of", "C1", "x"), Triple("C3", "seen in", "C1", "x")),
    "umls",
    "1",
)
GRAPH, _, PLACE = joined(entity_graph(["cardiomegaly", "pneumothorax"]), OTHER)
TEXT = "Big shadow, fever, a pacer and pneumothoraces."


@pytest.fixture
def links(tmp_path):
    """A file of links, of which one is to a concept that the graph lacks."""
    path = tmp_path / "links.jsonl"
    found = [Mention(0, 10, "C2"), Mention(19, 26, "C77")]
    path.write_text(json.dumps({"text": TEXT, "mentions": found}) + "\n")
    return path


def test_links_made_before_stand_in_place_of_names_and_rules_name_findings_beside(links, capsys):
    linker = chosen_linker(str(links), GRAPH, PLACE)
    found = [(TEXT[one.start : one.end], one.concept) for one in linker(TEXT)]
    assert found == [("Big shadow", "cardiomegaly"), ("pneumothoraces", "pneumothorax")]
    assert capsys.readouterr().err == ""
    others = ["Fever.", "Heart failure, the heart is enlarged."]
    assert [linker(text) for text in others] == [default_linker(GRAPH)(text) for text in others]
    (note,) = capsys.readouterr().err.splitlines()  # once
    assert "not among the 1 linked ones" in note


def test_the_dictionary_is_the_linker_of_the_graph():
    linker = chosen_linker("dictionary", GRAPH, PLACE)
    assert linker(TEXT) == default_linker(GRAPH)(TEXT)
    assert [one.concept for one in linker(TEXT)] == ["C3", "pneumothorax"]


def test_scispacy_is_asked_where_it_is_installed(monkeypatch):
    monkeypatch.setattr(module, "ScispacyLinker", lambda: lambda text: [Mention(0, 3, "C2"), Mention(4, 10, "C77")])
    linker = chosen_linker("scispacy", GRAPH, PLACE)
    assert linker("Big shadow") == [Mention(0, 3, "cardiomegaly")]


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ("scispacy", r"environment of their own, as docs/knowledge\.md says"),
        ("nowhere.jsonl", "name the file of concepts"),
    ],
)
def test_a_linker_that_is_not_there_is_one_line(choice, told, monkeypatch):
    monkeypatch.setitem(sys.modules, "scispacy.linking", None)
    with pytest.raises((UsageError, DataError), match=told) as raised:
        chosen_linker(choice, GRAPH, PLACE)
    assert "\n" not in str(raised.value)


def test_links_to_concepts_of_another_graph_are_refused(links):
    own = entity_graph(["pneumothorax"])
    with pytest.raises(DataError, match=r"has none of the 2 concepts that .*links\.jsonl links to: name the graph"):
        chosen_linker(str(links), own, {})

"""Listed concepts get places where the caption names them, and no other concept does."""

import pytest

from gkmvlp.errors import DataError
from gkmvlp.knowledge.caption_concepts import place_concepts, write_mentions
from gkmvlp.knowledge.graph import Concept, KnowledgeGraph, Triple
from gkmvlp.knowledge.linker import Mention, read_mentions

GRAPH = KnowledgeGraph(
    (Concept("C1", "lung", ("pulmo",)), Concept("C2", "effusion", ("fluid",)), Concept("C3", "ascites", ("fluid",))),
    (Triple("C2", "located in", "C1", "test"),), "tsv", "1",
)  # fmt: skip
CAPTIONS = [("a", "Fluid below the lung."), ("b", "Fluid below the liver."), ("c", "Normal."), ("d", "Normal.")]


def test_a_listed_concept_is_placed_and_its_list_says_what_a_shared_word_means():
    found = place_concepts(GRAPH, CAPTIONS, {"a": ("C2",), "b": ("C3", "C9"), "c": ("C1",)})
    assert found.mentions == {
        "Fluid below the lung.": [Mention(0, 5, "C2")],  # the lung is named and not listed
        "Fluid below the liver.": [Mention(0, 5, "C3")],
        "Normal.": [],
    }
    assert found[1:] == (4, 3, 2)


def test_images_with_one_caption_share_their_concepts():
    found = place_concepts(GRAPH, [("a", "Pulmo, fluid"), ("b", "Pulmo, fluid")], {"a": ("C1",), "b": ("C3",)})
    assert found.mentions == {"Pulmo, fluid": [Mention(0, 5, "C1"), Mention(7, 12, "C3")]}


def test_what_is_written_is_a_linker(tmp_path):
    found = place_concepts(GRAPH, CAPTIONS, {"a": ("C1",)})
    write_mentions(tmp_path / "m.jsonl", found.mentions)
    linker = read_mentions(tmp_path / "m.jsonl")
    assert linker("Fluid below the lung.") == [Mention(16, 20, "C1")]
    assert linker("Normal.") == []


@pytest.mark.parametrize(("lists", "told"), [({}, "of one data set"), ({"a": ("C7",)}, "has none of the 1 listed")])
def test_lists_that_do_not_fit_are_one_line(lists, told):
    with pytest.raises(DataError, match=told):
        place_concepts(GRAPH, CAPTIONS, lists)

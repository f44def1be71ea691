"""The dictionary matcher against every span of a text, and links that were made before."""

import random
import re
import sys

import pytest

from gkmvlp.errors import DataError
from gkmvlp.knowledge.graph import Concept, KnowledgeGraph, Triple
from gkmvlp.knowledge.linker import DictionaryLinker, Mention, PrecomputedLinker

WORDINGS = [
    ("effusion", "E"),
    ("pleural effusion", "P"),
    ("left pleural effusion", "L"),
    ("x-ray", "X"),
    ("Straße", "S"),
]


def found(text, wordings=WORDINGS):
    return [(text[one.start : one.end], one.concept) for one in DictionaryLinker(wordings)(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("No pleural effusion.", [("pleural effusion", "P")]),
        ("Left pleural edema, LEFT PLEURAL\n EFFUSION", [("LEFT PLEURAL\n EFFUSION", "L")]),
        ("effusion pleural-effusion", [("effusion", "E"), ("pleural-effusion", "P")]),
        ("left pleural. effusion", [("effusion", "E")]),
        ("effusions, an effusion_2 and counter-effusion", [("effusion", "E")]),
        ("X-ray, x ray, xray", [("X-ray", "X"), ("x ray", "X")]),
        ("STRASSE straße", [("STRASSE", "S"), ("straße", "S")]),
    ],
)
def test_the_longest_wording_at_word_boundaries_in_any_case(text, expected):
    assert found(text) == expected


def naive(words, wordings):
    """From the left, at every word the longest of all wordings that stands there."""
    mentions, place = [], 0
    while place < len(words):
        fits = [wording for wording in wordings if words[place : place + len(wording.split())] == wording.split()]
        best = max(fits, key=lambda wording: len(wording.split()), default=None)
        if best:
            mentions.append((best, place))
        place += len(best.split()) if best else 1
    return mentions


def test_it_finds_what_trying_every_wording_at_every_word_finds():
    chance = random.Random(0)
    for _ in range(300):
        wordings = {" ".join(chance.choices("abc", k=chance.randint(1, 4))) for _ in range(6)}
        words = chance.choices("abcd", k=20)
        text = " ".join(words)
        linked = [
            (one.concept, len(text[: one.start].split())) for one in DictionaryLinker((w, w) for w in wordings)(text)
        ]
        assert linked == naive(words, wordings)


def lines_run(linker, text):
    """Lines of Python that one call runs: a measure of time that no other work on the machine stretches."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        linker(text)
    finally:
        sys.settrace(before)
    return count


def test_time_grows_with_the_text_and_not_with_the_wordings():
    few, many = (
        DictionaryLinker(WORDINGS),
        DictionaryLinker([*WORDINGS, *((f"word{i} more", "W") for i in range(2000))]),
    )
    text = "no pleural effusion here "
    assert lines_run(few, text) == lines_run(many, text) > 0
    assert lines_run(few, text * 10) <= 10 * lines_run(few, text)


def test_a_shared_wording_means_the_concept_whose_name_it_is_else_the_first():
    concepts = (Concept("A", "node", ("gland", "knot")), Concept("B", "gland", ("knot",)))
    linker = DictionaryLinker.of(KnowledgeGraph(concepts, (Triple("A", "is a", "B", ""),), "tsv", "1"))
    assert [one.concept for one in linker("Gland, knot, node, A")] == ["B", "A", "A"]


def test_links_made_before_come_back_by_their_start():
    mentions = [Mention(8, 11, "B"), Mention(0, 4, "A")]
    linker = PrecomputedLinker({"lung and rib": mentions})
    assert linker("lung and rib") == sorted(mentions)
    with pytest.raises(DataError, match=re.escape("text 'other' is not among the 1 linked")):
        linker("other")


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (0, 5), (2, 2), (3, 1), (9, 12)])
def test_a_span_outside_its_text_is_refused(start, end):
    with pytest.raises(DataError, match=r"span .* of concept 'A' lies outside text 'lung' of 4 characters: link"):
        PrecomputedLinker({"lung": [Mention(start, end, "A")]})

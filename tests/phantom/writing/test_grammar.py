"""The report grammar: what it says is true, its shares, its layout."""

import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from gkmvlp.anatomy import atlas
from gkmvlp.phantom.plan import FINDINGS, Finding, Phantom
from gkmvlp.phantom.writing.grammar import SCORED, as_text, merge, sentences, write_report
from gkmvlp.phantom.writing.noun_phrases import Statement
from gkmvlp.phantom.writing.report_head import head

BOX = np.array([[2, 2, 6, 6]], np.float32)


def phantom(*findings: Finding, low: bool = False) -> Phantom:
    return Phantom(np.zeros((32, 32), np.uint8), "PA", "F", 60, False, low, atlas() * 32, findings)


def finding(rng: np.random.Generator, entity: str) -> Finding:
    central = entity in ("cardiomegaly", "hernia")
    side = None if central else "bilateral" if entity in ("edema", "emphysema") else ("left", "right")[rng.integers(2)]
    zone = ("apical", "upper", "mid", "lower")[rng.integers(4)] if entity in ("nodule", "fibrosis") else None
    return Finding(entity, side, zone, ("small", "moderate", "large")[rng.integers(3)], BOX)


@pytest.fixture(scope="module")
def corpus():
    rng = np.random.default_rng(0)
    phantoms = [
        phantom(*(finding(rng, name) for name in FINDINGS if rng.random() < 0.12), low=bool(rng.random() < 0.1))
        for _ in range(1000)
    ]
    return [(each, write_report(each, rng)) for each in phantoms]


def test_nothing_absent_is_stated_and_nothing_present_denied(corpus):
    for each, report in corpus:
        for entity, status in report.stated.items():
            if status == 1:
                assert each.shows(entity) or (entity == "low lung volumes" and each.low_inspiration)
            if status == 0:
                assert not each.shows(entity)


def test_sides_and_zones_are_those_planted_and_stand_in_the_sentence(corpus):
    seen = 0
    for each, report in corpus:
        for statement, text in zip(report.statements, report.sentences, strict=True):
            if statement.status != 1 or statement.side not in ("left", "right"):
                continue
            seen += 1
            planted = [f for f in each.findings if f.entity == statement.entity and f.side == statement.side]
            assert planted, text
            assert statement.side in text.lower()
            assert statement.zone in (None, *(f.zone for f in planted))
    assert seen > 1000


def test_shares_of_certainty(corpus):
    count = Counter(report.stated.get(f.entity) for each, report in corpus for f in each.findings)
    total = sum(count.values())
    assert 0.91 < count[1] / total < 0.96
    assert 0.03 < count[-1] / total < 0.08


def test_reports_differ_and_four_in_five_have_an_impression(corpus):
    texts = [as_text(report) for _, report in corpus]
    assert len(set(texts)) > 0.995 * len(texts)
    assert 0.75 < np.mean([bool(report.impression) for _, report in corpus]) < 0.85
    assert all(report.findings or report.impression for _, report in corpus)


def test_text_has_the_official_form(corpus):
    header = re.compile(r"\n ([A-Z ()/,-]+):\s")
    for _, report in corpus:
        text = as_text(report)
        lines = text.split("\n")
        assert text.isascii()
        assert max(map(len, lines)) <= 79
        assert lines.pop() == ""
        assert " " * 33 + "FINAL REPORT" in lines
        assert all(line.startswith((" ", "____")) for line in lines)
        names = header.findall(text.split("FINAL REPORT")[1])
        assert ("FINDINGS" in names) == bool(report.findings)
        assert ("IMPRESSION" in names) == bool(report.impression)


def test_sections_hold_the_words_of_the_report(corpus):
    for _, report in corpus[:200]:
        body = " ".join(as_text(report).split())
        assert " ".join(report.findings.split()) in body
        assert " ".join(report.impression.split()) in body


def test_what_stands_around_the_findings_does_not_depend_on_them():
    ill = phantom(Finding("mass", "left", "mid", "large", BOX))
    for seed in range(50):
        assert head(np.random.default_rng(seed), ill, True) == head(np.random.default_rng(seed), phantom(), True)


def test_words_read_well():
    texts = [text for text, _ in sentences(3, 600)]
    joined = " ".join(texts)
    assert not re.search(
        r"\b[Aa] [aeiou]|\b[Aa]n (?!18|11)[^aeiou8\W]|  |\{|\}|None |\b(\w+) \1\b", joined.replace("\n", " ")
    )
    assert not re.search(r"\.[A-Za-z]|,\.|\.\.", joined)
    ends = [text[-1] for text in texts]
    assert set(ends) == {"."}


def test_sentences_are_reproducible_and_state_only_scored_entities():
    first, second = sentences(5, 40), sentences(5, 40)
    assert first == second
    assert sentences(6, 40) != first
    assert {entity for _, stated in first for entity in stated} <= set(SCORED)


def test_present_outweighs_uncertain_outweighs_absent():
    for order in pairwise((0, -1, 1, -1, 0)):
        assert merge(Statement("mass", status) for status in order) == {"mass": max(order, key=(0, -1, 1).index)}


def test_a_finding_changes_one_way_in_a_report(corpus):
    changed = 0
    for _, report in corpus:
        ways: dict[str, set[str]] = {}
        for statement in report.statements:
            if statement.comparison:
                ways.setdefault(statement.entity, set()).add(statement.comparison)
        changed += len(ways)
        assert all(len(way) == 1 for way in ways.values())
    assert changed > 100

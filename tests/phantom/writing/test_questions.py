"""Questions on phantoms: answers are true, and the question alone says little."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from gkmvlp.phantom.plan import FINDINGS
from gkmvlp.phantom.writing import question_tables as tables
from gkmvlp.phantom.writing.grammar import _undrawn
from gkmvlp.phantom.writing.questions import write_questions


@pytest.fixture(scope="module")
def corpus():
    phantoms = [_undrawn(21, index) for index in range(2000)]
    return [(each, write_questions(each, np.random.default_rng([1, i]))) for i, each in enumerate(phantoms)]


@pytest.fixture(scope="module")
def questions(corpus):
    return [question for _, asked in corpus for question in asked]


def test_answers_are_true(corpus):
    for each, asked in corpus:
        for question in asked:
            sides = {f.side for f in each.findings if f.entity == question.entity}
            if question.template in ("presence", "heart"):
                assert question.answer == ("Yes" if each.shows(question.entity) else "No")
            elif question.template == "side asked":
                named = "left" if "left" in question.question else "right"
                assert question.answer == ("Yes" if sides == {named} else "No")
            elif question.template == "view":
                assert question.answer == each.view
            elif question.template == "where":
                side, zone = question.answer.lower().split(" ", 1)
                assert {(f.side, tables.ZONE_NAMES[f.zone]) for f in each.findings if f.entity == question.entity} == {
                    (side, zone)
                }
            elif question.template in ("normal", "abnormal"):
                assert (question.answer == "Yes") == ((not each.findings) == (question.template == "normal"))


def test_no_image_is_asked_the_same_twice(corpus):
    for _, asked in corpus:
        assert len({question.question for question in asked}) == len(asked)
        assert all(question.question != question.rephrase for question in asked)


def test_shares_of_open_and_yes(questions):
    is_open = [question for question in questions if question.answer_type == "OPEN"]
    yes_no = [question for question in questions if question.answer in ("Yes", "No")]
    assert 0.40 <= len(is_open) / len(questions) <= 0.45
    assert 0.45 <= np.mean([question.answer == "Yes" for question in yes_no]) <= 0.55
    assert Counter(question.answer for question in is_open).most_common(1)[0][1] / len(is_open) <= 0.15
    assert {question.answer_type for question in yes_no} == {"CLOSED"}


def test_yes_is_balanced_for_every_template_and_finding(questions):
    groups = defaultdict(list)
    for question in questions:
        if question.answer in ("Yes", "No"):
            groups[question.template].append(question.answer == "Yes")
            if question.template == "presence":
                groups[question.entity].append(question.answer == "Yes")
    assert set(FINDINGS) - {"cardiomegaly"} <= set(groups)
    for name, answers in groups.items():
        slack = 0.06 + 2 / np.sqrt(len(answers))
        assert abs(np.mean(answers) - 0.5) < slack, name


def test_the_question_alone_is_a_poor_guide(questions):
    half = len(questions) // 2
    answers = defaultdict(Counter)
    for question in questions[:half]:
        answers[question.question][question.answer] += 1
    hits = [
        bool(answers[question.question]) and answers[question.question].most_common(1)[0][0] == question.answer
        for question in questions[half:]
    ]
    assert np.mean(hits) < 0.5


def test_six_or_so_questions_an_image_of_the_official_types(corpus, questions):
    assert 5 <= len(questions) / len(corpus) <= 8
    kinds = {"PRES", "POS", "ABN", "MODALITY", "PLANE", "SIZE", "COUNT", "ORGAN", "ATTRIB", "OTHER"}
    assert {question.question_type for question in questions} == kinds

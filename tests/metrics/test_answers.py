import json
from pathlib import Path

import pytest

from gkmvlp.metrics.answers import exact_v1, vqav2


@pytest.mark.parametrize(
    ("raw", "match"),
    [
        ("Yes", "yes"),
        (" No ", "no"),
        (12, "12"),
        ("Heart \tlungs", "heart, lungs"),
        ("Heart, lungs", "heart, lungs"),
        ("On the right  shoulder.", "on the right shoulder"),
        ("5.6 cm", "5.6 cm"),
        ("Two lungs", "two lungs"),
    ],
)
def test_exact_v1(raw, match):
    assert exact_v1(raw) == match


@pytest.mark.parametrize(
    ("raw", "match"),
    [
        ("The left lung.", "left lung"),
        ("two", "2"),
        ("none", "0"),
        ("T2-weighted", "t2 weighted"),
        ("heart, lungs", "heart lungs"),
        ("1,000", "1000"),
        ("5.6 cm", "5.6 cm"),
        ("It doesnt show a mass", "it doesn't show mass"),
        ("well", "well"),
        ("its", "its"),
    ],
)
def test_vqav2(raw, match):
    assert vqav2(raw) == match


def _real_answers(shared_data: Path) -> list[object]:
    rows = json.loads((shared_data / "vqa_rad" / "VQA_RAD Dataset Public.json").read_text())
    return [row["answer"] for row in rows]


def test_every_real_answer_normalises_cleanly(shared_data):
    answers = _real_answers(shared_data)
    assert len(answers) == 2248
    assert sum(not isinstance(answer, str) for answer in answers) == 5
    for answer in answers:
        match = exact_v1(answer)
        assert match
        assert match == match.strip()
        assert not set("\t\n") & set(match)
        assert "  " not in match
        assert ",," not in match
        assert exact_v1(match) == match
        assert vqav2(vqav2(answer)) == vqav2(answer)


def test_real_yes_and_no_in_every_spelling(shared_data):
    answers = _real_answers(shared_data)
    spellings = [a for a in answers if isinstance(a, str) and a.strip().lower().rstrip(".") in ("yes", "no")]
    assert len(set(spellings)) > 2
    assert {exact_v1(a) for a in spellings} == {"yes", "no"}


def test_coarser_rule_never_splits_what_the_finer_one_joins(shared_data):
    groups: dict[str, set[str]] = {}
    for answer in _real_answers(shared_data):
        groups.setdefault(exact_v1(answer), set()).add(vqav2(exact_v1(answer)))
    assert all(len(group) == 1 for group in groups.values())

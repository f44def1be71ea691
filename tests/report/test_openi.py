"""Real sentences of Open-i, held out from the rules; their labels hold no text."""

import json
from pathlib import Path

import pytest

from gkmvlp.app.experiments.real.labeler import label
from gkmvlp.app.experiments.real.openi_sentences import (
    DEVELOPMENT,
    HELD_OUT,
    LABELS,
    drawn,
    half_of,
    read_labels,
    reports,
    sentences,
)
from gkmvlp.errors import DataError
from gkmvlp.report.sections import report_text
from tests.report.scoring import status_f1

FILE = Path(__file__).parent / LABELS


@pytest.fixture
def table(shared_data) -> Path:
    return shared_data / "iu_xray" / "pairs.csv"


def test_halves_share_no_study(table):
    development, held_out = reports(table, DEVELOPMENT), reports(table, HELD_OUT)
    assert not development.keys() & held_out.keys()
    assert 0.45 < len(development) / (len(development) + len(held_out)) < 0.55
    assert all(half_of(study) == HELD_OUT for study in held_out)


def test_what_is_labelled_was_drawn(table):
    rows = json.loads(FILE.read_text())["sentences"]
    named = {(row["study"], row["start"], row["sha256"]) for row in rows}
    assert named == {(one.study, one.start, one.digest) for one in drawn(table, len(rows))}


def test_sentences_lie_where_they_say(table):
    texts = reports(table, HELD_OUT)
    assert all(texts[one.study][one.start : one.end] == one.text for one in sentences(table, HELD_OUT)[:500])


def test_labels_hold_no_text():
    assert all(
        set(row) == {"study", "start", "end", "sha256", "status"} for row in json.loads(FILE.read_text())["sentences"]
    )


def test_status_f1_of_held_out_sentences(table):
    rows = read_labels(FILE, table)
    score = status_f1([label(text) for text, _ in rows], [stated for _, stated in rows])
    if score < 0.93:
        pytest.fail(f"status F1 on held-out sentences is {score:.4f}, expected at least 0.93", pytrace=False)


def test_another_table_is_refused(tmp_path):
    (tmp_path / "pairs.csv").write_text("patient_id,report\n1,Clear lungs.\n")
    with pytest.raises(DataError, match="is not the report"):
        read_labels(FILE, tmp_path / "pairs.csv")


def test_texts_without_headers_are_read_whole(table):
    """Development half: no word of the report is lost, but what forms add."""
    for text in list(reports(table, DEVELOPMENT).values())[:400]:
        if ":" not in text and "<" not in text:
            kept = [letter for letter in report_text(text) if letter.isalnum()]
            assert kept == [letter for letter in text if letter.isalnum()]

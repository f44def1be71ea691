"""Sentence ends."""

from itertools import pairwise

import pytest

from gkmvlp.report.sentences import split_sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No effusion. No pneumothorax.", ["No effusion.", "No pneumothorax."]),
        ("no effusion. no pneumothorax", ["no effusion.", "no pneumothorax"]),
        ("Discussed with Dr. Smith at 9:05 a.m. by phone. Clear.",
         ["Discussed with Dr. Smith at 9:05 a.m. by phone.", "Clear."]),
        ("A nodule of 2.5 cm. in the left lung.", ["A nodule of 2.5 cm. in the left lung."]),
        ("A nodule of 2.5 cm. No mass.", ["A nodule of 2.5 cm.", "No mass."]),
        ("1. Small effusion. 2. No pneumothorax.", ["Small effusion.", "No pneumothorax."]),
        ("1. Small effusion 2. No pneumothorax", ["Small effusion", "No pneumothorax"]),
        ("IMPRESSION: 1) Edema.\n 2) Mass.", ["IMPRESSION: 1) Edema.", "Mass."]),
        ("The heart\n is enlarged.", ["The heart\n is enlarged."]),
        ("Clear lungs\n \n No effusion", ["Clear lungs", "No effusion"]),
        ("- Edema\n- No mass", ["Edema", "No mass"]),
        ("No mass.Edema is seen.the heart", ["No mass.", "Edema is seen.", "the heart"]),
        ("Edema\nNo mass\nPICC is seen", ["Edema", "No mass", "PICC is seen"]),
        ("The tip of the\nPICC is seen in the\nSVC", ["The tip of the\nPICC is seen in the\nSVC"]),
        ("\u2022 Edema \u2022 No mass", ["Edema", "No mass"]),
        ("No edema The heart is large", ["No edema", "The heart is large"]),
        ("neg. for mass", ["neg. for mass"]),
        ("Effusion? No.", ["Effusion?", "No."]),
        ("Seen by J. Smith.", ["Seen by J. Smith."]),
        ("", []),
        (" . ___ .", []),
    ],
)  # fmt: skip
def test_split(text: str, expected: list[str]) -> None:
    assert [sentence.text for sentence in split_sentences(text)] == expected


def test_spans_index_into_the_text() -> None:
    text = "  1. Small effusion.\n\n 2. The heart\n is large (3.5 cm.) and stable.  Dr. X agrees!"
    sentences = split_sentences(text)
    assert len(sentences) == 3
    assert all(text[sentence.start : sentence.end] == sentence.text for sentence in sentences)
    assert all(one.end <= other.start for one, other in pairwise(sentences))

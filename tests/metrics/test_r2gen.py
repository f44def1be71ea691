"""R2Gen's protocol, against examples worked by hand and a corpus small enough to count."""

import pandas as pd
import pytest

from gkmvlp.metrics import assemble
from gkmvlp.metrics.r2gen import KEPT, UNKNOWN, as_scored, frequent_words, r2gen_task, r2gen_words

META = {"task": "report_generation", "data": "openi", "split": "r2gen", "signature": {}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The heart is normal. No effusion.", "the heart is normal . no effusion ."),
        ("Heart (size) normal, stable/new; no T-spine change...", "heart size normal stablenew no t-spine change ."),
        ("1. Clear lungs. 2. Old fracture. 3. XXXX.", "clear lungs . old fracture . xxxx ."),
        ("Opacity 2. 4 cm nodule.", "opacity . 4 cm nodule ."),
        ("\"Borderline\" heart's size: 55%", "borderline hearts size 55 ."),
        ("no stop at the end", "no stop at the end ."),
    ],
)  # fmt: skip
def test_words_of_examples(text, words):
    assert r2gen_words(text) == words.split()


def test_rare_words_and_long_reports_are_cut():
    training = ["clear lungs."] * 2 + ["clear heart."]
    assert frequent_words(training) == {"clear", "."}
    assert as_scored("Clear lungs.", frequent_words(training)) == ["clear", UNKNOWN, "."]
    assert len(as_scored("clear " * 100, {"clear"})) == KEPT


def test_an_unknown_word_hits_another_and_stops_count():
    """Generated "clear <unk> ." against the reference "clear <unk> .": all words hit, though none of the rare do."""
    table = pd.DataFrame(
        {"sample_id": ["a"], "patient_id": ["a"], "model": "pretrained", "seed": 0,
         "prediction": ["Clear pleura."], "target": ["Clear hila."]}
    )  # fmt: skip
    found = {figure.name: figure for figure in assemble.figures(r2gen_task({"clear", "."}), table, META)}
    assert {figure.label for figure in found.values()} == {"r2gen"}
    assert found["bleu_3"].value == pytest.approx(1)
    assert found["rouge_l"].value == pytest.approx(1)
    knowing = r2gen_task({"clear", ".", "pleura", "hila"})
    plain = {figure.name: figure.value for figure in assemble.figures(knowing, table, META)}
    assert [plain["bleu_1"], plain["rouge_l"]] == pytest.approx([2 / 3] * 2)

"""What a question asks about, and whether training named it."""

import pytest

from gkmvlp.tasks.parts.scope import Scope, things

TRAINED = things([
    "Is there cardiomegaly?", "Is the aorta tortuous?", "Which side is the mass on?", "Are there enlarged nodes?",
    "What kind of image is this?", "Is a catheter visible?", "Is the trachea midline?", "yes", "no", "x-ray",
])  # fmt: skip


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("Is there a giraffe?", ["giraffe"]),
        ("Is there a giraffe in the image?", ["giraffe"]),
        ("In this film, is there any sign of a banana?", ["banana"]),
        ("Does the radiograph show bicycles near the heart?", ["bicycles"]),
        ("Can you see a submarine beside the left lung?", ["submarine"]),
        ("Is it a violin or a trumpet?", ["violin", "trumpet"]),
        ("Any umbrellas?", ["umbrellas"]),
        ("IS THERE A GIRAFFE", ["giraffe"]),
        ("Is there a giraffe or a mass?", []),  # one of both is known
        ("Are catheters seen?", []),
        ("Is there enlargement of the node?", []),
        ("Is the heart large?", []),  # organs are known of every chest
        ("Is there a hilar abnormality?", []),
        ("Is the left costophrenic angle sharp?", []),
        ("Is this normal?", []),
        ("Is there anything?", []),
        ("\u56fe\u4e2d\u6709\u957f\u9888\u9e7f\u5417\uff1f", []),  # no words
        ("What is the giraffe doing?", []),  # no yes and no
        ("", []),
    ],
)
def test_what_no_training_question_named_lies_outside(question, found):
    scope = Scope(["pneumothorax"], ["yes", "no", "left"], ["cardiomegaly", "mass"], TRAINED)
    assert scope.outside(question) == found
    assert scope.holds(question) == (not found)


def test_without_words_only_findings_are_told():
    scope = Scope(["pneumothorax"], ["yes", "no"])
    assert [scope.holds(f"Is there a {what}?") for what in ("pneumothorax", "hernia", "giraffe")] == [True, False, None]

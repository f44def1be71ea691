"""What stands around a cue: each question on a sentence of which the answer is yes, and on one of which it is no."""

import pytest

from gkmvlp.report import surroundings


@pytest.mark.parametrize(
    ("question", "word", "yes", "no"),
    [
        (surroundings.is_awaited, "resolution", "repeat film to document resolution", "interval resolution of edema"),
        (surroundings.is_elsewhere, "none", "right effusion, none on the left", "effusion: none"),
        (surroundings.is_elsewhere, "none", "left small, right none", "left or right none"),
        (surroundings.is_left_open, "not seen", "the effusion is small or not seen", "the effusion is not seen"),
        (surroundings.takes_up, "cannot", "although it cannot be excluded", "although edema cannot be excluded"),
    ],
)
def test_what_stands_before_or_behind_a_cue(question, word, yes, no):
    assert question(yes, yes.index(word), 0)
    assert not question(no, no.index(word), 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no effusion; heart is large", ["; heart is large"]),
        ("although there is edema, no effusion", [", no effusion"]),
        ("although edema, effusion and nodules are old, no mass", [", no mass"]),
        ("edema, effusion and nodules", []),
    ],
)
def test_a_sentence_falls_in_two(text, words):
    assert [text[place:] for place in surroundings.splits_of(text)] == words


@pytest.mark.parametrize("gap", [" or ", " and/or ", "/", ", or "])
def test_alternatives(gap):
    assert surroundings.is_alternative(gap)
    assert not surroundings.is_alternative(gap.replace("or", "and").replace("/", ","))

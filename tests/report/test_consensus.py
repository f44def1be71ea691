"""The draft that agrees most with the others, against naive sets."""

import numpy as np
import pytest

from gkmvlp.report.consensus import f1_of_pairs, most_agreed


def test_f1_of_pairs_is_that_of_sets():
    present = np.random.default_rng(0).random((9, 5)) < 0.4
    present[:2] = False
    sets = [set(np.flatnonzero(row)) for row in present]
    wanted = [[2 * len(a & b) / (len(a) + len(b)) if a | b else 1.0 for b in sets] for a in sets]
    np.testing.assert_allclose(f1_of_pairs(present), wanted)


@pytest.mark.parametrize(
    ("drafts", "taken"),
    [
        (["The lungs are clear."], 0),
        (["No pleural effusion.", "A left pleural effusion is seen.", "There is pleural effusion and edema."], 1),
        (["Edema.", "The lungs are clear.", "No acute disease.", "The heart is not enlarged."], 1),
        (["Edema.", "Pneumothorax on the left.", "Pneumothorax."], 1),
    ],
)
def test_the_report_that_says_what_most_say_is_taken(drafts, taken):
    assert most_agreed(drafts) == taken

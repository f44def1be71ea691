"""The draft that agrees most with the others, against naive sets."""

import numpy as np
import pytest

from gkmvlp.entities import ENTITIES, ENTITY_INDEX
from gkmvlp.report.consensus import f1_of_pairs, most_agreed, soft_f1

NOTHING = np.full(len(ENTITIES), np.nan)


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
    assert most_agreed(drafts, NOTHING, 0.0) == taken


def test_soft_f1_of_sure_sets_is_f1_of_pairs():
    present = np.random.default_rng(1).random((9, 5)) < 0.4
    present[0] = False
    for row, wanted in zip(present, f1_of_pairs(present), strict=True):
        np.testing.assert_allclose(soft_f1(present, row.astype(float)), wanted)


def test_soft_f1_counts_parts():
    # shared 0.5 + 0.25 of sets of 2 and 0.5 + 0.25 + 1 members
    found = soft_f1(np.array([[True, True, False]]), np.array([0.5, 0.25, 1.0]))
    np.testing.assert_allclose(found, [2 * 0.75 / (2 + 1.75)])


@pytest.mark.parametrize(("trust", "taken"), [(0.0, 1), (0.3, 1), (0.9, 0), (1.0, 0)])
def test_the_head_outvotes_the_drafts_where_it_is_trusted(trust, taken):
    belief = NOTHING.copy()
    belief[[ENTITY_INDEX["edema"], ENTITY_INDEX["pneumothorax"]]] = 0.9, 0.0
    assert most_agreed(["Edema.", "Pneumothorax.", "Pneumothorax on the left."], belief, trust) == taken


def test_where_the_head_says_nothing_the_drafts_speak_for_it():
    drafts = ["The lungs are clear.", "Edema.", "Edema is seen."]
    assert most_agreed(drafts, NOTHING, 1.0) == 1

"""Which of several drafts of a report agrees most with the others, and with what the entity head believes.

Minimum Bayes risk decoding (Eikema & Aziz, EMNLP 2022) with the F1 of entities called present as utility: the likeliest
text leaves findings out, as each can be said in many ways and each absence in few; drafts that are drawn do not.
K drafts, E entities.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gkmvlp.report.labeler import label_report, statuses

Belief = NDArray[np.floating[Any]]


def most_agreed(drafts: Sequence[str], belief_E: Belief, trust: float) -> int:
    """Place of the draft whose entities agree most with those of the others and with a belief; of equals the first.

    A draft is worth ``(1 - trust)`` times its mean F1 against the other drafts, and ``trust`` times its F1 against the
    belief, a set to which each entity belongs in part.

    Args:
        drafts: K texts.
        belief_E: Probability that each entity is present, (E,) in the order of ``ENTITIES``; NaN where nothing is
            believed: the share of the drafts that say so stands in.
        trust: Weight of the belief, in [0, 1].
    """
    present_KE = np.array([statuses(label_report(draft)) == 1 for draft in drafts])
    agreement_KK = f1_of_pairs(present_KE)
    worth_K = (agreement_KK.sum(1) - agreement_KK.diagonal()) / max(1, len(drafts) - 1)
    expected_E = np.where(np.isnan(belief_E), present_KE.mean(0), belief_E)
    return int(((1 - trust) * worth_K + trust * soft_f1(present_KE, expected_E)).argmax())


def soft_f1(present_KE: NDArray[np.bool_], expected_E: Belief) -> NDArray[np.float64]:
    """F1 of every set with one to which entities belong in part, (K,): 2 shared / (one + other)."""
    shared_K = present_KE.astype(float) @ expected_E
    both_K = present_KE.sum(1) + expected_E.sum()
    return np.divide(2 * shared_K, both_K, out=np.ones_like(shared_K), where=both_K > 0)


def f1_of_pairs(present_KE: NDArray[np.bool_]) -> NDArray[np.float64]:
    """F1 of every two sets, (K, K): 2 shared / (one + other); two empty sets agree wholly."""
    shared_KK = present_KE.astype(float) @ present_KE.T.astype(float)
    size_K = shared_KK.diagonal()
    both_KK = size_K[:, None] + size_K
    return np.divide(2 * shared_KK, both_KK, out=np.ones_like(both_KK), where=both_KK > 0)

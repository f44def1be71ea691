"""Which of several drafts of a report agrees most with the others.

Minimum Bayes risk decoding (Eikema & Aziz, EMNLP 2022) with the F1 of entities called present as utility: the likeliest
text leaves findings out, as each can be said in many ways and each absence in few; drafts that are drawn do not.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gkmvlp.report.labeler import label_report, statuses


def most_agreed(drafts: Sequence[str]) -> int:
    """Place of the draft with the highest mean F1 of its entities against those of the others; of equals the first."""
    present_KE = np.array([statuses(label_report(draft)) == 1 for draft in drafts])
    agreement_KK = f1_of_pairs(present_KE)
    return int((agreement_KK.sum(1) - agreement_KK.diagonal()).argmax())


def f1_of_pairs(present_KE: NDArray[np.bool_]) -> NDArray[np.float64]:
    """F1 of every two sets, (K, K): 2 shared / (one + other); two empty sets agree wholly."""
    shared_KK = present_KE.astype(float) @ present_KE.T.astype(float)
    size_K = shared_KK.diagonal()
    both_KK = size_K[:, None] + size_K
    return np.divide(2 * shared_KK, both_KK, out=np.ones_like(both_KK), where=both_KK > 0)

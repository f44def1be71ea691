"""BLEU over a corpus (Papineni et al., ACL 2002), as the captioning field computes it.

The definition is that of pycocoevalcap with one reference: n-gram precisions of all reports together, clipped by the
reference's counts; their geometric mean up to n; a brevity penalty from the total lengths. Its two small constants are
kept, so that a corpus without a common n-gram has the field's value, close to 0.

All of it follows from ten sums over reports, so a resample of patients is one row of a matrix product.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gkmvlp.metrics.auroc import FloatArray
from gkmvlp.metrics.bootstrap import sum_curves
from gkmvlp.metrics.words import LONGEST, Words, ngrams

_TINY, _SMALL = 1e-15, 1e-9


def bleu_counts(prediction: Words, reference: Words) -> list[int]:
    """Ten counts of a report: hits and n-grams for n = 1 to 4, then words generated and words of the reference."""
    out: list[int] = []
    for n in range(1, LONGEST + 1):
        generated = ngrams(prediction, n)
        out += [(generated & ngrams(reference, n)).total(), generated.total()]
    return [*out, len(prediction), len(reference)]


def bleu(counts: FloatArray) -> FloatArray:
    """BLEU-1 to BLEU-4.

    Args:
        counts: Sums over reports of what ``bleu_counts`` gives, (..., 10).

    Returns:
        (..., 4) in [0, 1]; NaN where there is no word in any reference.
    """
    hits, total = counts[..., 0:8:2], counts[..., 1:8:2]
    precision = (hits + _TINY) / (total + _SMALL)
    mean = np.exp(np.log(precision).cumsum(-1) / np.arange(1, LONGEST + 1))
    generated_length, reference_length = counts[..., 8:9], counts[..., 9:10]
    ratio = (generated_length + _TINY) / (reference_length + _SMALL)
    penalty = np.exp(np.minimum(0.0, 1 - 1 / ratio))
    return np.where(reference_length > 0, mean * penalty, np.nan)


def bleu_curves(
    pairs: Sequence[tuple[Words, Words]], unit_N: NDArray[np.intp], counts_VG: NDArray[np.uint16]
) -> FloatArray:
    """BLEU-1 to BLEU-4 under each weighting, (4, V).

    Args:
        pairs: N reports, generated and reference.
        unit_N: Column of ``counts_VG`` of each report.
        counts_VG: How often each unit was drawn.
    """
    counts_N10 = np.array([bleu_counts(*pair) for pair in pairs], float).reshape(-1, 2 * LONGEST + 2)
    return bleu(sum_curves(counts_N10, unit_N, counts_VG)).T

"""CIDEr of reports (Vedantam et al., CVPR 2015).

What the field calls CIDEr is what pycocoevalcap's ``Cider`` computes, and that is the paper's CIDEr-D without stemming:
cosine similarity of tf-idf vectors for n = 1 to 4, counts clipped by the reference's, times a Gaussian of the
difference in length (sigma 6 words), averaged over n, times 10. Document frequencies are those of the references that
are scored; a resample keeps them.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from gkmvlp.metrics.auroc import FloatArray
from gkmvlp.metrics.words import LONGEST, Words, ngrams

SIGMA = 6.0
Gram = tuple[str, ...]


def cider_d(pairs: Sequence[tuple[Words, Words]]) -> FloatArray:
    """CIDEr-D of each report (N,), in [0, 10]; NaN for fewer than two: then every word is in every reference.

    Args:
        pairs: N reports, generated and reference.
    """
    score_NL = np.full((len(pairs), LONGEST), np.nan)
    for n in range(1, LONGEST + 1 if len(pairs) > 1 else 0):
        generated, references = ([ngrams(pair[side], n) for pair in pairs] for side in (0, 1))
        in_references = Counter(gram for grams in references for gram in grams)
        idf = {gram: math.log(len(pairs) / count) for gram, count in in_references.items()}
        most = math.log(len(pairs))  # of a gram that no reference has
        weighted = ([_tf_idf(grams, idf, most) for grams in side] for side in (generated, references))
        score_NL[:, n - 1] = [_similarity(a, b) for a, b in zip(*weighted, strict=True)]
    longer_N = np.array([len(generated) - len(reference) for generated, reference in pairs], float)
    return 10 * score_NL.mean(1) * np.exp(-(longer_N**2) / (2 * SIGMA**2))


def _tf_idf(grams: Mapping[Gram, int], idf: Mapping[Gram, float], most: float) -> dict[Gram, float]:
    """Term frequency times inverse document frequency."""
    return {gram: count * idf.get(gram, most) for gram, count in grams.items()}


def _similarity(generated: Mapping[Gram, float], reference: Mapping[Gram, float]) -> float:
    """Cosine of two vectors, the first clipped by the second; 0 where one is null."""
    shared = sum(
        min(weight, reference[gram]) * reference[gram] for gram, weight in generated.items() if gram in reference
    )
    norms = math.hypot(*generated.values()) * math.hypot(*reference.values())
    return shared / norms if norms else 0.0

"""ROUGE-L of a report: the F-measure of the longest common subsequence (Lin, ACL workshop 2004), beta = 1.2."""

from gkmvlp.metrics.words import Words

BETA = 1.2  # recall weighs more than precision, as in pycocoevalcap; torchmetrics and rouge-score have 1


def common_subsequence(a: Words, b: Words) -> int:
    """Length of the longest common subsequence.

    One addition of long integers a word of ``b`` (Hyyro, Australasian Workshop on Combinatorial Algorithms 2004): bit i
    is 0 where the subsequence with the first i + 1 words of ``a`` is longer than that with the first i.
    """
    places: dict[str, int] = {}
    for place, word in enumerate(a):
        places[word] = places.get(word, 0) | 1 << place
    full = row = (1 << len(a)) - 1
    for word in b:
        match = row & places.get(word, 0)
        row = ((row + match) | (row - match)) & full
    return len(a) - row.bit_count()


def rouge_l(prediction: Words, reference: Words) -> float:
    """ROUGE-L of one report, in [0, 1]; 0 where nothing was generated.

    Args:
        prediction: What was generated.
        reference: What was to be said; not empty.
    """
    common = common_subsequence(prediction, reference)
    if not common:
        return 0.0
    precision, recall = common / len(prediction), common / len(reference)
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)

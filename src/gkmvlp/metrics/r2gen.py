"""Reports of IU X-Ray as R2Gen scores them (Chen et al., EMNLP 2020, and the code that its authors published).

Their figures stand in most papers on this data set, and are no figures of plain text: everything is in lower case
without punctuation, but each full stop is a word of its own; what is rare in the training reports is ``<unk>`` on both
sides, where it counts as a hit; what follows the first 59 words is left out.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gkmvlp.metrics.assemble import Key, Scored, Task
from gkmvlp.metrics.bleu import bleu_curves
from gkmvlp.metrics.bootstrap import mean_curve
from gkmvlp.metrics.rouge import BETA, rouge_l
from gkmvlp.metrics.words import LONGEST, Words

LABEL = "r2gen"
UNKNOWN = "<unk>"
KEPT = 59  # 60 with the mark of the start
FEWEST = 3  # times that a word stands in the training reports
_LISTED = range(2, 6)  # numbers of list items that are taken out; a 1 is taken out wherever it stands before a stop
_DROPPED = re.compile(r"""[].,?;*!%^&_+():<=>@[{}"'/\\]""")


def r2gen_words(text: str) -> Words:
    """Words of a report, a full stop behind each sentence among them.

    Args:
        text: A report as the data set has it, ``XXXX`` included.
    """
    for _ in range(3):
        text = text.replace("..", ".")
    text = text.replace("1. ", "")
    for before in (". ", " "):
        for number in _LISTED:
            text = text.replace(f"{before}{number}. ", ". ")
    sentences = [_DROPPED.sub("", sentence).strip() for sentence in text.strip().lower().split(". ")]
    return (" . ".join(sentences) + " .").split()


def frequent_words(reports: Iterable[str], fewest: int = FEWEST) -> frozenset[str]:
    """Words that stand ``fewest`` times or more in the training reports."""
    counts = Counter(word for report in reports for word in r2gen_words(report))
    return frozenset(word for word, count in counts.items() if count >= fewest)


def as_scored(text: str, known: Collection[str]) -> Words:
    """What is scored of a report: its first 59 words, unknown ones replaced."""
    return [word if word in known else UNKNOWN for word in r2gen_words(text)[:KEPT]]


def r2gen_task(known: Collection[str]) -> Task:
    """BLEU-1 to BLEU-4 and ROUGE-L under this protocol, labelled ``r2gen``.

    Args:
        known: ``frequent_words`` of the training reports.
    """
    names = [f"bleu_{n}" for n in range(1, LONGEST + 1)]

    def score(block: pd.DataFrame, unit_N: NDArray[np.intp], counts_VG: NDArray[np.uint16]) -> dict[Key, Scored]:
        texts = zip(block["prediction"], block["target"], strict=True)
        pairs = [(as_scored(generated, known), as_scored(reference, known)) for generated, reference in texts]
        curves = dict(zip(names, bleu_curves(pairs, unit_N, counts_VG), strict=True))
        curves["rouge_l"] = mean_curve(np.array([rouge_l(*pair) for pair in pairs]), unit_N, counts_VG)
        return {Key(name, LABEL): Scored(curve_V, np.ones(len(block), bool)) for name, curve_V in curves.items()}

    def parts(key: Key) -> dict[str, str]:
        own = {"average": "images", "beta": str(BETA)} if key.name == "rouge_l" else {"average": "corpus"}
        return {**own, "tokens": "R2Gen's, stops are words", "refs": f"first {KEPT} words, {FEWEST} times in training"}

    return Task(
        columns={"target": "text", "prediction": "text"},
        unit="image",
        score=score,
        parts=parts,
        notes=lambda rows: {},
    )

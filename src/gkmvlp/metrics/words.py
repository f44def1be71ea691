"""Words and n-grams of a report, as the text figures count them."""

import re
from collections import Counter

Words = list[str]
TOKENS = "lower-case runs of letters and digits"  # for the signature
LONGEST = 4  # of n-grams

_WORD = re.compile(r"[^\W_]+")


def words(text: str) -> Words:
    """Runs of letters and digits in lower case; all else parts them and is dropped.

    So neither case nor the blanks that a tokenizer leaves around a hyphen or a full stop change a figure.
    """
    return _WORD.findall(text.lower())


def ngrams(tokens: Words, length: int) -> Counter[tuple[str, ...]]:
    """How often each run of ``length`` words occurs."""
    return Counter(zip(*(tokens[start:] for start in range(length)), strict=False))

"""When two answers count as the same: the match rules of visual question answering.

``exact_v1`` is the rule of every main figure. ``vqav2`` is the field's other rule, the normalisation of the VQA v2
challenge (Antol et al., ICCV 2015; Goyal et al., CVPR 2017), kept as a second figure with a signature of its own.
Both are idempotent, so text that was normalised by a DataModule may be normalised again.
"""

import re

_ARTICLES = frozenset({"a", "an", "the"})
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBERS = {"none": "0"} | {word: str(number) for number, word in enumerate(_DIGITS)}
# Ending -> the words it joins. Answers lose the apostrophe; spellings that are words of their own without it (hell,
# ill, its, shed, shell, were, wed, well, id) are not in the list.
_ENDINGS = {
    "n't": ("ai", "are", "ca", "could", "did", "do", "does", "had", "has", "have", "is", "might", "must", "need",
            "ought", "sha", "should", "was", "were", "wo", "would"),
    "'s": ("he", "how", "let", "she", "someone", "something", "that", "there", "what", "when", "where", "who", "why"),
    "'ve": ("could", "i", "might", "must", "should", "they", "we", "who", "would", "you"),
    "'d": ("he", "it", "that", "there", "they", "who", "you"),
    "'ll": ("it", "that", "they", "what", "who", "you"),
    "'re": ("there", "they", "what", "you"),
    "'m": ("i",),
}  # fmt: skip
_CONTRACTIONS = {word + ending.replace("'", ""): word + ending for ending, words in _ENDINGS.items() for word in words}
_MARKS = ';/[]"{}()=+\\_-><@`,?!'
_COMMA_IN_NUMBER = re.compile(r"\d,\d")
_LOOSE_STOP = re.compile(r"\.(?!\d)")


def exact_v1(answer: object) -> str:
    """The match rule ``exact-v1``: equal strings after the accidents of spelling are gone.

    VQA-RAD lost commas to tabs ("Heart <tab>lungs"), so a tab with the blanks around it becomes a comma and a blank
    ("heart, lungs"). Then lower case, runs of blanks collapsed, ends stripped, final full stops dropped. Nothing
    else changes: other punctuation, articles and number words keep counting.

    Args:
        answer: The answer; numbers (five rows of VQA-RAD hold integers) count as their decimal text.
    """
    text = re.sub(r"\s*\t\s*", ", ", str(answer).strip())
    return " ".join(text.lower().split()).rstrip(" .")


def _without_marks(text: str) -> str:
    """Punctuation dropped where it touches a blank, else a blank, so that "t2-weighted" is two words.

    One number written with a comma ("1,000") makes every mark of the answer vanish: so does the challenge's script.
    """
    number = _COMMA_IN_NUMBER.search(text) is not None
    out = text
    for mark in _MARKS:
        loose = f"{mark} " in text or f" {mark}" in text
        out = out.replace(mark, "" if number or loose else " ")
    return _LOOSE_STOP.sub("", out)


def vqav2(answer: object) -> str:
    """The normalisation of the VQA v2 challenge: punctuation, case, number words, articles, contractions.

    Args:
        answer: The answer; numbers count as their decimal text.
    """
    words = _without_marks(" ".join(str(answer).split())).lower().split()
    words = [_NUMBERS.get(word, word) for word in words]
    return " ".join(_CONTRACTIONS.get(word, word) for word in words if word not in _ARTICLES)

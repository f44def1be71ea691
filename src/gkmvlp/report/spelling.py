"""Misspelt medical words are read as what they were meant to be."""

import difflib
import re

from gkmvlp.report.lexicon import TERMS
from gkmvlp.report.patterns import KeptByText

_TARGETS = (
    "atelectasis", "cardiomegaly", "cardiac", "consolidation", "consolidations", "silhouette", "mediastinum",
    "mediastinal",
    "fracture", "fractures", "nodule", "nodules", "opacity", "opacities", "opacification", "effusion", "effusions",
    "pleural", "thickening", "pneumonia", "pneumothorax", "infiltrate", "infiltrates", "infiltration", "emphysema",
    "fibrosis", "hernia", "congestion", "vascular", "interstitial", "bronchiectasis", "granuloma", "granulomas",
    "scarring",
    "tortuous", "calcification", "calcifications", "calcified", "hemidiaphragm", "hyperinflation", "subcutaneous",
    "scoliosis", "degenerative", "endotracheal", "nasogastric", "catheter", "pacemaker", "sternotomy", "cavitary",
    "enlarged", "enlargement", "costophrenic", "pulmonary", "evidence", "without", "unremarkable", "resolved",
    "removed",
)  # fmt: skip
_KNOWN = frozenset(
    (*_TARGETS, "resolve", "resolves", "remove", "removes", "enlarges", "enlarge", "interstitium", "pleura")
)
_BY_LETTER = {letter: [word for word in _TARGETS if word[0] == letter] for letter in {word[0] for word in _TARGETS}}
# Words that run together with what stands behind them, and before them.
_RUN_TOGETHER = re.compile(
    r"(no|nor?|or|and|with(?:out)?|of|for|is|are|the|any|focal|pleural|acute|pulmonary|lobar|right|left|small|mild|large"
    r"|bibasilar|definite|clear|normal|heart|cardiac)(?=[a-z]{4})(.+)"
)
_RUN_ON = re.compile(r"(.{6,})(is|are|and|or|with|in|at|seen)$")
_SAID = frozenset(
    {"size", "without", "silhouette", "clear", "normal", "enlarged", "unremarkable", "intact", "stable", "unchanged"}
)
_SHORT_TARGETS = (
    "clear", "lungs", "heart", "small", "large", "right", "acute", "focal", "edema", "chest", "bases", "tubes", "lines",
)  # fmt: skip
# Short words with two letters in a row changed about: "claer".
_SWAPPED = {
    f"{word[:at]}{word[at + 1]}{word[at]}{word[at + 2 :]}": word
    for word in _SHORT_TARGETS
    for at in range(len(word) - 1)
}
_WORD = re.compile(r"[a-z]{5,}")
_SHORTEST = 6  # of words that are put right by what is near them


def is_known(word: str) -> bool:
    """Whether a word in lower case is one of the reports' vocabulary."""
    return word in _KNOWN or bool(TERMS.find(word))


def _meant(word: str) -> str:
    """The target that a word was meant to be; the word itself where it is a wording already or nothing is near.

    Two words that ran together are parted: "focalconsolidation", "effusionis".
    """
    if is_known(word):
        return word
    if len(word) < _SHORTEST:
        return _SWAPPED.get(word, word)
    if (two := _RUN_TOGETHER.match(word)) and (_is_named(two[2]) or two[2] in _SAID):
        return f"{two[1]} {two[2]}"
    if (two := _RUN_ON.match(word)) and _is_named(two[1]):
        return f"{two[1]} {two[2]}"
    near = difflib.get_close_matches(word, _BY_LETTER.get(word[0], ()), 1, cutoff=0.86)
    return near[0] if near else word


def _is_named(word: str) -> bool:
    """Whether a word is as a whole the name of a finding."""
    return len(word) > 5 and any(hit.end == len(word) and hit.value[0] == "term" for hit in TERMS.find(word))


_MEANT = KeptByText(_meant)


def corrected(text: str) -> str:
    """Lower-case text with misspelt words of the reports' vocabulary put right; its length may change."""
    words = _WORD.findall(text)
    if list(map(_MEANT.__getitem__, words)) == words:
        return text
    return _WORD.sub(lambda match: _MEANT[match[0]], text)

"""What de-identification left in a report: ``___`` in MIMIC-CXR, ``XXXX`` in Open-i."""

import re

_LINES = re.compile(r"_{2,}")
_FILM = re.compile(r"\b(x)[ -]X{4,}\b", re.IGNORECASE)
_CROSSES = re.compile(r"\w*X{4,}\w*(?:[-/]\w*X{4,}\w*)*-?", re.IGNORECASE)
_BEFORE_MARK = re.compile(r"[ \t]+(?=[.,;:])")
_DOUBLE_MARK = re.compile(r"[,;:](?=[ \t]*[.,;:])")


def without_redactions(text: str) -> str:
    """The text without the marks of de-identification, so that no model learns to write them.

    ``x-XXXX`` becomes x-ray, of which Open-i's tool took the second half for a name. Punctuation that a removed
    ``XXXX`` leaves alone ("dated XXXX, XXXX.") goes with it.

    Args:
        text: A report or a part of one.
    """
    text = _LINES.sub(" ", text)
    if not _CROSSES.search(text):
        return text
    text = _CROSSES.sub(" ", _FILM.sub(r"\1-ray", text))
    return _DOUBLE_MARK.sub("", _BEFORE_MARK.sub("", text))

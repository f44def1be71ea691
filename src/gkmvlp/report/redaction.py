"""``XXXX``, which de-identification left in the reports of Open-i where a name, a date or more was."""

import re

_FILM = re.compile(r"\b(x)[ -]X{4,}\b", re.IGNORECASE)
_MARK = re.compile(r"\b\w*X{4,}\w*(?:[-/]\w*X{4,}\w*)*-?", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t]{2,}")
_BEFORE_STOP = re.compile(r"[ \t]+(?=[.,;:])")
_DOUBLE_STOP = re.compile(r"[,;:](?=[.,;:])|\.(?=[ \t]*\.(?!\d))")


def without_redactions(text: str) -> str:
    """The text without the marks of de-identification, so that no model learns to write them.

    ``x-XXXX`` becomes x-ray, of which Open-i's tool took the second half for a name. A word that a mark is part of goes
    with it, as do the commas that it leaves alone ("dated XXXX, XXXX.").

    Args:
        text: A report in one line, or a part of one.
    """
    if not _MARK.search(text):
        return text
    text = _BLANKS.sub(" ", _MARK.sub(" ", _FILM.sub(r"\1-ray", text)))
    return _DOUBLE_STOP.sub("", _BEFORE_STOP.sub("", text)).strip()

"""Texts as callers and file systems give them."""

import unicodedata
from collections.abc import Iterable


def as_texts(texts: str | Iterable[str]) -> list[str]:
    """The texts; a bare string is one text, not a list of letters.

    Raises:
        TypeError: If something else than texts is among them.
    """
    if isinstance(texts, str):
        return [texts]
    listed = list(texts)
    for place, text in enumerate(listed):
        if not isinstance(text, str):
            raise TypeError(f"a list of texts was expected, got {type(text).__name__} at place {place}")
    return listed


def printable(text: str) -> str:
    """A text that any terminal shows in one line: line breaks, controls and bytes that are no text become escapes.

    Names of files may hold all of them.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def letters(name: str) -> str:
    """A name without case, blanks and marks, its accents written in one of the two ways there are."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return "".join(filter(str.isalnum, text)) or text

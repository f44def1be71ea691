"""From text to sentences, each with its place in the text."""

import re
from dataclasses import dataclass

_BREAK = re.compile(r"(?:[.!]|(?<![\s,(])\?)+[)\"']?(?=\s|$)|\n[ \t]*\n\s*|\n(?=[ \t]*(?:[-*]|\d{1,2}[.)])[ \t])")
_LAST_WORD = re.compile(r"(\S+)$")
_TITLES = frozenset({"dr", "drs", "mr", "mrs", "ms", "prof", "st", "vs", "e.g", "i.e", "approx", "cf", "fig", "incl"})
# Behind these a sentence ends only where the next word begins with a capital.
_UNITS = frozenset({"cm", "mm", "a.m", "p.m", "am", "pm", "m.d", "min", "hrs"})
_ONLY_MARKER = re.compile(r"[\s*-]*\d{1,2}[.)]")
_MARKER = re.compile(r"[\s*-]*(?:(\d{1,2})[.)](?=\s)\s*)?")
_NEXT_ITEM = re.compile(r"\s(\d{1,2})[.)]\s+(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence; ``text`` is exactly the characters from ``start`` to ``end`` of the text it was cut from."""

    start: int
    end: int
    text: str


def _ends_here(text: str, start: int, stop: int, after: int) -> bool:
    """Whether the full stop before ``after`` ends the sentence that began at ``start``."""
    last = _LAST_WORD.search(text, start, stop)
    if text[stop] != "." or last is None:
        return True
    word = last[1].lower().lstrip("(")
    following = text[after:].lstrip()[:1]
    if word in _UNITS:
        return following.isupper() or not following
    if word.isdigit() and (marker := _MARKER.match(text, start)) and marker[1] and int(word) == int(marker[1]) + 1:
        return False
    return word not in _TITLES and not (len(word) == 1 and last[1].isupper() and following.isupper())


def _cuts(text: str) -> list[int]:
    cuts, start = [], 0
    for match in _BREAK.finditer(text):
        only_marker = _ONLY_MARKER.fullmatch(text, start, match.end())
        if only_marker or (match[0][0] in ".!?" and not _ends_here(text, start, match.start(), match.end())):
            continue
        cuts.append(match.end())
        start = match.end()
    return [*cuts, len(text)]


def _add(found: list[Sentence], text: str, start: int, end: int) -> None:
    """Adds text[start:end] without blanks and list marker; a list without full stops is cut at its numbers."""
    while start < end:
        marker = _MARKER.match(text, start, end)
        first = marker.end() if marker else start
        number = int(marker[1]) if marker and marker[1] else None
        stop = end
        if number is not None:
            items = (item for item in _NEXT_ITEM.finditer(text, first, end) if int(item[1]) == number + 1)
            stop = next((item.start() for item in items), end)
        body = text[first:stop].rstrip()
        if any(letter.isalnum() for letter in body):
            found.append(Sentence(first, first + len(body), body))
        start = stop


def split_sentences(text: str) -> list[Sentence]:
    """The sentences of a text in order.

    Full stops of titles (Dr.), units before a small letter (2 cm. from), times (9:05 a.m.), decimals and list numbers
    do not end a sentence; blank lines and list markers at the start of a line do. Line breaks alone do not.
    """
    found: list[Sentence] = []
    start = 0
    for cut in _cuts(text):
        _add(found, text, start, cut)
        start = cut
    return found

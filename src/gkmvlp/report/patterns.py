"""One compiled alternation for many wordings, each with a value."""

import re
from collections.abc import Iterator
from typing import Generic, NamedTuple, TypeVar

Value = TypeVar("Value")


class Hit(NamedTuple, Generic[Value]):
    """Where a wording stands in the text, and its value."""

    start: int
    end: int
    value: Value


def _least(wording: str) -> tuple[int, int]:
    """Words and letters that a wording has at least, its optional parts left out."""
    while (shorter := re.sub(r"\((?:[^()]|\\[()])*\)(?:[?*]|\{0,\d\})", "", wording)) != wording:
        wording = shorter
    return wording.count(" ") - wording.count(" ?"), len(wording)


class Alternation(Generic[Value]):
    """Finds wordings at word starts, the ones with most words first, in a single pass.

    A blank in a wording stands for blanks or hyphens, `` ?`` for none of them or one.
    """

    def __init__(self, rows: list[tuple[str, Value]]) -> None:
        """Compiles (wording, value) rows; every wording begins at a word start and ends at a word end."""
        ordered = sorted(rows, key=lambda row: _least(row[0]), reverse=True)
        self._values = [value for _, value in ordered]
        alternatives = (f"({wording})" for wording, _ in ordered)
        source = re.sub(r" (\??)", lambda blank: "[ -]" + (blank[1] or "+"), "|".join(alternatives))
        self._regex = re.compile(rf"\b(?:{source})\b")

    def find(self, text: str) -> Iterator[Hit[Value]]:
        """The hits in lower-case text, in order, without overlap."""
        for match in self._regex.finditer(text):
            yield Hit(match.start(), match.end(), self._values[(match.lastindex or 0) - 1])

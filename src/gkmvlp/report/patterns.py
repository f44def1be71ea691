"""Finds many wordings, each with a value, in one pass over the words of a text."""

import re
from collections import defaultdict
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

Value = TypeVar("Value")
Kept = TypeVar("Kept")
_KEY = 8
_WORD = re.compile(rf"\b[a-z]\w{{0,{_KEY - 1}}}")
_ANY, _END = "\0", "\1"
_TOKEN = re.compile(r"\\.|\[[^]]*\]|\(\?:|\(\?!|.")
_INNERMOST = re.compile(r"\((?:\?:|\?![^()]*)([^()]*)\)([?*]|\{0,\d\})?")
_REPEAT = re.compile(r"[?*+]|\{(\d),\d\}")


class Hit(NamedTuple, Generic[Value]):
    """Where a wording stands in the text, and its value."""

    start: int
    end: int
    value: Value


def word_starts(text: str) -> list[tuple[int, str]]:
    """Where the words of a lower-case text begin, with their first letters: what ``Alternation.find`` goes by."""
    return [(match.start(), match[0]) for match in _WORD.finditer(text)]


class _Openings:
    """The first letters of what a wording can match, by walking over the wording once.

    An opening ends with ``_ANY`` where what follows is not one certain letter, with ``_END`` where the word ends.
    """

    def __init__(self, wording: str) -> None:
        self._wording = wording
        self._at = 0

    def alternatives(self) -> set[str]:
        """The openings of alternatives up to a closing bracket or the end."""
        found: set[str] = set()
        current = {""}
        while self._at < len(self._wording):
            token = self._take(_TOKEN)
            if token == ")":
                break
            if token == "|":
                found |= current
                current = {""}
                continue
            parts = self._repeated(self._single(token))
            current = {one if one[-1:] in (_ANY, _END) else (one + part)[:_KEY] for one in current for part in parts}
        return found | current

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._wording, self._at)
        self._at = match.end() if match else self._at
        return match[0] if match else ""

    def _single(self, token: str) -> set[str]:
        if token == "(?:":
            return self.alternatives()
        if token == "(?!":
            self.alternatives()
            return {""}
        if token.startswith("["):
            return {_ANY} if "\\" in token else set(token[1:-1])
        if token == "\\b":
            return {""}
        return {_END if token == " " else _ANY} if token in (" ", "\\w") else {token[-1]}

    def _repeated(self, parts: set[str]) -> set[str]:
        mark = self._take(_REPEAT)
        if mark[:1] in ("*", "+", "{"):
            parts = {part if part[-1:] in (_ANY, _END) else part + _ANY for part in parts}
        return parts | {""} if mark[:1] in ("?", "*") or mark.startswith("{0") else parts


def _fits(key: str, opening: str) -> bool:
    """Whether a word whose first letters are ``key`` can begin a wording with this opening."""
    if opening.endswith(_END):
        return key == opening[:-1] or not opening[:-1].isalnum()
    sure = opening.rstrip(_ANY)
    if key.startswith(sure):
        return True
    return sure.startswith(key) and (len(key) == _KEY or not sure[len(key)].isalnum())


def _least(wording: str) -> tuple[int, int]:
    """Words and letters that a wording has at least, its optional parts left out."""
    while match := _INNERMOST.search(wording):
        kept = "" if match[2] else min(match[1].split("|"), key=_size)
        wording = wording[: match.start()] + kept + wording[match.end() :]
    return _size(wording)


def _size(wording: str) -> tuple[int, int]:
    return wording.count(" ") - wording.count(" ?"), len(wording)


class KeptByText(dict[str, Kept]):
    """What a function gives for a text, worked out once a text."""

    def __init__(self, work_out: Callable[[str], Kept]) -> None:
        super().__init__()
        self._work_out = work_out

    def __missing__(self, text: str) -> Kept:
        found = self[text] = self._work_out(text)
        return found


class Alternation(Generic[Value]):
    """Finds wordings at word starts, the ones with most words first.

    A wording is a regular expression over lower-case text that begins with a letter and ends at a word end; it has no
    capturing group. A blank in it stands for blanks or hyphens, `` ?`` for none of them or one.
    """

    def __init__(self, rows: list[tuple[str, Value]]) -> None:
        """Sorts (wording, value) rows and notes how each can begin."""
        ordered = sorted(rows, key=lambda row: _least(row[0]), reverse=True)
        self._by_letter: dict[str, list[tuple[str, Value, set[str]]]] = defaultdict(list)
        for wording, value in ordered:
            openings = _Openings(wording).alternatives()
            for letter in {opening[0] for opening in openings}:
                self._by_letter[letter].append((wording, value, openings))
        self._compiled: dict[tuple[str, ...], re.Pattern[str]] = {}
        self._by_key = KeptByText(self._candidates)

    def _candidates(self, key: str) -> tuple[re.Pattern[str], list[Value]] | None:
        """The wordings that can begin with these letters, compiled once for all keys that share them."""
        rows = [row for row in self._by_letter.get(key[0], ()) if any(_fits(key, opening) for opening in row[2])]
        wordings = tuple(wording for wording, _, _ in rows)
        if not wordings:
            return None
        if wordings not in self._compiled:
            source = "|".join(f"({wording})" for wording in wordings)
            source = re.sub(r" (\??)", lambda blank: "[ -]" + (blank[1] or "+"), source)
            self._compiled[wordings] = re.compile(rf"(?:{source})\b")
        return self._compiled[wordings], [value for _, value, _ in rows]

    def find(self, text: str, words: list[tuple[int, str]]) -> list[Hit[Value]]:
        """The hits in lower-case text, in order, without overlap; ``words`` as ``word_starts`` gives them."""
        by_key = self._by_key
        found: list[Hit[Value]] = []
        after = 0
        for start, candidates in [(start, one) for start, key in words if (one := by_key[key]) is not None]:
            if start >= after and (match := candidates[0].match(text, start)):
                after = match.end()
                found.append(Hit(start, after, candidates[1][(match.lastindex or 0) - 1]))
        return found

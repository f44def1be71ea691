"""Finds many wordings, each with a value, in one pass over the words of a text."""

import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

Value = TypeVar("Value")
Kept = TypeVar("Kept")
_KEY = 8
_WORD = re.compile(rf"\b[a-z]\w{{0,{_KEY - 1}}}")
_LETTERS = re.compile(r"\w+")
_MOST = 1 << 17  # texts that are remembered at a time
_ANY, _END = "\0", "\1"
_TOKEN = re.compile(r"\\.|\[[^]]*\]|\(\?:|\(\?!|.")
_INNERMOST = re.compile(r"\((?:\?:|\?![^()]*)([^()]*)\)([?*]|\{0,\d\})?")
_REPEAT = re.compile(r"[?*+]|\{(\d),\d\}")


class Hit(NamedTuple, Generic[Value]):
    """Where a wording stands in the text, and its value."""

    start: int
    end: int
    value: Value


# What tries a text at a place, and the values of its groups.
Match = Callable[[str, int], re.Match[str] | None]
Candidates = tuple[Match, list[Value]]


class _Openings:
    """The first letters of what a wording can match, by walking over the wording once.

    An opening ends with ``_ANY`` where what follows is not one certain letter, with ``_END`` behind a blank.
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


def _openings(wording: str) -> set[str]:
    """The openings of a wording, up to the end of its first word: ``can`` and ``_END`` for "can't"."""
    found = set()
    for opening in _Openings(wording).alternatives():
        sure = opening.rstrip(_ANY + _END)
        word = _LETTERS.findall(sure)[0] if sure else ""
        is_whole = word != sure or (opening == sure and len(sure) < _KEY) or opening.endswith(_END)
        found.add(word + _END if is_whole else word)
    return found


def _least(wording: str) -> tuple[int, int]:
    """Words and letters that a wording has at least, its optional parts left out."""
    while match := _INNERMOST.search(wording):
        kept = "" if match[2] else min(match[1].split("|"), key=_size)
        wording = wording[: match.start()] + kept + wording[match.end() :]
    return _size(wording)


def _size(wording: str) -> tuple[int, int]:
    return wording.count(" ") - wording.count(" ?"), len(wording)


class KeptByText(dict[str, Kept]):
    """What a function gives for a text, worked out once a text; all is forgotten where it is too much."""

    def __init__(self, work_out: Callable[[str], Kept]) -> None:
        super().__init__()
        self._work_out = work_out

    def __missing__(self, text: str) -> Kept:
        if len(self) >= _MOST:
            self.clear()
        found = self[text] = self._work_out(text)
        return found


class Alternation(Generic[Value]):
    """Finds wordings at word starts, the ones with most words first.

    A wording is a regular expression over lower-case text that begins with a letter and ends at a word end; it has no
    capturing group. A blank in it stands for blanks or hyphens, `` ?`` for none of them or one.
    """

    def __init__(self, rows: list[tuple[str, Value]]) -> None:
        """Sorts (wording, value) rows and notes how each can begin."""
        self._rows = sorted(rows, key=lambda row: _least(row[0]), reverse=True)
        self._by_opening: dict[str, list[int]] = defaultdict(list)
        for place, (wording, _) in enumerate(self._rows):
            for opening in _openings(wording):
                self._by_opening[opening].append(place)
        self._compiled: dict[tuple[int, ...], re.Pattern[str]] = {}
        self._by_key = KeptByText(self._candidates)

    def candidates(self, key: str) -> Candidates[Value] | None:
        """What can begin with the first letters of a word, as ``find`` takes them."""
        return self._by_key[key]

    def _candidates(self, key: str) -> Candidates[Value] | None:
        """The wordings that can begin with these letters, compiled once for all keys that share them."""
        openings = [key + _END, *(key[:end] for end in range(1, len(key) + 1))]
        places = tuple(sorted({place for opening in openings for place in self._by_opening.get(opening, ())}))
        if not places:
            return None
        if places not in self._compiled:
            source = "|".join(f"({self._rows[place][0]})" for place in places)
            source = re.sub(r" (\??)", lambda blank: "[ -]" + (blank[1] or "+"), source)
            self._compiled[places] = re.compile(rf"(?:{source})\b")
        return self._compiled[places].match, [self._rows[place][1] for place in places]

    def find(self, text: str) -> list[Hit[Value]]:
        """The hits in lower-case text, in order, without overlap."""
        found: list[Hit[Value]] = []
        after = 0
        for word in _WORD.finditer(text):
            candidates = self._by_key[word[0]]
            if candidates is None or word.start() < after:
                continue
            if match := candidates[0](text, word.start()):
                after = match.end()
                found.append(Hit(word.start(), after, candidates[1][(match.lastindex or 0) - 1]))
        return found


class Several:
    """Finds the wordings of several alternations in one pass over the words of a text."""

    def __init__(self, *alternations: Alternation[Any]) -> None:
        self._alternations = alternations
        self._by_chunk = KeptByText(self._openings)

    def _openings(self, chunk: str) -> list[tuple[int, int, Match, list[Any]]]:
        """What can begin in letters between blanks: where, of which alternation, what tries it, its values."""
        return [
            (word.start(), place, *candidates)
            for word in _WORD.finditer(chunk)
            for place, one in enumerate(self._alternations)
            if (candidates := one.candidates(word[0])) is not None
        ]

    def find(self, text: str) -> list[list[Hit[Any]]]:
        """For each alternation what its own ``find`` gives."""
        by_chunk = self._by_chunk
        found: list[list[Hit[Any]]] = [[] for _ in self._alternations]
        after = [0] * len(found)
        at = 0
        for chunk in text.split(" "):
            for offset, place, match_at, values in by_chunk[chunk]:
                start = at + offset
                if start >= after[place] and (match := match_at(text, start)):
                    after[place] = end = match.end()
                    found[place].append(Hit(start, end, values[(match.lastindex or 0) - 1]))
            at += len(chunk) + 1
        return found

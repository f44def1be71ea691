"""Texts are linked to concepts: which words name which concept.

A linker is any callable that fulfils ``Linker``. Here are the dictionary matcher and links that another program made
before (``gkmvlp.knowledge.scispacy_linker`` is one); ``gkmvlp.knowledge.chosen_linker`` knows them by what a config
names.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from gkmvlp.errors import DataError

if TYPE_CHECKING:
    from gkmvlp.knowledge.graph import KnowledgeGraph

# words, and marks that no name reaches across: a blank or a hyphen between words is nothing
_TOKEN = re.compile(r"\w+|[^\w\s-]")
_END = ""  # key of a node at which a wording ends; no token is empty


class Mention(NamedTuple):
    """A place in a text that names a concept.

    Attributes:
        start: First character.
        end: Character behind the last, as in slices.
        concept: Id of the concept.
    """

    start: int
    end: int
    concept: str


class Linker(Protocol):
    """What finds mentions."""

    def __call__(self, text: str) -> list[Mention]:
        """Mentions of a text, by their start."""
        ...


class DictionaryLinker:
    """Longest match over wordings, word by word from the left, whatever the case; matches do not overlap.

    It walks down a tree of words: a text takes time by its length times the words of the longest wording, however many
    wordings there are. Wordings match at word boundaries only; between their words a text may have blanks and hyphens.

    Args:
        wordings: Wordings with their concept ids; of those that read the same, the first holds.
    """

    def __init__(self, wordings: Iterable[tuple[str, str]]) -> None:
        self._root: dict[str, Any] = {}  # token -> node of the next one; _END -> concept id
        for wording, concept in wordings:
            node = self._root
            for token in _TOKEN.findall(wording):
                node = node.setdefault(token.casefold(), {})
            if node is not self._root:
                node.setdefault(_END, concept)

    @classmethod
    def of(cls, graph: "KnowledgeGraph") -> "DictionaryLinker":
        """The linker of a graph's names and synonyms; a shared one means the concept whose name it is, else the first.

        Ids are no wordings: no text names a concept by them.
        """
        named = [(concept.name, concept.id) for concept in graph.concepts]
        named += [(synonym, concept.id) for concept in graph.concepts for synonym in concept.synonyms]
        return cls(named)

    def __call__(self, text: str) -> list[Mention]:
        """Mentions of a text, by their start."""
        tokens = [(found.group().casefold(), *found.span()) for found in _TOKEN.finditer(text)]
        mentions, place = [], 0
        while place < len(tokens):
            count, concept = self._longest(tokens, place)
            if count:
                mentions.append(Mention(tokens[place][1], tokens[place + count - 1][2], concept))
            place += max(count, 1)
        return mentions

    def _longest(self, tokens: Sequence[tuple[str, int, int]], start: int) -> tuple[int, str]:
        """Number of tokens of the longest wording that begins at a token, and its concept; 0 and "" where none does."""
        node, best = self._root, (0, "")
        for place in range(start, len(tokens)):
            if tokens[place][0] not in node:
                break
            node = node[tokens[place][0]]
            if _END in node:
                best = place - start + 1, node[_END]
        return best


class PrecomputedLinker:
    """Links that were made before, text by text.

    Args:
        mentions: Text -> its mentions.

    Raises:
        DataError: If a mention lies outside its text.
    """

    def __init__(self, mentions: Mapping[str, Iterable[Mention]]) -> None:
        self._mentions = {text: checked(text, found) for text, found in mentions.items()}

    @property
    def concepts(self) -> set[str]:
        """Ids of all concepts that a text is linked to."""
        return {mention.concept for found in self._mentions.values() for mention in found}

    def __contains__(self, text: object) -> bool:
        return text in self._mentions

    def __len__(self) -> int:
        return len(self._mentions)

    def __call__(self, text: str) -> list[Mention]:
        """Mentions of a text, by their start.

        Raises:
            DataError: If the text was not linked.
        """
        if text not in self._mentions:
            raise DataError(f"text {_short(text)} is not among the {len(self._mentions)} linked ones: link it too")
        return list(self._mentions[text])


def checked(text: str, mentions: Iterable[Mention]) -> list[Mention]:
    """Mentions by their start.

    Raises:
        DataError: If one is empty or lies outside the text.
    """
    ordered = sorted(mentions)
    for mention in ordered:
        if not 0 <= mention.start < mention.end <= len(text):
            span = f"{mention.start} to {mention.end} of concept {mention.concept!r}"
            remedy = "link the text as it is, not a changed copy"
            raise DataError(f"span {span} lies outside text {_short(text)} of {len(text)} characters: {remedy}")
    return ordered


def _short(text: str, shown: int = 40) -> str:
    """The beginning of a text in quotes."""
    return repr(text if len(text) <= shown else f"{text[:shown]}...")


def read_mentions(path: Path) -> PrecomputedLinker:
    """Links of a file with one JSON object a line: ``{"text": ..., "mentions": [[start, end, concept], ...]}``.

    Raises:
        DataError: If the file is missing or empty, a line is something else, or a mention lies outside its text.
    """
    found = {}
    for number, line in enumerate(_lines(path), 1):
        try:
            row = json.loads(line)
            mentions = [Mention(int(start), int(end), str(concept)) for start, end, concept in row["mentions"]]
            found[str(row["text"])] = mentions
        except (ValueError, TypeError, KeyError) as error:
            expected = '{"text": ..., "mentions": [[start, end, concept], ...]}'
            raise DataError(f"{path}, line {number}: {expected} was expected; link the texts again") from error
    return PrecomputedLinker(found)


def read_cuis(path: Path) -> dict[str, tuple[str, ...]]:
    """Image id -> its concept ids, which have no place in the caption, of a file such as ROCO's ``cuis.txt``.

    Each line holds an image id and its concepts, with tabs between them; an image may have none.

    Raises:
        DataError: If the file is missing or empty, or an image stands twice.
    """
    found: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(_lines(path), 1):
        image, *concepts = (cell.strip() for cell in line.split("\t"))
        if image in found:
            raise DataError(f"{path}, line {number}: image {image!r} stands twice; keep one of its lines")
        found[image] = tuple(dict.fromkeys(filter(None, concepts)))
    return found


def _lines(path: Path) -> list[str]:
    """Lines of a file that are not blank.

    Raises:
        DataError: If there is none.
    """
    try:
        lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path} ({error}): name the file of concepts") from error
    if not lines:
        raise DataError(f"{path} is empty: name the file of concepts")
    return lines

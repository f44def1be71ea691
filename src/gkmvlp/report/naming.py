"""Which words of a text name which entity, whatever is said of it: "no effusion" names pleural effusion.

What is said of an organ names an entity where it says that the entity is or may be there, also where that is denied:
"the heart is not enlarged" names cardiomegaly. "The heart is normal" does not, though the labeler reads cardiomegaly as
absent, nor does "no bony abnormality" name a fracture. A device is a support device too, as for the labeler.
"""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import lru_cache
from typing import NamedTuple

from gkmvlp.report.lexicon import DEVICES
from gkmvlp.report.rules import ABSENT
from gkmvlp.report.scan import found_in, plain
from gkmvlp.report.sentences import split_sentences
from gkmvlp.report.statements import Statement, organ_statements, term_statements

_TOKEN = re.compile(r"\w+|[^\w\s]")
_Placed = tuple[int, int]  # first character and the one behind the last


class Naming(NamedTuple):
    """Words that name an entity.

    Attributes:
        start: First character.
        end: Character behind the last, as in slices.
        entity: Its name.
    """

    start: int
    end: int
    entity: str


def named_entities(text: str) -> list[Naming]:
    """All places of a text that name entities, in order; the same words may name several."""
    return [
        Naming(sentence.start + start, sentence.start + end, name)
        for sentence in split_sentences(text)
        for start, end, name in _named(sentence.text)
    ]


@lru_cache(maxsize=65536)
def _named(sentence: str) -> tuple[Naming, ...]:
    """Those of a sentence, by their places in it."""
    lower = plain(sentence)
    wordings = found_in(lower)
    terms = term_statements(lower, wordings.terms)
    said = [(_extent(one), name) for one in (*terms, *organ_statements(lower, wordings.organs, terms))
            for name in _names(one)]  # fmt: skip
    if said and not (lower == sentence.lower().replace("\n", " ") and len(lower) == len(sentence)):
        place = _places(sentence, lower)
        said = [(at, name) for extent, name in said if (at := _back(extent, place))]
    return tuple(sorted({Naming(*at, name) for at, name in said}))


def _names(statement: Statement) -> Iterator[str]:
    """The entities that the words of a statement name."""
    if statement.kind == "only negated":
        return
    for name, value in statement.means:
        if value != ABSENT:
            yield name
            if name in DEVICES:
                yield "support device"


def _extent(statement: Statement) -> _Placed:
    """From the first to the last word of a statement: an organ and its quality."""
    return min(statement.start, statement.anchor[0]), max(statement.end, statement.anchor[1])


def _places(sentence: str, lower: str) -> list[tuple[_Placed, _Placed]]:
    """Words of what the rules read, with the words of the sentence that they stand for; words put in stand for none.

    Where several words in a row were changed, each stands for all of them.
    """
    read = [(match[0], match.span()) for match in _TOKEN.finditer(lower)]
    written = [(match[0].lower(), match.span()) for match in _TOKEN.finditer(sentence)]
    blocks = SequenceMatcher(None, [word for word, _ in written], [word for word, _ in read], autojunk=False)
    found = []
    for kind, first, behind, at, end in blocks.get_opcodes():
        for offset, (_, extent) in enumerate(read[at:end]):
            if kind == "equal":
                found.append((extent, written[first + offset][1]))
            elif kind == "replace":
                found.append((extent, (written[first][1][0], written[behind - 1][1][1])))
    return found


def _back(extent: _Placed, place: list[tuple[_Placed, _Placed]]) -> _Placed | None:
    """Where words that the rules read stand in the sentence; None where all of them were put in."""
    there = [written for (start, end), written in place if start < extent[1] and extent[0] < end]
    return (min(start for start, _ in there), max(end for _, end in there)) if there else None

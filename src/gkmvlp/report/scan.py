"""All that the rules look for in a sentence, found in one pass over its words."""

from typing import NamedTuple

from gkmvlp.report.cues import ALL_CUES
from gkmvlp.report.ellipsis import filled
from gkmvlp.report.lexicon import TERMS, Term
from gkmvlp.report.organs import ORGANS, Said
from gkmvlp.report.patterns import Hit, Several
from gkmvlp.report.places import PLACES, Place
from gkmvlp.report.shorthand import spelled_out
from gkmvlp.report.spelling import corrected

_ALL = Several(TERMS, ORGANS, ALL_CUES, PLACES)


class Wordings(NamedTuple):
    """The hits of ``TERMS``, ``ORGANS``, ``ALL_CUES`` and ``PLACES`` in a text, each in order."""

    terms: list[Hit[Term]]
    organs: list[Hit[Said]]
    cues: list[Hit[str]]
    places: list[Hit[Place]]


def found_in(lower: str) -> Wordings:
    """The wordings in lower-case text."""
    return Wordings(*_ALL.find(lower))


def plain(sentence: str) -> str:
    """A sentence as the rules read it: lower case, shorthand spelled out, spelling put right, ellipses filled in."""
    return filled(
        corrected(spelled_out(sentence.lower().replace("\n", " ").replace("\u2019", "'").replace("\u2212", "-")))
    )

"""From a sentence to its statements: wordings of entities, and organs with their qualities."""

import re
from typing import NamedTuple

from gkmvlp.report.lexicon import TERMS
from gkmvlp.report.organs import MEANINGS, ORGANS
from gkmvlp.report.patterns import Hit
from gkmvlp.report.rules import ABSENT, PRESENT


class Statement(NamedTuple):
    """Something said in a sentence: where its deciding word and its anchor (for the place) stand, what it means."""

    start: int
    end: int
    anchor: tuple[int, int]
    means: tuple[tuple[str, int], ...]
    inferred: bool
    kind: str


def term_statements(lower: str, words: list[tuple[int, str]]) -> list[Statement]:
    """The wordings of entities in lower-case text, look-alikes left out."""
    found = []
    for start, end, (kind, names) in TERMS.find(lower, words):
        if kind != "decoy":
            means = tuple((name, PRESENT) for name in names)
            found.append(Statement(start, end, (start, end), means, kind == "only negated", kind))
    return found


_ADJECTIVES = re.compile(r"(?: (?!and|or|with|is|are)[a-z-]+)? ")
# What can stand between a quality and the organ behind it: "enlarged heart", "blunting of the left angle".
_BETWEEN = re.compile(
    r"\s*(?:(?:of|the|in|both|either|right|left|bilateral|lower|upper|mid|lung|a|on|size|[a-z]+(?:ic|al|ary))\s+)*"
)


def organ_statements(lower: str, words: list[tuple[int, str]], terms: list[Statement]) -> list[Statement]:
    """Organ and quality pairs; a quality without an organ before or right behind it says nothing."""
    taken = [(term.start, term.end) for term in terms]
    found_hits = ORGANS.find(lower, words)
    hits = [hit for hit in found_hits if not any(hit.start < end and start < hit.end for start, end in taken)]
    if all(hit.value[0] == "organ" for hit in hits):
        return []
    found: list[Statement] = []
    organs: list[Hit[tuple[str, str]]] = []
    fresh = True
    for index, hit in enumerate(hits):
        kind, name = hit.value
        if kind == "organ":
            organs = [*organs, hit] if fresh else [hit]
            fresh = True
            continue
        after = hits[index + 1] if index + 1 < len(hits) else None
        if after is not None and after.value[0] == "organ" and _BETWEEN.fullmatch(lower, hit.end, after.start):
            chosen = [after]
        else:
            edge = organs[-1].end if organs else 0
            blocked = any(edge <= start < hit.start for start, _ in taken) or _of_term(lower, hit.end, taken)
            chosen, fresh = ([] if blocked else organs), False
        found += [_pair(organ, hit) for organ in chosen if (organ.value[1], name) in MEANINGS]
    return found


def _of_term(lower: str, end: int, taken: list[tuple[int, int]]) -> bool:
    """Whether a quality that ends at ``end`` belongs to the wording right behind it: "large effusion"."""
    return any(0 < start - end < 20 and _ADJECTIVES.fullmatch(lower, end, start) for start, _ in taken)


def _pair(organ: Hit[tuple[str, str]], quality: Hit[tuple[str, str]]) -> Statement:
    means = MEANINGS[organ.value[1], quality.value[1]]
    inferred = organ.value[1] in ("angles", "lungs", "pleura", "bones") or len(means) > 1
    kind = "normal" if means[0][1] == ABSENT else "quality"
    return Statement(quality.start, quality.end, (organ.start, organ.end), means, inferred, kind)

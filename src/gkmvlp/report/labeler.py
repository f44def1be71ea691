"""From report text to entity statuses with side, zone and regions.

Decisions that are ours:

* Present wins over uncertain, uncertain over absent, within a sentence and within a report. So "no new consolidation"
  counts as absent only where nothing else speaks of consolidation.
* "Unchanged", "stable", "improved", "resolving" leave a finding present; "resolved", "cleared", "removed" make it
  absent.
* Inferences ("lungs are clear": no consolidation, no lung opacity; sharp or blunted costophrenic angles: effusion)
  yield to a wording of the same entity in the same sentence.
* A device that is present is a support device. Consolidation is not, by itself, a lung opacity.
* History, questions and conditions ("history of", "evaluate for", "if") state nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gkmvlp.entities import ENTITIES, ENTITY_INDEX
from gkmvlp.report.lexicon import DEVICES, TERMS
from gkmvlp.report.organs import MEANINGS, ORGANS
from gkmvlp.report.patterns import Hit
from gkmvlp.report.places import Place, regions, side_and_zone
from gkmvlp.report.placing import place_statements
from gkmvlp.report.rules import ABSENT, PRESENT, UNCERTAIN, Context
from gkmvlp.report.sentences import split_sentences

NOT_MENTIONED = -2
_RANK = {NOT_MENTIONED: 0, ABSENT: 1, UNCERTAIN: 2, PRESENT: 3}
_LATERAL = frozenset(row.name for row in ENTITIES if row.lateral)


@dataclass(frozen=True, slots=True)
class Mention:
    """One statement on one entity.

    Attributes:
        entity: Its name.
        status: 1 present, 0 absent, -1 uncertain.
        side: ``right``, ``left``, ``bilateral`` or "" (the patient's).
        zone: ``upper``, ``mid``, ``lower``, ``apical``, ``hilar``, ``retrocardiac`` ..., several joined by "/", or "".
        regions: The regions it is said to lie in; () where it cannot be grounded.
        sentence: Number of the sentence in the text, from 0.
        start: First character of the sentence in the text.
        end: The character behind its last.
    """

    entity: str
    status: int
    side: str
    zone: str
    regions: tuple[str, ...]
    sentence: int
    start: int
    end: int


class _Statement(NamedTuple):
    """Something said in a sentence: where its deciding word and its anchor (for the place) stand, what it means."""

    start: int
    end: int
    anchor: tuple[int, int]
    means: tuple[tuple[str, int], ...]
    inferred: bool
    kind: str


class _Fact(NamedTuple):
    entity: str
    status: int
    pairs: tuple[Place, ...]


def _term_statements(lower: str) -> list[_Statement]:
    found = []
    for start, end, (kind, names) in TERMS.find(lower):
        if kind != "decoy":
            means = tuple((name, PRESENT) for name in names)
            found.append(_Statement(start, end, (start, end), means, kind == "only negated", kind))
    return found


_JOINED = frozenset(
    [
        "of",
        "the",
        "in",
        "both",
        "right",
        "left",
        "bilateral",
        "lower",
        "upper",
        "lung",
        "is",
        "a",
        "mid",
        "on",
        "size",
        "patient's",
    ]
)


def _attributive(lower: str, quality: Hit[tuple[str, str]], after: Hit[tuple[str, str]]) -> bool:
    """Whether a quality belongs to the organ behind it: "enlarged heart", "blunting of the left angle"."""
    gap = lower[quality.end : after.start]
    return len(gap) < 40 and not any(mark in gap for mark in ",;.(") and all(
        word in _JOINED or word.endswith(("ic", "al", "ary")) for word in gap.split() if word != "is"
    ) and " is " not in gap  # fmt: skip


def _organ_statements(lower: str, terms: list[_Statement]) -> list[_Statement]:
    """Organ and quality pairs; a quality without an organ before or right behind it says nothing."""
    taken = [(term.start, term.end) for term in terms]
    hits = [hit for hit in ORGANS.find(lower) if not any(start < hit.end and hit.start < end for start, end in taken)]
    found: list[_Statement] = []
    organs: list[Hit[tuple[str, str]]] = []
    fresh = True
    for index, hit in enumerate(hits):
        kind, name = hit.value
        if kind == "organ":
            organs = [*organs, hit] if fresh else [hit]
            fresh = True
            continue
        after = hits[index + 1] if index + 1 < len(hits) else None
        if after is not None and after.value[0] == "organ" and _attributive(lower, hit, after):
            chosen = [after]
        else:
            edge = organs[-1].end if organs else 0
            blocked = any(edge <= start < hit.start for start, _ in taken)
            chosen, fresh = ([] if blocked else organs), False
        found += [_pair(organ, hit) for organ in chosen if (organ.value[1], name) in MEANINGS]
    return found


def _pair(organ: Hit[tuple[str, str]], quality: Hit[tuple[str, str]]) -> _Statement:
    means = MEANINGS[organ.value[1], quality.value[1]]
    inferred = organ.value[1] in ("angles", "lungs", "pleura", "bones") or len(means) > 1
    kind = "normal" if means[0][1] == ABSENT else "quality"
    return _Statement(quality.start, quality.end, (organ.start, organ.end), means, inferred, kind)


def _decide(statement: _Statement, status: int | None, value: int) -> int | None:
    """The status of an entity from the status of the statement and what the statement means for it."""
    if status is None or (statement.kind == "only negated" and status != ABSENT):
        return None
    if statement.kind == "normal":
        return value if status == PRESENT else UNCERTAIN if status == UNCERTAIN else None
    if statement.kind == "gone":
        return ABSENT if status == PRESENT else None
    return status if status != PRESENT else value


@lru_cache(maxsize=65536)
def _read(sentence: str) -> tuple[_Fact, ...]:
    """What a sentence states, without its place in a text."""
    lower = sentence.lower().replace("\n", " ").replace("\u2019", "'")
    terms = _term_statements(lower)
    statements = sorted([*terms, *_organ_statements(lower, terms)])
    if not statements:
        return ()
    context = Context(lower, [(one.start, one.end) for one in statements])
    places = place_statements(lower, [one.anchor for one in statements], context.splits)
    facts: dict[_Fact, bool] = {}
    for index, (statement, pairs) in enumerate(zip(statements, places, strict=True)):
        for name, value in statement.means:
            status = _decide(statement, context.status(index), value)
            if status is None:
                continue
            fact = _Fact(name, status, pairs if name in _LATERAL or statement.inferred else ())
            facts[fact] = facts.get(fact, True) and statement.inferred
            if name in DEVICES and status == PRESENT:
                facts.setdefault(_Fact("support device", PRESENT, ()), True)
    return _settle(facts)


def _settle(facts: dict[_Fact, bool]) -> tuple[_Fact, ...]:
    """Leaves out inferences (True) on entities that are also said; a saying without a place takes the inference's."""
    said = {fact.entity for fact, inferred in facts.items() if not inferred}
    place = {fact.entity: fact.pairs for fact, inferred in facts.items() if inferred and fact.status != ABSENT}
    kept = [fact for fact, inferred in facts.items() if not inferred or fact.entity not in said]
    return tuple(fact if fact.pairs else fact._replace(pairs=place.get(fact.entity, ())) for fact in kept)


def label_report(text: str) -> list[Mention]:
    """All statements on entities in a text, in order.

    Args:
        text: What ``report_text`` gives; indications and addenda are to be left out before.

    Returns:
        Mentions; several of one entity in one sentence where sides or statuses differ.
    """
    mentions = []
    for number, sentence in enumerate(split_sentences(text)):
        for name, status, pairs in _read(sentence.text):
            side, zone = side_and_zone(pairs)
            where = regions(name, pairs)
            mentions.append(Mention(name, status, side, zone, where, number, sentence.start, sentence.end))
    return mentions


def statuses(mentions: Iterable[Mention]) -> NDArray[np.int8]:
    """One status per entity, in the order of ``gkmvlp.entities.ENTITIES``.

    Args:
        mentions: In any order.

    Returns:
        (E,) int8: 1 present, 0 absent, -1 uncertain, -2 not mentioned.
    """
    status_E = np.full(len(ENTITIES), NOT_MENTIONED, np.int8)
    for mention in mentions:
        index = ENTITY_INDEX[mention.entity]
        if _RANK[mention.status] > _RANK[int(status_E[index])]:
            status_E[index] = mention.status
    return status_E

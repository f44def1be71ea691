"""From report text to entity statuses with side, zone and regions.

Decisions that are ours:

* Present wins over uncertain, uncertain over absent, within a sentence and within a report. So "no new consolidation"
  counts as absent only where nothing else speaks of consolidation.
* "Unchanged", "stable", "improved", "resolving" leave a finding present; "resolved", "cleared", "removed" make it
  absent.
* Inferences ("lungs are clear": no consolidation, no lung opacity; sharp or blunted costophrenic angles: effusion)
  yield to a wording of the same entity in the same sentence.
* A device that is present is a support device. Consolidation is not, by itself, a lung opacity.
* Airspace disease is a lung opacity, COPD is hyperinflation, a nodular density is a lung opacity and a nodule: the
  sheet in ``gkmvlp.entities`` says what each entity takes in.
* History, questions, conditions, recommendations, limits of the technique, operations and old disease named as a cause
  state nothing ("history of", "evaluate for", "if", "CT is recommended", "may be obscured", "lobectomy for").
* A slash between two findings leaves both open, as "or" does.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gkmvlp.anatomy import REGION_INDEX, REGIONS
from gkmvlp.entities import ENTITIES, ENTITY_INDEX
from gkmvlp.report.ellipsis import taken_over
from gkmvlp.report.lexicon import DEVICES
from gkmvlp.report.places import Place, regions, side_and_zone
from gkmvlp.report.placing import place_statements
from gkmvlp.report.rules import ABSENT, PRESENT, UNCERTAIN, Context
from gkmvlp.report.scan import found_in, plain
from gkmvlp.report.sentences import split_sentences
from gkmvlp.report.statements import Statement, organ_statements, term_statements, without_headings, without_kept

NOT_MENTIONED = -2
_RANK = {NOT_MENTIONED: 0, ABSENT: 1, UNCERTAIN: 2, PRESENT: 3}
# Behind these words something of the past is a cause, elsewhere it may be what is followed up.
_CAUSED = re.compile(
    r"\b(?:of|from|by|to|with|after|following|represent\w*|sequela\w*|residua\w*)(?: (?:an?|the|his|her|some))? $"
)
# Behind a finding: an earlier film had it, and nothing is said of it now.
_REPORTED = re.compile(
    r" (?:was |were )?(?:previously|earlier|formerly) (?:reported|described|seen|noted|present|questioned)"
    r"(?: (?:in|on|at|of|within)(?: (?!(?:is|are|has|have|was|were|persist\w*|remains?|continues?|appears?|and|but)\b)"
    r"[\w-]+){1,7})?(?=\s*[;,.]| but\b)"
)
# Where a denial is of another one than an earlier film had.
_ANOTHER = re.compile(r"\b(?:new|newer|other|another|additional|further|second|more|elsewhere|contralateral)\b")
# What is over by the word itself.
_OVER = re.compile(r"(?:after|following|status|healed|remote|childhood|past|treated|antecedent|sequel|residua)")
_ASKING = "?. \u2026"
# A sentence that asks without the sign of a question: "query pneumothorax", "rule out effusion".
_SOUGHT = re.compile(
    r"(?i)(?:query|question(?! (?:of|whether|if|is)\b)|r/o|rule out|exclude|(?:evaluate|assess|check) for) "
)
_ANSWER = re.compile(
    r"(?i)(?:(?:a|answer) ?[:.-] ?)?"
    r"(no|none|yes|negative|positive|absent|present|definite|possible|probable|not (?:seen|identified|present|evident))"
    r"(?:(?<=none) (?:(?:is|are) )?(?:seen|identified|present|evident|visible|detected))?(?:[,;.]|$)"
)
# A question that "no" answers without a word on what is there: "is the pneumothorax larger?"
_OF_CHANGE = re.compile(
    r"(?i)\W*(?:is|are|has|have)\b(?![^?]*\b(?:new|and|or)\b)[^?]*\b"
    r"(?:bigger|larger|smaller|worse|better|changed|increased|decreased|unchanged|stable)\W*$"
)
_STATUS = re.compile(r"(?i)(?:status|answer) ?[:=] ?(no|yes|negative|positive|absent|present|possible)(?:[,;.]|$)")
# A sentence that says of what the one before it named that it has gone, persists, or may be a shadow.
_OF_IT = re.compile(
    r"(?i)(?:it|this|these|they|those)(?: (?:has|have|is|are|was|were|now|since|been|also|again|completely|entirely"
    r"|fully))+ (?P<gone>resolved|cleared|gone|disappeared|no longer (?:seen|present|visible|identified|evident)"
    r"|not (?:seen|present|visible|identified)(?: (?:today|now|on (?:today|the current|this)[^,;]{0,30}))?)"
    r"(?: (?:since|in the interval|compared)[^,;]{0,40})?\W*$"
    r"|(?:it|this|these|they|those)(?: (?:has|have|is|are|now|still|also|again|since|been|become|\w+ly))*"
    r" (?P<still>persist\w*|remains?|unchanged|stable|continues?|there|present|seen|visible|evident|noted|identified"
    r"|improv(?:ed|ing)|worse(?:ned)?|increas(?:ed|ing)|decreas(?:ed|ing)|larger|smaller|grown)"
    r"(?: (?:since|in the interval|in size|compared|than|today|now|on)[^,;]{0,40})?\W*$"
    r"|(?:it|this|these|they|those)(?P<shadow> [^,;]{0,60}\b(?:nipple|overlap|superimposition|summation|artifact)"
    r"[^,;]{0,40})$"
)
# What may speak of the finding of the sentence before: "On the left there is a small one."
_MAY_TAKE_UP = re.compile(r"(?i) ones?\b|^(?:and |but |while )?the (?:right|left) ")
# What was so on an earlier day; "it persists" behind it says that it is so today.
_ONCE = re.compile(r"(?i)\b(?:there (?:was|were|had been)|showed|demonstrated|revealed|previously|formerly|earlier)\b")
# "Heart size is not increased" says something of the heart, "the effusion has not increased" nothing against it.
_NOT_SO = re.compile(
    r"\b(?:not(?! only)(?: \w+ly)?|(?:no|without|absence of|lack of)(?: (?:an?|any|abnormal|acute|apparent|appreciable"
    r"|definite|evident|gross|notable|obvious|overt|real|significant|substantial|evidence of|evidence for|signs? of"
    r"|\w+ly))*) $"
)
# An increase since an earlier day: the organ may have been large then.
_SINCE = re.compile(
    r"\b(?:since|compared|comparison|in the interval|from (?:the |a |an )?(?:prior|previous|earlier|last))"
)
# Before "increased": what has not grown may have been large.
_HAS_NOT = re.compile(r"\b(?:has|have) not (?:\w+ly )?$")
_FOLLOWED = re.compile(
    r"\b(?:improv|decreas|increas|resol|clear|persist|again|worse|small|large|residual|unchanged|stable|still|remain)"
)
_LATERAL = frozenset(row.name for row in ENTITIES if row.lateral)


class Mention(NamedTuple):
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


_Fact = tuple[str, int, tuple[Place, ...]]  # entity, status, pairs of side and zone
_Said = tuple[str, int, str, str, tuple[str, ...]]  # entity, status, side, zone and regions of a mention


def _decide(lower: str, statement: Statement, status: int, name: str, value: int) -> int | None:
    """The status of an entity from the status of the statement and what the statement means for it.

    Args:
        lower: The sentence.
        statement: A statement of any kind but "term".
        status: Its status.
        name: The entity.
        value: What the statement means for the entity where it is present.
    """
    if statement.kind == "only negated" and status != ABSENT:
        return None
    if statement.kind == "airspace" and name == "consolidation" and status != ABSENT:
        return None
    if statement.kind == "cancer" and status != ABSENT and "nodul" in lower:
        return None
    if statement.kind == "past" and _is_cause(lower, statement, status):
        return None
    if statement.kind == "normal":
        return value if status == PRESENT else UNCERTAIN if status == UNCERTAIN else None
    if statement.kind == "gone":
        return ABSENT
    return status if status != PRESENT else value


def _is_cause(lower: str, statement: Statement, status: int) -> bool:
    """Whether a thing of the past is named as a cause, and not as what has gone or is followed."""
    if _CAUSED.search(lower, max(0, statement.start - 30), statement.start) or _OVER.match(lower, statement.start):
        return True
    return status != ABSENT and not _FOLLOWED.search(lower)


@lru_cache(maxsize=65536)
def _read(sentence: str) -> tuple[_Said, ...]:
    """What a sentence states, without its place in a text."""
    lower = plain(sentence)
    wordings = found_in(lower)
    terms = term_statements(lower, wordings.terms)
    organs = organ_statements(lower, without_kept(wordings.organs, wordings.cues), terms)
    statements = without_headings(lower, terms) if ":" in lower else terms
    if organs:
        statements = sorted([*statements, *organs])
    if not statements:
        return ()
    anchors = [one.anchor for one in statements]
    context = Context(lower, wordings.cues, [one[:2] for one in statements], anchors)
    places = place_statements(lower, wordings.places, anchors, context.splits)
    facts: dict[_Fact, bool] = {}
    for index, (statement, pairs) in enumerate(zip(statements, places, strict=True)):
        stated = context.status(index)
        if statement.kind in ("quality", "increase"):
            stated = _of_quality(lower, statement, stated)
        if stated is None or (stated == PRESENT and _was_before(lower, statements, places, index, context)):
            continue
        for name, value in statement.means:
            status = stated if statement.kind == "term" else _decide(lower, statement, stated, name, value)
            if status is None:
                continue
            fact = (name, status, pairs if pairs and name in _LATERAL else ())
            facts[fact] = statement.inferred and facts.get(fact, True)
            if status == PRESENT and name in DEVICES:
                facts["support device", PRESENT, ()] = False
    return tuple([(name, status, *_placed(name, at)) for name, status, at in _settle(facts)])


def _was_before(
    lower: str, statements: list[Statement], places: list[tuple[Place, ...]], index: int, context: Context
) -> bool:
    """Whether an earlier film's finding is denied later on: "nodule previously reported; no nodule is seen now"."""
    statement = statements[index]
    if "previous" not in lower or not (reported := _REPORTED.match(lower, statement.end)):
        return False
    rest = lower[reported.end() :]
    if _ANOTHER.search(rest) or _FOLLOWED.search(rest):
        return False
    return any(
        statements[one].means == statement.means
        and context.status(one) == ABSENT
        and not _are_apart(places[index], places[one])
        for one in range(index + 1, len(statements))
    )


def _of_quality(lower: str, statement: Statement, stated: int | None) -> int | None:
    """The status of an organ's quality, which "not" or "no" right before it denies; an increase says no more."""
    if _HAS_NOT.search(lower, 0, statement.start):
        return None
    if _NOT_SO.search(lower, 0, statement.start) and (statement.kind == "quality" or not _SINCE.search(lower)):
        return ABSENT
    return None if statement.kind == "increase" else stated


@lru_cache(maxsize=4096)
def _placed(name: str, at: tuple[Place, ...]) -> tuple[str, str, tuple[str, ...]]:
    """Side, zone and regions of an entity that is said to lie somewhere."""
    return (*side_and_zone(at), regions(name, at))


def _settle(facts: dict[_Fact, bool]) -> list[_Fact]:
    """Leaves out inferences (True) on entities that are also said; a saying without a place takes the inference's."""
    if True not in facts.values():
        return list(facts)
    said = [fact for fact, inferred in facts.items() if not inferred]
    place = {name: at for (name, status, at), inferred in facts.items() if inferred and status != ABSENT}
    kept = [fact for fact, inferred in facts.items() if not inferred or not _is_said(fact, said)]
    return [(name, status, at or place.get(name, ())) for name, status, at in kept]


def _is_said(inference: _Fact, said: list[_Fact]) -> bool:
    """Whether a wording of the entity stands there, unless both name sides, and other ones."""
    name, _, at = inference
    return any(other == name and not _are_apart(at, place) for other, _, place in said)


def _are_apart(one: tuple[Place, ...], other: tuple[Place, ...]) -> bool:
    """Whether both name sides, and other ones."""
    sides = {side for side, _ in one}
    return bool(sides and other) and sides.isdisjoint({"", "bilateral", *(side for side, _ in other)})


def label_report(text: str) -> list[Mention]:
    """All statements on entities in a text, in order.

    Args:
        text: What ``report_text`` gives; indications and addenda are to be left out before.

    Returns:
        Mentions; several of one entity in one sentence where sides or statuses differ.
    """
    mentions = []
    sentences = split_sentences(text)
    following = _following([sentence.text for sentence in sentences])
    for number, (sentence, behind) in enumerate(zip(sentences, following, strict=True)):
        told = _with_next(sentence.text, behind)
        if number and _MAY_TAKE_UP.search(told):
            told = taken_over(plain(sentences[number - 1].text), told.lower())
        mentions += [Mention(*said, number, sentence.start, sentence.end) for said in _read(told)]
    return _without_answered(mentions) if text[:1] == "?" else mentions


def _without_answered(mentions: list[Mention]) -> list[Mention]:
    """Without what the first sentence asks ("?PE ?pneumothorax.") and others answer."""
    answered = {mention.entity for mention in mentions if mention.sentence and mention.status != UNCERTAIN}
    return [one for one in mentions if one.sentence or one.status != UNCERTAIN or one.entity not in answered]


def _following(texts: list[str]) -> list[str]:
    """What stands behind each sentence; behind each of several questions that "none" answers, this answer."""
    following = [*texts, ""][1:]
    for number in range(len(texts) - 2, -1, -1):
        if texts[number][-1] == "?" == texts[number + 1][-1] and following[number + 1][:4].lower() == "none":
            following[number] = following[number + 1]
    return following


def _with_next(told: str, following: str) -> str:
    """A sentence with what the next one says of it: an answer, or that what it named has gone, stays or is a shadow."""
    if (sought := _SOUGHT.match(told)) and (answer := _ANSWER.match(following)):
        return f"{told[sought.end() :].rstrip(_ASKING)}: {answer[1]}"
    if told.endswith(("?", "...", "\u2026")):
        answer = _ANSWER.match(following)
        if answer and answer[1].lower() == "no" and _OF_CHANGE.match(told):
            return told
        return f"{told.rstrip(_ASKING)}: {answer[1]}" if answer else told
    if following[:1] in "SsAa" and (answer := _STATUS.match(following)):
        return f"{told.rstrip('. ')}: {answer[1]}"
    if following[:1] not in "IiTt" or not (of_it := _OF_IT.match(following)):
        return told
    if of_it["still"]:
        return f"{told.rstrip('. ')}, which persists" if _ONCE.search(told) else told
    rest = "has resolved" if of_it["gone"] else of_it["shadow"].strip()
    return f"{told.rstrip('. ')}, which {rest}"


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


def stated_regions(mentions: Iterable[Mention]) -> NDArray[np.bool_]:
    """Where a report says that present entities lie, (E, R) bool; a row is all False where it says nothing."""
    place_ER = np.zeros((len(ENTITIES), len(REGIONS)), bool)
    for mention in mentions:
        if mention.status == 1:
            place_ER[ENTITY_INDEX[mention.entity], [REGION_INDEX[region] for region in mention.regions]] = True
    return place_ER

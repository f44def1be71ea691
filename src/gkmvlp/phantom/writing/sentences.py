"""Sentences of the report grammar: one finding, two findings, denials; each says what it states."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gkmvlp.anatomy import Side
from gkmvlp.phantom.plan import Finding
from gkmvlp.phantom.writing import sentence_frames as frames
from gkmvlp.phantom.writing import word_tables as words
from gkmvlp.phantom.writing.noun_phrases import Statement, chance, finish, phrase, pick, place, state

_ADVERBS: dict[str, tuple[str, ...]] = {
    "small": ("mildly", "slightly", "minimally"),
    "moderate": ("moderately",),
    "large": ("severely", "markedly"),
}
_STABLE_ONLY = ("central line", "pacemaker", "calcified granuloma", "hernia", "elevated hemidiaphragm")
_RESOLVE = ("pleural effusion", "pneumothorax", "consolidation", "atelectasis", "edema")


@dataclass(frozen=True)
class Sentence:
    """One sentence with all that it states."""

    text: str
    statements: tuple[Statement, ...] = ()


def _whole(rng: np.random.Generator, finding: Finding, templates: Sequence[str], status: int) -> Sentence | None:
    """A whole sentence of the entity's own; None where it has none that fits the side."""
    both = finding.side == "bilateral"
    fitting = [text for text in templates if not (both and ("{side}" in text or "{pre}" in text))]
    if not fitting:
        return None
    term = words.TERMS[finding.entity]
    before, after = place(rng, term.place, finding.side, finding.zone)
    template = pick(rng, fitting)
    adjectives: tuple[str, ...] = getattr(term, finding.severity)
    severe = bool(adjectives) and chance(rng, 0.7)
    text = template.format(
        pre=before,
        post=after,
        side=finding.side,
        adj=pick(rng, adjectives) if severe else "",
        adv=pick(rng, _ADVERBS[finding.severity]) if severe else "",
    )
    return Sentence(finish(text), (state(finding, status, severe and "{ad" in template),))


def trend(rng: np.random.Generator, entity: str) -> str:
    """How a finding compares with an earlier study: ``no change``, ``improved``, ``worsened``, or "" for no word."""
    if chance(rng, 0.4):
        return ""
    return "no change" if entity in _STABLE_ONLY else pick(rng, ("no change", "no change", "improved", "worsened"))


def present(rng: np.random.Generator, finding: Finding, change: str, extent: float) -> Sentence:
    """A sentence that states the finding; it names the ``change`` two times out of three."""
    if chance(rng, 0.35):
        own = _whole(rng, finding, words.TERMS[finding.entity].special, 1)
        if own:
            return own
    noun = phrase(rng, finding, 1, extent)
    change = change if chance(rng, 0.67) else ""
    text = pick(rng, frames.PRESENT[change]).format(**noun.slots)
    return Sentence(finish(text), (replace(noun.statement, comparison=change),))


def uncertain(rng: np.random.Generator, finding: Finding) -> Sentence:
    """A sentence that leaves the finding open."""
    if chance(rng, 0.3):
        own = _whole(rng, finding, words.TERMS[finding.entity].doubted, -1)
        if own:
            return own
    noun = phrase(rng, finding, -1)
    return Sentence(finish(pick(rng, frames.UNCERTAIN).format(**noun.slots)), (noun.statement,))


def joined(rng: np.random.Generator, first: Finding, second: Finding) -> Sentence:
    """One sentence that states two findings."""
    one, two = phrase(rng, first), phrase(rng, second)
    slots = {**one.slots, "b": two.slots["a"], "m": two.text, "be2": two.slots["be"]}
    return Sentence(finish(pick(rng, frames.JOINED).format(**slots)), (one.statement, two.statement))


def _denied_noun(rng: np.random.Generator, entity: str) -> str:
    return pick(rng, words.TERMS[entity].denied if entity in words.TERMS else words.ONLY_DENIED[entity][0])


def mixed(rng: np.random.Generator, finding: Finding, absent: str) -> Sentence:
    """One sentence that states a finding and denies another."""
    noun = phrase(rng, finding)
    text = pick(rng, frames.MIXED).format(**noun.slots, d=_denied_noun(rng, absent))
    return Sentence(finish(text), (noun.statement, Statement(absent, 0)))


def denied(rng: np.random.Generator, entities: Sequence[str], side: Side | None = None) -> Sentence:
    """A sentence that denies up to four entities, or one on one side."""
    nouns = [_denied_noun(rng, entity) for entity in entities]
    if side:
        nouns = [f"{side} {noun}" for noun in nouns]
    statements = tuple(Statement(entity, 0, side) for entity in entities)
    if len(nouns) == 2 and chance(rng, 0.12):
        return Sentence(finish(f"Neither {nouns[0]} nor {nouns[1]} is {pick(rng, ('seen', 'present'))}."), statements)
    comma = "," if len(nouns) > 2 and chance(rng, 0.5) else ""
    listed = nouns[0] if len(nouns) == 1 else f"{', '.join(nouns[:-1])}{comma} or {nouns[-1]}"
    return Sentence(finish(pick(rng, frames.DENIED).format(d=listed)), statements)


def resolved(rng: np.random.Generator, entity: str) -> Sentence | None:
    """A sentence that says an earlier finding is gone; None for entities that stay."""
    if entity not in _RESOLVE:
        return None
    side: Side = pick(rng, ("right", "left"))
    term = words.TERMS[entity]
    noun = term.nouns[0].lstrip("~+")
    text = noun if term.place == "diffuse" else f"{side} {noun}"
    slots = {"n": text, "the": f"the {text}"}
    said = None if term.place == "diffuse" else side
    return Sentence(finish(pick(rng, frames.RESOLVED).format(**slots)), (Statement(entity, 0, said),))

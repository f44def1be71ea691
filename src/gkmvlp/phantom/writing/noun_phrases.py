"""Noun phrases of the report grammar: a finding with severity, side and zone, and what naming it states."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from gkmvlp.anatomy import Side
from gkmvlp.phantom.plan import Finding, Severity, Zone
from gkmvlp.phantom.writing import sentence_frames as frames
from gkmvlp.phantom.writing import word_tables as words

_T = TypeVar("_T")
# A radiograph shows about 400 mm of the patient; sizes of round lesions are worded from their box by that scale.
_FIELD_MM = 400


@dataclass(frozen=True)
class Statement:
    """What a sentence says of one entity.

    Attributes:
        entity: Its name.
        status: 1 present, 0 absent, -1 uncertain.
        side: The patient's side, or None where none is said.
        zone: Zone of the lung, or None where none is said.
        severity: None where none is said.
        comparison: ``no change``, ``improved``, ``worsened`` or "".
    """

    entity: str
    status: int
    side: Side | None = None
    zone: Zone | None = None
    severity: Severity | None = None
    comparison: str = ""


@dataclass(frozen=True)
class Phrase:
    """A noun phrase without article: ``small left pleural effusion``; ``number`` is ``a``, ``~`` or ``+``."""

    text: str
    number: str
    statement: Statement

    @property
    def slots(self) -> dict[str, str]:
        """The fillers that sentence frames name."""
        many = self.number == "+"
        return {
            "n": self.text,
            "a": f"a {self.text}" if self.number == "a" else self.text,
            "the": f"the {self.text}",
            "be": "are" if many else "is",
            "have": "have" if many else "has",
        }


def pick(rng: np.random.Generator, options: Sequence[_T]) -> _T:
    """One of the options, all equally likely."""
    return options[int(rng.integers(len(options)))]


def chance(rng: np.random.Generator, probability: float) -> bool:
    """True with that probability."""
    return bool(rng.random() < probability)


def finish(text: str) -> str:
    """One blank between words, none twice ("lung lung nodule"), "an" before vowels, a capital first."""
    text = re.sub(r"\b(\w+) \1\b", r"\1", re.sub(r"\s+", " ", text).strip())
    text = re.sub(r"\b([Aa]) (?=[aeiouAEIOU]|8 |8\d |11 |18 )", r"\1n ", text)
    return text[0].upper() + text[1:]


def place(rng: np.random.Generator, kind: str, side: Side | None, zone: Zone | None) -> tuple[str, str]:
    """Words before and after a noun that say the same place."""
    if kind == "diffuse":
        return pick(rng, ("bilateral", "diffuse", "")), pick(rng, ("in both lungs", "bilaterally"))
    if kind in ("none", "named") or side is None:
        return "", ""
    if kind == "side" or zone is None:
        after = "bilaterally" if side == "bilateral" else f"on the {side}"
        return pick(rng, (side, side, f"{side}-sided")) if side != "bilateral" else side, after
    pre = frames.PLEURA_PRE if kind == "pleura" else frames.LUNG_PRE
    post = frames.PLEURA_POST if kind == "pleura" else frames.LUNG_POST
    after = pick(rng, frames.BOTH_POST[zone]) if side == "bilateral" else pick(rng, post[zone]).format(s=side)
    return f"{side} {pick(rng, pre[zone])}", after


def _size(rng: np.random.Generator, finding: Finding, extent: float) -> str:
    """The measured size of a round lesion, "" where its box does not fit the name."""
    box = finding.box_K4[0]
    length = float(max(box[2] - box[0], box[3] - box[1])) / extent * _FIELD_MM
    if (length < 30) != (finding.entity == "nodule") or length < 4:
        return ""
    return f"{length:.0f} mm" if chance(rng, 0.6) else f"{length / 10:.1f} cm"


def state(finding: Finding, status: int, severe: bool) -> Statement:
    """What is said once side and zone are worded as far as the entity's place has them."""
    kind = words.TERMS[finding.entity].place
    side = finding.side if kind != "none" else None
    zone = finding.zone if kind in ("lung", "pleura") else None
    return Statement(finding.entity, status, side, zone, finding.severity if severe else None)


def phrase(rng: np.random.Generator, finding: Finding, status: int = 1, extent: float | None = None) -> Phrase:
    """The finding as a noun phrase with severity and place.

    Args:
        rng: Source of all choices.
        finding: What is named; side ``bilateral`` stands for both sides.
        status: Of the statement: 1 present, 0 absent, -1 uncertain.
        extent: Longer side of the image in pixels, where a lesion may be measured.
    """
    term = words.TERMS[finding.entity]
    both = finding.side == "bilateral"
    noun = pick(rng, term.plurals) if both and term.plurals else pick(rng, term.nouns)
    # without a plural of its own ("consolidative opacity" of both lungs) a noun goes without article
    number = ("+" if term.plurals else noun[0] if noun[0] == "+" else "~") if both else noun[0]
    noun = noun.lstrip("~+").format(side=finding.side)
    before, after = place(rng, term.place, finding.side, finding.zone)
    if chance(rng, 0.55) and not noun.startswith(("thickening", "changes")):
        after = ""
    else:
        before = ""
    size = _size(rng, finding, extent) if extent and finding.entity in ("nodule", "mass") and chance(rng, 0.25) else ""
    adjectives: tuple[str, ...] = getattr(term, finding.severity)
    adjective = pick(rng, adjectives) if adjectives and not size and chance(rng, 0.75) else ""
    text = re.sub(r"\s+", " ", f"{size} {adjective} {before} {noun} {after}").strip()
    return Phrase(text, number if number in "~+" else "a", state(finding, status, bool(adjective)))

"""One writer a question template; each reads its answer off what was planted, or returns None where it cannot be asked.

A yes/no template is as often true as false, so that the question alone says little.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gkmvlp.phantom.plan import FINDINGS, Finding, Phantom, Zone
from gkmvlp.phantom.writing import question_tables as words

AnswerType = Literal["OPEN", "CLOSED"]


@dataclass(frozen=True)
class Question:
    """One question with its answer.

    Attributes:
        question: As asked.
        rephrase: The same in other words.
        frame: VQA-RAD's framed wording, or ``NULL``.
        answer: The answer; a number as digits.
        answer_type: ``CLOSED`` for yes/no and for a choice that the question names, else ``OPEN``.
        question_type: VQA-RAD's type: PRES, POS, ABN, MODALITY, PLANE, SIZE, COUNT, ORGAN, ATTRIB or OTHER.
        template: What is asked, without the entity.
        entity: What it is asked of, or "".
    """

    question: str
    rephrase: str
    frame: str
    answer: str
    answer_type: AnswerType
    question_type: str
    template: str
    entity: str = ""


Rng = np.random.Generator
Writer = Callable[[Phantom, Rng], Question | None]


def _make(rng: Rng, template: str, answer: str, entity: str = "", **slots: str) -> Question:
    """A question from its wordings, two different ones of them drawn."""
    form = words.FORMS[template]
    first, second = (form.wordings[int(i)] for i in rng.choice(len(form.wordings), 2, replace=False))
    noun = words.NAMES.get(entity, entity)
    fill = {"e": noun, "ae": words.with_article(noun), "verb": "is", **slots}
    return Question(
        first.format(**fill),
        second.format(**fill),
        form.frame.format(**fill) if form.frame else "NULL",
        answer,
        "CLOSED" if form.closed else "OPEN",
        form.kind,
        template,
        entity,
    )


def _yes(truth: bool) -> str:
    return "Yes" if truth else "No"


def _draw(rng: Rng, options: Sequence[Finding]) -> Finding | None:
    return options[int(rng.integers(len(options)))] if options else None


def _single(phantom: Phantom, names: Sequence[str]) -> list[Finding]:
    """Findings of those names that lie on one side only."""
    count = [finding.entity for finding in phantom.findings]
    return [f for f in phantom.findings if f.entity in names and count.count(f.entity) == 1 and f.side != "bilateral"]


def entities(phantom: Phantom) -> list[str]:
    """Names of the findings, each once."""
    return list(dict.fromkeys(finding.entity for finding in phantom.findings))


def present(phantom: Phantom, rng: Rng) -> Question | None:
    """Whether a finding is there that is."""
    names = entities(phantom)
    if not names:
        return None
    return _presence(rng, names[int(rng.integers(len(names)))], True)


def absent(phantom: Phantom, rng: Rng) -> Question | None:
    """Whether a finding is there that is not; common ones are asked for more often."""
    names = [name for name in FINDINGS if not phantom.shows(name)]
    weight = np.array([words.PREVALENCE[name] / (1 - words.PREVALENCE[name]) for name in names])
    return _presence(rng, names[int(rng.choice(len(names), p=weight / weight.sum()))], False)


def _presence(rng: Rng, entity: str, truth: bool) -> Question:
    template = "heart" if entity == "cardiomegaly" and rng.random() < 0.7 else "presence"
    return _make(rng, template, _yes(truth), entity)


def side_asked(phantom: Phantom, rng: Rng) -> Question | None:
    """Whether a finding lies on the side that is named."""
    finding = _draw(rng, _single(phantom, words.LATERAL))
    if finding is None:
        return None
    asked = ("right", "left")[int(rng.integers(2))]
    return _make(rng, "side asked", _yes(asked == finding.side), finding.entity, side=asked)


def zone_asked(phantom: Phantom, rng: Rng) -> Question | None:
    """Whether a finding lies in the zone that is named."""
    finding = _draw(rng, [f for f in _single(phantom, words.ZONAL) if f.zone in words.ASKED_ZONES])
    if finding is None or finding.zone is None:
        return None
    others: list[Zone] = [zone for zone in words.ASKED_ZONES if zone != finding.zone]
    truth = bool(rng.random() < 0.5)
    zone = finding.zone if truth else others[int(rng.integers(2))]
    return _make(rng, "zone asked", _yes(truth), finding.entity, zone=words.ZONE_NAMES[zone])


def side_choice(phantom: Phantom, rng: Rng) -> Question | None:
    """Right or left."""
    finding = _draw(rng, _single(phantom, words.LATERAL))
    return _make(rng, "side choice", str(finding.side).capitalize(), finding.entity) if finding else None


def view_asked(phantom: Phantom, rng: Rng) -> Question | None:
    """Whether the projection is the one that is named."""
    asked = ("PA", "AP")[int(rng.integers(2))]
    return _make(rng, "view asked", _yes(asked == phantom.view), view=asked)


def normal(phantom: Phantom, rng: Rng) -> Question | None:
    """Whether the image is normal, or abnormal: asked of all normal images, and of as many others."""
    normal = not phantom.findings
    if not normal and all(name in words.DEVICES for name in entities(phantom)):
        return None  # whether a device makes an image abnormal is a matter of taste
    if not normal and rng.random() > words.ABNORMAL_ASKED:
        return None
    inverted = rng.random() < 0.5
    return _make(rng, "abnormal" if inverted else "normal", _yes(normal != inverted))


def quality(phantom: Phantom, rng: Rng) -> Question | None:
    """Rotation or a shallow breath, asked of as many images without as with."""
    template = ("rotation", "volumes")[int(rng.integers(2))]
    truth = phantom.rotated if template == "rotation" else phantom.low_inspiration
    return _make(rng, template, _yes(truth)) if truth or rng.random() < words.GOOD_QUALITY_ASKED else None


def where(phantom: Phantom, rng: Rng) -> Question | None:
    """Side and zone of a finding."""
    finding = _draw(rng, _single(phantom, words.ZONAL))
    if finding is None or finding.zone is None:
        return None
    return _make(rng, "where", f"{str(finding.side).capitalize()} {words.ZONE_NAMES[finding.zone]}", finding.entity)


def side_open(phantom: Phantom, rng: Rng) -> Question | None:
    """The side of a finding, or both."""
    names = [name for name in entities(phantom) if name in words.LATERAL]
    if not names:
        return None
    name = names[int(rng.integers(len(names)))]
    sides = {finding.side for finding in phantom.findings if finding.entity == name}
    answer = "Both sides" if len(sides) == 2 else str(next(iter(sides))).capitalize()
    return _make(rng, "side", answer, name)


def abnormality(phantom: Phantom, rng: Rng) -> Question | None:
    """The only abnormality of the image, or "none"."""
    names = [name for name in entities(phantom) if name not in words.DEVICES]
    if len(names) > 1 or (not names and rng.random() > words.NOTHING_ASKED):
        return None
    return _make(rng, "abnormality", words.NAMES[names[0]].capitalize() if names else "None")


def abnormality_at(phantom: Phantom, rng: Rng) -> Question | None:
    """What lies in a zone that holds one finding only."""
    place = [(f.side, f.zone) for f in phantom.findings]
    whole = {f.side for f in phantom.findings if f.zone is None}  # those of no zone may reach into any
    options = [
        f
        for f in phantom.findings
        if f.entity in words.ZONAL and place.count((f.side, f.zone)) == 1 and f.side not in whole
        and "bilateral" not in whole
    ]  # fmt: skip
    finding = _draw(rng, options)
    if finding is None or finding.zone is None:
        return None
    place_name = f"{finding.side} {words.ZONE_NAMES[finding.zone]}"
    return _make(rng, "abnormality at", words.NAMES[finding.entity].capitalize(), place=place_name)


def size(phantom: Phantom, rng: Rng) -> Question | None:
    """Small, moderate or large."""
    finding = _draw(rng, _single(phantom, words.SIZED))
    return _make(rng, "size", finding.severity.capitalize(), finding.entity) if finding else None


def degree(phantom: Phantom, rng: Rng) -> Question | None:
    """Mild, moderate or severe."""
    finding = _draw(rng, [f for f in phantom.findings if f.entity in words.GRADED])
    return _make(rng, "degree", words.DEGREES[finding.severity], finding.entity) if finding else None


def view(phantom: Phantom, rng: Rng) -> Question | None:
    """PA or AP."""
    return _make(rng, "view", phantom.view)


def modality(phantom: Phantom, rng: Rng) -> Question | None:
    """The one question with one answer."""
    return _make(rng, "modality", "X-ray")


def organ(phantom: Phantom, rng: Rng) -> Question | None:
    """The organ that all findings belong to."""
    organs = {words.ORGANS[name] for name in entities(phantom) if name in words.ORGANS}
    if len(organs) != 1 or (organs == {"Lung"} and rng.random() > words.LUNG_ASKED):
        return None
    return _make(rng, "organ", organs.pop())


def devices(phantom: Phantom, rng: Rng) -> Question | None:
    """Kinds of device; asked of about as many images without as with."""
    count = sum(phantom.shows(name) for name in words.DEVICES)
    return _make(rng, "devices", str(count)) if count or rng.random() < words.NO_DEVICE_ASKED else None

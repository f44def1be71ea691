"""Passages of a report: what is found, doubted and denied, remarks on quality, and the impression."""

import numpy as np

from gkmvlp.phantom.plan import Finding, Phantom, Zone
from gkmvlp.phantom.writing import sentence_frames as frames
from gkmvlp.phantom.writing import word_tables as words
from gkmvlp.phantom.writing.noun_phrases import Statement, chance, pick
from gkmvlp.phantom.writing.sentences import Sentence, denied, joined, mixed, present, resolved, uncertain

DEVICES = ("central line", "pacemaker")
# Findings that share no sentence with others.
OWN_SENTENCE = ("cardiomegaly", "elevated hemidiaphragm", *DEVICES)
# What may be doubted although it is not there.
DOUBTED_ABSENT = ("atelectasis", "consolidation", "nodule", "pleural effusion", "pneumothorax", "edema")
_ZONES: tuple[Zone, ...] = ("upper", "mid", "lower")


def state_findings(
    rng: np.random.Generator, findings: list[Finding], spare: list[str], changes: dict[str, str], extent: float
) -> list[Sentence]:
    """Sentences for present findings, at times two in one or one beside a denial taken from ``spare``."""
    written: list[Sentence] = []
    queue = [findings[int(i)] for i in rng.permutation(len(findings))]
    while queue:
        finding = queue.pop()
        combines = finding.entity not in OWN_SENTENCE
        if combines and queue and queue[-1].entity not in (*OWN_SENTENCE, finding.entity) and chance(rng, 0.3):
            written.append(joined(rng, finding, queue.pop()))
        elif combines and spare and chance(rng, 0.12):
            written.append(mixed(rng, finding, spare.pop()))
        else:
            written.append(present(rng, finding, changes.get(finding.entity, ""), extent))
    return written


def doubt_absent(rng: np.random.Generator, entity: str) -> Sentence:
    """Uncertainty about a finding that is not there."""
    place = words.TERMS[entity].place
    side = "bilateral" if place == "diffuse" else pick(rng, ("right", "left"))
    zone = pick(rng, _ZONES) if place == "lung" else "apical" if place == "pleura" else None
    return uncertain(rng, Finding(entity, side, zone, "small", np.zeros((1, 4), np.float32)))  # type: ignore[arg-type]


def deny(rng: np.random.Generator, absent: list[str], prior: bool, clear: bool) -> list[Sentence]:
    """Sentences for absent entities: normal sentences first, the rest in lists of one to four.

    Args:
        rng: Source of all choices.
        absent: Entities to deny.
        prior: True where an earlier study may be named, in which a finding has resolved.
        clear: True where nothing is seen in the lungs.
    """
    written: list[Sentence] = []
    rest = [absent[int(i)] for i in rng.permutation(len(absent))]
    for wanted, pool in (("cardiomegaly", frames.NORMAL), ("consolidation", frames.CLEAR if clear else ())):
        usable = [(names, text) for names, text in pool if set(names) <= {*rest, "enlarged mediastinum"}]
        if usable and chance(rng, 0.95 if wanted == "cardiomegaly" else 0.3):
            names, text = pick(rng, usable)
            written.append(Sentence(text, tuple(Statement(name, 0) for name in names)))
            rest = [name for name in rest if name not in names]
    devices = [name for name in rest if name in DEVICES]
    if devices:
        written.append(denied(rng, devices))
        rest = [name for name in rest if name not in DEVICES]
    while rest:
        gone = resolved(rng, rest[-1]) if prior and chance(rng, 0.06) else None
        if gone:
            rest.pop()
            written.append(gone)
            continue
        count = int(rng.integers(1, 5))
        written.append(denied(rng, rest[-count:]))
        rest = rest[:-count]
    return written


def asides(rng: np.random.Generator, phantom: Phantom, said: set[str]) -> list[Sentence]:
    """Sentences on quality, and some that say nothing of any entity; ``said`` are the entities already named."""
    written: list[Sentence] = []
    if phantom.low_inspiration and chance(rng, 0.9):
        written.append(Sentence(pick(rng, frames.LOW_VOLUMES), (Statement("low lung volumes", 1),)))
    if phantom.rotated and chance(rng, 0.9):
        written.append(Sentence(pick(rng, frames.ROTATED)))
    if "enlarged mediastinum" not in said and chance(rng, 0.2):
        written.append(Sentence(pick(rng, frames.MEDIASTINUM), (Statement("enlarged mediastinum", 0),)))
    if chance(rng, 0.35):
        written.append(Sentence(pick(rng, frames.NEUTRAL)))
    return written


def shuffled(rng: np.random.Generator, written: list[Sentence]) -> list[Sentence]:
    """The sentences in random order."""
    return [written[int(i)] for i in rng.permutation(len(written))]


def conclude(
    rng: np.random.Generator, found: list[Sentence], absent: list[str], quiet: bool
) -> tuple[list[Sentence], str]:
    """The impression's sentences and its text: items on numbered lines, or running text.

    Args:
        rng: Source of all choices.
        found: Sentences on present and uncertain findings.
        absent: Entities that one more sentence may deny.
        quiet: True where nothing was found, so that the study may be called normal.
    """
    written = list(found)
    if quiet and not found:
        written.append(Sentence(pick(rng, frames.ALL_WELL)))
    if not written or (absent and chance(rng, 0.3)):
        written.append(denied(rng, absent[:2] or ["fracture"]))
    if len(written) > 1 and chance(rng, 0.4):
        return written, "\n".join(f"{number}. {item.text}" for number, item in enumerate(written, 1))
    return written, " ".join(item.text for item in written)

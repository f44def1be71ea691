"""The report of a phantom: which findings it states, doubts or denies, in which order, under which headers.

About 93 % of the planted findings are stated with side and zone, 6 % are left uncertain, 1 % is passed over.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gkmvlp.anatomy import Side
from gkmvlp.phantom.plan import FINDINGS, Finding, Phantom
from gkmvlp.phantom.sample import sample_patient
from gkmvlp.phantom.writing import word_tables as words
from gkmvlp.phantom.writing.noun_phrases import Statement, chance, pick
from gkmvlp.phantom.writing.passages import (
    DEVICES,
    DOUBTED_ABSENT,
    OWN_SENTENCE,
    asides,
    conclude,
    deny,
    doubt_absent,
    shuffled,
    state_findings,
)
from gkmvlp.phantom.writing.report_head import head, headers, preface
from gkmvlp.phantom.writing.report_layout import Report, as_text
from gkmvlp.phantom.writing.sentences import Sentence, denied, trend, uncertain

__all__ = ["SCORED", "Report", "as_text", "merge", "sentences", "write_report"]

# Entities whose every mention the grammar records; others (lung opacity, support device) are implied at most.
SCORED: tuple[str, ...] = (*FINDINGS, *words.ONLY_DENIED, "enlarged mediastinum", "low lung volumes")
# The stream of a patient's random numbers from which the report is drawn; the drawing has low numbers.
_REPORT_STREAM = 101
_OUTSIDE_LUNG = ("hernia", *OWN_SENTENCE)
_WEIGHTS: dict[str, float] = {
    **{name: term.weight for name, term in words.TERMS.items()},
    **{name: weight for name, (_, weight) in words.ONLY_DENIED.items()},
}


@dataclass(frozen=True)
class _Content:
    """What a report is to say: findings to state, to doubt, entities to deny; how it compares with before."""

    sure: list[Finding]
    doubtful: list[Finding]
    doubted_absent: str | None
    absent: list[str]
    clear: bool
    prior: bool
    changes: dict[str, str]
    extent: float


def merge(statements: Iterable[Statement]) -> dict[str, int]:
    """Entity -> status over all statements: present outweighs uncertain, uncertain outweighs absent."""
    rank = {0: 0, -1: 1, 1: 2}
    stated: dict[str, int] = {}
    for statement in statements:
        if rank[statement.status] >= rank[stated.get(statement.entity, 0)]:
            stated[statement.entity] = statement.status
    return stated


def _grouped(rng: np.random.Generator, findings: Sequence[Finding]) -> list[list[Finding]]:
    """Findings by entity; equal ones on both sides become one bilateral finding most of the time."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.entity, []).append(finding)
    for entity, group in groups.items():
        alike = len(group) == 2 and group[0].zone == group[1].zone
        if alike and words.TERMS[entity].place in ("lung", "pleura", "side") and chance(rng, 0.6):
            groups[entity] = [replace(group[0], side="bilateral")]
    return list(groups.values())


def _choose(rng: np.random.Generator, phantom: Phantom) -> _Content:
    """Draws which findings are stated, which are doubted and what is denied."""
    sure: list[Finding] = []
    doubtful: list[Finding] = []
    for group in _grouped(rng, phantom.findings):
        draw = rng.random()
        if draw < 0.065 and group[0].entity not in DEVICES:
            doubtful += group[:1]
        elif draw < 0.99:
            sure += group
    extra = pick(rng, DOUBTED_ABSENT) if chance(rng, 0.04) else None
    doubted = extra if extra and not phantom.shows(extra) else None
    absent = [name for name, p in _WEIGHTS.items() if not phantom.shows(name) and name != doubted and chance(rng, p)]
    clear = doubted is None and all(finding.entity in _OUTSIDE_LUNG for finding in phantom.findings)
    prior = chance(rng, 0.55)
    changes = {finding.entity: trend(rng, finding.entity) for finding in sure} if prior else {}
    extent = float(max(phantom.image_HW.shape))
    return _Content(sure, doubtful, doubted, absent, clear, prior, changes, extent)


def _found(rng: np.random.Generator, content: _Content, spare: list[str], share: float) -> list[Sentence]:
    """Fresh sentences on what is there and what is in doubt.

    Args:
        rng: Source of all choices.
        content: What the report says.
        spare: Absent entities that may be denied in passing; those used are taken out.
        share: Share of the stated findings that are named.
    """
    kept = [finding for finding in content.sure if chance(rng, share)]
    written = state_findings(rng, kept, spare, content.changes, content.extent)
    written += [uncertain(rng, finding) for finding in content.doubtful]
    if content.doubted_absent:
        written.append(doubt_absent(rng, content.doubted_absent))
    return shuffled(rng, written)


def _other_side(rng: np.random.Generator, phantom: Phantom, sure: list[Finding]) -> list[Sentence]:
    """At times the free side of a one-sided effusion or pneumothorax."""
    written: list[Sentence] = []
    for finding in sure:
        if finding.entity not in ("pleural effusion", "pneumothorax") or finding.side not in ("left", "right"):
            continue
        other: Side = "left" if finding.side == "right" else "right"
        both = any(each.entity == finding.entity and each.side == other for each in phantom.findings)
        if not both and chance(rng, 0.08):
            written.append(denied(rng, [finding.entity], other))
    return written


def _body(rng: np.random.Generator, phantom: Phantom, content: _Content) -> list[Sentence]:
    """The sentences of the findings section."""
    spare = [name for name in content.absent if name not in OWN_SENTENCE]
    left = list(spare)
    written = _found(rng, content, left, 1.0)
    used = set(spare) - set(left)
    written += deny(rng, [name for name in content.absent if name not in used], content.prior, content.clear)
    said = {statement.entity for item in written for statement in item.statements}
    written += asides(rng, phantom, said) + _other_side(rng, phantom, content.sure)
    return shuffled(rng, written or [denied(rng, ["fracture"])])


def write_report(phantom: Phantom, rng: np.random.Generator) -> Report:
    """A report of the phantom.

    Args:
        phantom: What is known of the image.
        rng: Source of all choices.

    Returns:
        The report; 64 % have findings and impression, 16 % only an impression, 20 % only findings.
    """
    content = _choose(rng, phantom)
    kind = rng.random()
    body = _body(rng, phantom, content) if kind < 0.64 or kind >= 0.8 else []
    closing: list[Sentence] = []
    impression = ""
    if kind < 0.8:
        deniable = [name for name in content.absent if name not in OWN_SENTENCE]
        found = _found(rng, content, [], 0.75 if body else 1.0)
        closing, impression = conclude(rng, found, deniable, not (content.sure or content.doubtful))
    pairs = [(statement, item.text) for item in (*body, *closing) for statement in item.statements]
    findings = " ".join(item.text for item in body)
    return Report(
        findings=findings,
        impression=impression,
        headers=headers(rng),
        preface=preface(rng, impression.replace("\n", " ") or findings),
        statements=tuple(statement for statement, _ in pairs),
        sentences=tuple(text for _, text in pairs),
        stated=merge(statement for statement, _ in pairs),
        **head(rng, phantom, content.prior),
    )


def _undrawn(seed: int, index: int) -> Phantom:
    """A phantom with all that a report reads, but no pixels drawn."""
    plan = sample_patient(seed, index)
    extent = {"nodule": 12, "mass": 32}
    findings = tuple(
        Finding(each.entity, each.side, each.zone, each.severity,
                np.array([[0, 0, *[extent.get(each.entity, 20) * (0.7 + 0.6 * each.size)] * 2]], np.float32))
        for each in plan.findings
    )  # fmt: skip
    return Phantom(np.zeros((256, 256), np.uint8), plan.view, plan.sex, plan.age, plan.turned != 0,
                   plan.low_inspiration, np.zeros((29, 4), np.float32), findings)  # fmt: skip


def sentences(seed: int, count: int) -> list[tuple[str, dict[str, int]]]:
    """Report texts with what they state, for scoring a labeler; statuses are complete for ``SCORED``.

    Args:
        seed: Seed of the phantoms; take one that no training corpus has.
        count: Number of reports.

    Returns:
        ``count`` pairs of findings and impression as running text, and entity -> 1, 0 or -1.
    """
    pairs: list[tuple[str, dict[str, int]]] = []
    for index in range(count):
        report = write_report(_undrawn(seed, index), np.random.default_rng([seed, index, _REPORT_STREAM]))
        pairs.append((f"{report.findings}\n{report.impression}".strip(), report.stated))
    return pairs

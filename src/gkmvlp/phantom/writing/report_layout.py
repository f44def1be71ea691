"""A report as its hospital ships it: sections, headers, lines of at most 79 characters, one leading space."""

import textwrap
from dataclasses import dataclass

from gkmvlp.phantom.writing.noun_phrases import Statement

_WIDTH = 79
_RULE = "_" * 78


@dataclass(frozen=True)
class Report:
    """A report with what its findings and impression state.

    Attributes:
        findings: Text of that section, "" where the report has none.
        impression: Text of that section, "" where the report has none; numbered items stand on lines of their own.
        indication: Why the examination was asked for; says nothing about the image.
        examination: Name of the examination.
        technique: How it was taken, "" where not said.
        comparison: Earlier studies, "" where not said.
        headers: Official spellings of the headers of examination and indication.
        preface: Wet read or addendum that stands before the report, "" where there is none.
        statements: What findings and impression say, sentence by sentence, in order.
        sentences: The sentences that hold ``statements``, one for each.
        stated: Entity -> 1 present, 0 absent, -1 uncertain; entities that are not mentioned are missing.
    """

    findings: str
    impression: str
    indication: str
    examination: str
    technique: str
    comparison: str
    headers: tuple[str, str]
    preface: str
    statements: tuple[Statement, ...]
    sentences: tuple[str, ...]
    stated: dict[str, int]


def _section(header: str, text: str) -> list[str]:
    lines: list[str] = []
    for part in text.split("\n"):
        first = f" {header}:  " if header and not lines else " "
        lines += textwrap.wrap(part, _WIDTH, initial_indent=first, subsequent_indent=" ", break_on_hyphens=False)
    return [*lines, " "]


def as_text(report: Report) -> str:
    """The report file: title centred, headers in capitals, blank lines of one space, LF.

    A wet read or addendum comes first, a line of underscores below it.
    """
    lines: list[str] = []
    if report.preface:
        lines += [*_section("", report.preface), _RULE]
    lines += [" " * 33 + "FINAL REPORT"]
    examination, indication = report.headers
    sections = (
        (examination, report.examination),
        (indication, report.indication),
        ("TECHNIQUE", report.technique),
        ("COMPARISON", report.comparison),
        ("FINDINGS", report.findings),
        ("IMPRESSION", report.impression),
    )
    for header, text in sections:
        if text:
            lines += _section(header, text)
    return "\n".join(lines[:-1]) + "\n"

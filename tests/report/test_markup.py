"""What other programs leave in a text: it reads as its author wrote it, and nothing that is denied becomes present."""

import time

import pytest

from gkmvlp.entities import ENTITIES
from gkmvlp.report.labeler import ABSENT, NOT_MENTIONED, PRESENT, label_report, statuses
from gkmvlp.report.markup import without_markup
from gkmvlp.report.sections import report_text

NAMES = [entity.name for entity in ENTITIES]
WANTED = {"pleural effusion": ABSENT, "cardiomegaly": PRESENT}


def read(text: str) -> dict[str, int]:
    status_E = statuses(label_report(report_text(text)))
    return {name: int(status) for name, status in zip(NAMES, status_E, strict=True) if status != NOT_MENTIONED}


@pytest.mark.parametrize(
    "text",
    [
        "No&nbsp;pleural&nbsp;effusion. Mild&#160;cardiomegaly.",
        "<p>No effusion.</p><p>Cardiomegaly.</p>",
        '<AbstractText Label="FINDINGS">No effusion.</AbstractText>'
        '<AbstractText Label="IMPRESSION">Cardiomegaly.</AbstractText>',
        '<AbstractText Label="INDICATION">Pneumonia</AbstractText>'
        '<AbstractText Label="FINDINGS">No effusion. Cardiomegaly.</AbstractText>',
        "<report><history>Pneumonia</history><findings>No effusion</findings>"
        "<impression>Cardiomegaly</impression></report>",
        "No effusion. <span class='seen' style=\"color: red\">Cardio<b>megaly</b></span>.",
        "No <strike>pleural</strike> <font color=red>effusion</font>. Cardiomegaly.",
        "<h1>Findings</h1>No effusion<h2>Impression</h2>Cardiomegaly",
        '<tr><th>Effusion</th> <td class="x">no</td></tr><tr><th>Cardiomegaly</th><td width=20>yes</td></tr>',
        "<dl><dt>Effusion</dt><dd>none</dd><dt>Cardiomegaly</dt><dd>mild</dd></dl>",
        '<finding name="edema" value="absent"/><finding name="effusion">absent</finding><p>Cardiomegaly</p>',
        "Dr. <name> told of no <b>effusion</b> on <date>. Cardiomegaly.",
        "&lt;p&gt;No effusion.&lt;/p&gt;&lt;p&gt;Cardiomegaly.&lt;/p&gt;",
        "Findings:_x000D_Cardiomegaly._x000D_No effusion.",
        "No effusion._x000D_\nCardiomegaly.",
        r"No effusion.\.br\Cardiomegaly.",
        r"No effusion\r\nCardiomegaly",
        "No pleu\xadral effu\xadsion. Cardio\xadmegaly.",
        "No pleu\u200bral effusion. Cardio\u200bmegaly.",
        "\u2611 Cardiomegaly\n\u2610 Pleural effusion",
        "FINDINGS:NO EFFUSION.CARDIOMEGALY.",
        "No effu-\nsion. Cardio-\nmegaly.",
        "FINDINGS colon no pleural effusion period new paragraph IMPRESSION colon cardiomegaly period",
        "no effusion period new line mild cardiomegaly full stop",
        "no effusion at this time period new paragraph cardiomegaly is about the same period",
        "findings colon new line no effusion period new line impression colon new line cardiomegaly",
        "\u2717 Pleural effusion\n\u2713 Cardiomegaly",
        "Pleural effusion \u2716\ufe0f\nCardiomegaly \u2714",
        "Pleural effusion: \u2718\nCardiomegaly: \u2713",
        "Pleural effusion \u2717, cardiomegaly \u2713",
        r"{\rtf1\ansi{\fonttbl{\f0 Arial;}}\f0\fs20 FINDINGS: No pleural effusion.\par Cardiomegaly.\par}",
    ],
)
def test_the_statements_are_those_of_the_author(text: str) -> None:
    assert read(text) == WANTED


def test_a_new_line_is_a_catheter_but_behind_a_stop_or_before_a_heading() -> None:
    assert without_markup("heart size normal new line in place period") == "heart size normal new line in place."
    assert without_markup("clear period new line is at the carina period") == "clear. new line is at the carina."
    assert without_markup("clear new line impression normal full stop") == "clear\n impression normal."
    assert (
        without_markup("in the interim period the edema is worse period") == "in the interim period the edema is worse."
    )


def test_a_letter_that_a_printer_joined_and_a_hyphen_that_does_not_break() -> None:
    assert read("Pulmonary \ufb01brosis.")["fibrosis"] == PRESENT
    assert report_text("Non\u2011calcified, ca. &lt;5 mm") == "Non-calcified, ca. <5 mm"
    assert report_text("Non-\ncalcified. Air-\nspace.") == "Non-calcified. Air-space."
    assert report_text("A non-\ncalci-\nfied nodule.") == "A non-calcified nodule."
    assert report_text("Pneu-\nmo-\n thorax, well-\nto-\ndo.") == "Pneumothorax, well-to-do."


def test_rtf_shows_what_a_word_processor_shows() -> None:
    """By Microsoft's specification: groups of fonts, styles and marked ones are hidden; bytes are of code page 1252."""
    text = (
        "{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0\\fswiss Hernia;}}{\\colortbl;\\red0\\green0\\blue0;}"
        "{\\*\\generator Mass 1.0;}{\\info{\\author Nodule}}\\viewkind4\\uc1\\nowidctlpar\\b Findings:\\b0\\par\r\n"
        "Caf\\'e9 au lait \\{no\\}\\tab \\u233? x\\~y\\line non\\_calcified, soft\\-ly\\par}"
    )
    assert without_markup(text) == "Findings:\nCaf\xe9 au lait {no} \xe9 x y\nnon-calcified, softly\n"


@pytest.mark.parametrize(
    ("rtf", "wanted"),
    [
        (r"it\u8217\'92s", "it\u2019s"),
        (r"\uc2 a\u946\'62\'65b", "a\u03b2b"),
        (r"{\uc0 a\u233 b}c\u233?d\u233 xe", "a\xe9bc\xe9d\xe9e"),
        (r"\u233\par x", "\xe9\nx"),
        (r"x\u8217\rquote y\u233\b0 z", "x\u2019y\xe9z"),
        (r"a\emdash b\endash c\bullet d\tab e", "a\u2014b\u2013c\u2022d e"),
        (r"\lquote a\rquote \ldblquote b\rdblquote", "\u2018a\u2019\u201cb\u201d"),
        (r"{\headerl {w}x}{\headerr x}{\headerf x}{\footerl x}{\footerr x}{\footerf x}a{\footnote {\b x}y}z", "az"),
        (r"no\unknown1\other effusion\unknown.", "no effusion."),
        (r"pneumo\b thorax{\f1 \unknown s}", "pneumothoraxs"),
    ],
)
def test_rtf_is_read_as_it_is_shown(rtf: str, wanted: str) -> None:
    """By Microsoft's specification: what older readers show for ``\\uN`` is left out as ``\\ucN`` says."""
    assert without_markup(f"{{\\rtf1 {rtf}}}") == wanted


def test_halves_of_a_character_are_joined_and_one_alone_is_replaced() -> None:
    """By Unicode: D83D DE00 is U+1F600; one half alone is no character, which UTF-8 could not hold."""
    assert without_markup(r"{\rtf1 a\u-10179?\u-8704?b}") == "a\U0001f600b"
    assert without_markup("a_xD83D__xDE00_b") == "a\U0001f600b"
    assert without_markup("_xD83D_ab") == "\ufffdab"
    assert without_markup("ab\ude00") == "ab\ufffd"
    assert without_markup("\ud83d").encode() == "\ufffd".encode()


@pytest.mark.parametrize(
    "text",
    [
        "No effusion. Gas in the colon over a period of days.",
        "Clear for a period of two weeks",
        "in the interim period the edema is worse",
        "edema over the same period",
        "stable in the follow-up period",
        "admitted for a short period",
        "heart size normal new line in place after a brief period",
        "new line over the interim period",
        "R&L; AT&T and x_y",
        "A <5 mm nodule, >3 mm",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert without_markup(text) == text


@pytest.mark.parametrize(
    "unit", ["&", "&#", "_x00", "{\\rtf", "\\", "period ", "a-\n", "A", "<p", "<p a='b' ", "<a-b ", "AAAA."]
)
def test_reading_takes_linear_time(unit: str) -> None:
    start = time.perf_counter()
    report_text("{\\rtf1 " * (unit == "\\") + unit * (200_000 // len(unit)))
    assert time.perf_counter() - start < 3

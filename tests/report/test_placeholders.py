"""Texts that stand in a report's place are none."""

from time import process_time

import numpy as np
import pytest

from gkmvlp.data_modules.pipeline.report_labels import PLACEHOLDER, label_one
from gkmvlp.report.placeholders import is_placeholder
from gkmvlp.report.sections import report_text

_NONE = (
    "no report available", "Report pending.", "see separate report", "dictation not available", "REPORT UNAVAILABLE",
    "[report pending]", "<no report>", "*** no report found ***", "Refer to CT report.", "Report to follow.",
    "Not yet reported.", "Study not reported.", "Awaiting report.", "Dictated separately.",
    "No radiology report is available for this study.", "There is no report for this exam.", "Findings: pending",
    "IMPRESSION: See above.", "FINDINGS: See separate report. IMPRESSION: See separate report.", "n/a", "---", "?",
    "The report for this study is not available.", "exam cancelled", "no findings available", "Report: n/a",
    "1", "3.5", "2020-01-01", "true", "reports/12.txt", "C:\\r\\0.TXT", "https://a.org/reports/12",
)  # fmt: skip
_STATEMENTS = (
    "No findings.", "Findings: none.", "No findings found.", "Normal.", "NAD", "Unchanged.", "Nothing to report",
    "No effusion. Report pending.", "See report. Heart enlarged.", "No pneumothorax found.", "Results: normal",
    "As above, effusion.", "clear/stable", "No", "negative", "1. No effusion.", "No findings were found",
    "Findings none.", "No findings", "Findings: none", "FINDINGS:\nNone.", "Findings - none", "no findings none",
)  # fmt: skip


@pytest.mark.parametrize("text", _NONE)
def test_a_text_that_says_that_there_is_no_report_is_counted_and_left_out(text: str) -> None:
    labeled = label_one("1", text.encode(), plain=True)
    assert labeled.text == ""
    assert labeled.note
    assert not np.any(labeled.status_E >= 0)
    assert not report_text(text) or labeled.note == PLACEHOLDER


@pytest.mark.parametrize("text", _STATEMENTS)
def test_a_statement_however_short_is_a_report(text: str) -> None:
    assert not is_placeholder(report_text(text))
    assert label_one("1", text.encode(), plain=True).text


@pytest.mark.parametrize("start", ["Report", "No report", "See report", "Findings", "Not reported", "Study"])
@pytest.mark.parametrize(
    "words", [" has been", " with ct above", " with ct yet", " with the other report here", " yet", " text"]
)
def test_the_time_does_not_double_with_each_word(start: str, words: str) -> None:
    begin = process_time()
    assert not is_placeholder((start + words * 60)[:290] + " seen there")
    assert process_time() - begin < 0.2  # in the longest text


def test_places_behind_a_report_with_another_study_are_read_in_one_way() -> None:
    assert is_placeholder("Reported with ct above.") is is_placeholder("Reported with ct.")
    assert is_placeholder("See report with the other exam in pacs.")
    assert is_placeholder("See report with ct abdomen on file.")
    assert not is_placeholder("See report with ct abdomen effusion.")

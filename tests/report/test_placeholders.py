"""Texts that stand in a report's place are none."""

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

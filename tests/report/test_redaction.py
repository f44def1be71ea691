"""XXXX, the mark of de-identification, on its way out of a text."""

import re
from pathlib import Path

import pandas as pd
import pytest

from gkmvlp.report.redaction import without_redactions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Normal chest x-XXXX.", "Normal chest x-ray."),
        ("PA chest X-XXXX dated XXXX, XXXX.", "PA chest X-ray dated."),
        ("There are no XXXX of a pleural effusion.", "There are no of a pleural effusion."),
        ("XXXX-year-old with XXXX/XXXX at 4XXXX, seen.", "year-old with at, seen."),
        ("Lungs clear. XXXX. No effusion 1.5 cm.", "Lungs clear. No effusion 1.5 cm."),
        ("No mark; two  blanks and XXX stay.. ", "No mark; two  blanks and XXX stay.. "),
        ("xxxx opacity", "opacity"),
    ],
)
def test_marks_go_with_what_they_leave_alone(text: str, expected: str):
    assert without_redactions(text) == expected


def words(text: str) -> list[str]:
    """Words without marks and without the film, of which a mark may have taken the second half."""
    return [word for word in re.findall(r"[a-z0-9]+", text.lower()) if "xxxx" not in word and word not in ("x", "ray")]


def test_real_reports_lose_marks_alone(shared_data: Path):
    reports = pd.read_csv(shared_data / "iu_xray" / "pairs.csv", dtype=str, keep_default_na=False)["report"]
    marked = [text for text in reports if "XXXX" in text]
    assert len(marked) > 1000
    for text in marked:
        left = without_redactions(text)
        assert "XXXX" not in left.upper()
        assert words(left) == words(text)

"""Reports as the official files ship them, and others."""

import pytest

from gkmvlp.data_modules.pipeline.report_labels import NO_SECTIONS, label_one
from gkmvlp.report.sections import parse_sections, report_text

OFFICIAL = """                                 FINAL REPORT
 EXAMINATION:  CHEST (PA AND LAT)
 
 INDICATION:  ___ year old man with cough, rule out pneumonia  // evaluate
 
 COMPARISON:  Chest radiograph from ___.
 
  FINDINGS:
 
 The heart is mildly enlarged.  There is no pleural effusion
 or pneumothorax.
 
 IMPRESSION:
 
 Mild cardiomegaly, compared to ___.
"""  # noqa: W293


def test_one_section_alone() -> None:
    assert report_text(OFFICIAL, "findings").startswith("The heart is mildly enlarged. There is no pleural")
    assert "cardiomegaly" not in report_text(OFFICIAL, "findings")
    assert report_text(OFFICIAL, "impression") == "Mild cardiomegaly, compared to ."
    assert report_text("Clear lungs.", "both") == "Clear lungs."
    assert report_text("Clear lungs.", "findings") == ""


def test_official_report() -> None:
    sections = parse_sections(OFFICIAL)
    assert list(sections) == ["examination", "indication", "comparison", "findings", "impression"]
    assert report_text(OFFICIAL) == (
        "The heart is mildly enlarged. There is no pleural effusion or pneumothorax. Mild cardiomegaly, compared to ."
    )


def test_addendum_and_wet_read_come_first_and_are_left_out() -> None:
    wet = "                                 WET READ: ___ ___ 9:05 AM\n Large effusion.\n IMPRESSION: Pneumothorax.\n"
    line = " ______________________________________________________________________________\n"
    assert report_text(wet + line + OFFICIAL) == report_text(OFFICIAL)
    assert report_text(wet + OFFICIAL) == report_text(OFFICIAL)
    addendum = " **********ADDENDUM***********\n FINDINGS: Old rib fracture.\n"
    sections = parse_sections(addendum + line + OFFICIAL)
    assert "Old rib fracture" in sections["addendum"]
    assert "fracture" not in report_text(addendum + line + OFFICIAL)
    assert "fracture" not in report_text(OFFICIAL + "\n ADDENDUM:  Old rib fracture.\n")


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (" FINIDNGS: ", "findings"),
        (" FINDNGS: ", "findings"),
        (" IMPRESSON: ", "impression"),
        (" MPRESSION: ", "impression"),
        (" FINDINGS AND IMPRESSION: ", "impression"),
        (" FINDINGS/IMPRESSION: ", "impression"),
        (" CONCLUSION: ", "impression"),
        (" COMPARISION: ", "comparison"),
        (" NDICATION: ", "indication"),
        (" REASON FOR EXAMINATION: ", "indication"),
        (" CLINICAL INFORMATION: ", "history"),
        (" CHEST, TWO VIEWS: ", "findings"),
        (" PORTABLE AP CHEST RADIOGRAPH: ", "findings"),
        ("Findings: ", "findings"),
        ("IMPRESSION\n", "impression"),
        (" NOTIFICATION: ", "notification"),
    ],
)
def test_headers(header: str, name: str) -> None:
    assert parse_sections(f"\n{header}Some text.\n") == {name: "Some text."}


def test_headers_in_one_line() -> None:
    text = "INDICATION: Cough. FINDINGS: Clear lungs. IMPRESSION: No effusion."
    assert report_text(text) == "Clear lungs. No effusion."


@pytest.mark.parametrize("word", ["none", "nil.", "normal", "Negative.", "unremarkable"])
@pytest.mark.parametrize("heading", ["Findings", "FINDINGS", "findings", "Impression"])
def test_a_heading_without_colon_heads_a_word_that_denies(heading: str, word: str) -> None:
    assert report_text(f"{heading} {word}") == word
    assert label_one("1", f"{heading} {word}".encode(), plain=True).text == word


def test_a_heading_without_colon_is_part_of_a_statement() -> None:
    assert report_text("Findings normal for age.") == "Findings normal for age."
    assert report_text("Effusion. Findings unremarkable otherwise.") == "Effusion. Findings unremarkable otherwise."


def test_organ_headings_stay_in_the_findings() -> None:
    text = "INDICATION: Cough.\nLUNGS: Clear.\nHEART: Normal.\nIMPRESSION: Fine."
    assert report_text(text) == "LUNGS: Clear. HEART: Normal. Fine."


def test_last_paragraph_where_nothing_else_is_there() -> None:
    text = "                FINAL REPORT\n INDICATION:  Cough.\n \n There is a ___ effusion.\n"
    assert report_text(text) == "There is a effusion."
    assert report_text(" INDICATION:  Cough.\n") == ""


@pytest.mark.parametrize("text", ["", " \n \n", "___", "                                 FINAL REPORT\n"])
def test_nothing(text: str) -> None:
    assert report_text(text) == ""


def test_text_without_headers_is_kept_whole() -> None:
    assert report_text("PORTABLE CHEST\n \n Clear lungs.\n\n No effusion at 9:05 am.") == (
        "Clear lungs. No effusion at 9:05 am."
    )


def test_windows_line_ends() -> None:
    assert report_text(OFFICIAL.replace("\n", "\r\n")) == report_text(OFFICIAL)


def test_a_users_text_without_headers_is_read_whole_and_gets_no_note() -> None:
    text = "There is edema.\n\nThe heart is large.\n\nNo effusion."
    assert label_one("1", text.encode(), plain=True).text == "There is edema. The heart is large. No effusion."
    assert label_one("1", text.encode(), plain=True).note == ""
    assert label_one("1", text.encode()).note == NO_SECTIONS
    assert label_one("1", b"Technique: PA.\n\nThere is edema.", plain=True).note == NO_SECTIONS


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Indication: cough. Findings: edema. Impression: mass.", ["indication", "findings", "impression"]),
        ("indication: cough. findings: edema. impression: mass.", ["indication", "findings", "impression"]),
        ("Clinical history: cough Findings: edema", ["history", "findings"]),
        ("The findings are those of edema, with a history of mass.", ["preamble"]),
        ("EFFUSION: NONE\nHEART: NORMAL", ["findings"]),
        ("**Impression:** mass", ["impression"]),
    ],
)
def test_headers_in_any_case(text: str, names: list[str]) -> None:
    assert list(parse_sections(text)) == names

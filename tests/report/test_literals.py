"""Reports that a program wrote out as its own value are read as the text they hold."""

import pytest

from gkmvlp.data_modules.pipeline.report_labels import label_one
from gkmvlp.entities import ENTITY_INDEX
from gkmvlp.report.literals import without_literal

_BOTH = {"pleural effusion": 0, "edema": 1}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("b'No effusion. Edema.'", "No effusion. Edema."),
        ("b'No effusion.\\nEdema.'", "No effusion. Edema."),
        ("['No effusion.', 'Edema.']", "No effusion. Edema."),
        ('["No effusion", "Edema"]', "No effusion. Edema"),
        ('{"findings": "No effusion.", "impression": "Edema."}', "No effusion. Edema."),
        ("('No effusion.', 'Edema.')", "No effusion. Edema."),
        ("(b'No effusion.', None, 'Edema.')", "No effusion. Edema."),
        ("('No effusion. Edema.')", "No effusion. Edema."),
        ("'No effusion.\\nEdema.'", "No effusion. Edema."),
        ("['No effusion.'\n 'Edema.']", "No effusion. Edema."),
        ("['No effusion '\n 'is seen. Edema.']", "No effusion is seen. Edema."),
        ("('No effusion '\n 'is seen. Edema.')", "No effusion is seen. Edema."),
        ('"No effusion." "Edema."', "No effusion. Edema."),
        ('"No effusion" "Edema"', "No effusion. Edema"),
        ("[['No effusion'], ['Edema']]", "No effusion. Edema"),
        ('{"findings": ["No effusion", "Edema"], "impression": []}', "No effusion. Edema"),
        ("{'findings': ('No effusion.', 'Edema.'), 'study_id': 12}", "No effusion. Edema."),
        ("{'text': 'No effusion. Edema.'}", "No effusion. Edema."),
        ('[{"sentence": "No effusion.", "begin": 0}, {"sentence": "Edema.", "begin": 13}]', "No effusion. Edema."),
        ('[{"id": "s1", "sentence": "No effusion"}, {"id": "s2", "sentence": "Edema"}]', "No effusion. Edema"),
        ('{"exam": "CXR", "note": "No effusion. Edema."}', "No effusion. Edema."),
        ('{"id": "A1", "final_report": "HISTORY: mass\\nFINDINGS: No effusion. Edema."}', "No effusion. Edema."),
        ('{"history": "mass", "final report": "No effusion. Edema."}', "No effusion. Edema."),
        ('{"line1": "No effusion.", "line2": "Edema."}', "No effusion. Edema."),
        ('{"report": "ADDENDUM: mass\\n________\\nFINAL REPORT\\nNo effusion. Edema."}', "No effusion. Edema."),
        ("{'findings': {'pleura': 'No effusion.', 'lungs': 'Edema.'}}", "PLEURA: No effusion. LUNGS: Edema."),
        ('{"absent": ["effusion"], "present": ["edema"]}', "ABSENT: effusion. PRESENT: edema"),
        ('{"present": ["edema"], "absent": ["effusion"]}', "PRESENT: edema. ABSENT: effusion"),
        ('{"effusion": false, "edema": true}', "EFFUSION: no. EDEMA: yes"),
        ("{'indication': 'mass', 'findings': 'No effusion. Edema.', 'impression': None}", "No effusion. Edema."),
    ],
)
def test_a_literal_is_the_text_it_holds(text: str, read: str) -> None:
    labeled = label_one("1", text.encode(), plain=True)
    assert labeled.text == read
    assert {name: labeled.status_E[ENTITY_INDEX[name]] for name in _BOTH} == _BOTH
    assert (labeled.status_E >= -1).sum() == len(_BOTH)


@pytest.mark.parametrize(
    "text",
    [
        "[1, 2] no effusion]",
        "[ ] Edema [x] Effusion",
        "{no effusion}",
        "b'no effusion",
        "(no effusion)",
        "'No' effusion 'seen'",
        "{'no effusion', 'edema'}",
    ],
)
def test_what_only_looks_like_a_literal_stays(text: str) -> None:
    assert "ffusion" in label_one("1", text.encode(), plain=True).text


@pytest.mark.parametrize(
    "text",
    ["{{}}", "[1, 2]", "(5)", "{'a': 1}", "['a', 1j]", "[" * 5000 + "]" * 5000, "{[1]}", "{['x']: 'No effusion.'}"],
)
def test_what_python_cannot_hold_stays_a_text(text):
    assert without_literal(text) == text


@pytest.mark.filterwarnings("error")
def test_escapes_that_python_does_not_know_are_no_warning() -> None:
    assert without_literal(r"'No effusion\. Edema.'") == r"No effusion\. Edema."

"""Which words name which entity: spans in the text as it was written, whatever is said of the entity."""

import numpy as np
import pytest

from gkmvlp.phantom.generate import draw_phantom
from gkmvlp.phantom.writing.grammar import write_report
from gkmvlp.report.labeler import label_report
from gkmvlp.report.naming import named_entities

WRAPPED = "There is once more, as was described in the earlier report, a raised left\nhemidiaphragm without a cause."


def named(text):
    return [(text[start:end], name) for start, end, name in named_entities(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("The picture is sharp.", []),
        ("The heart is enlarged.", [("heart is enlarged", "cardiomegaly")]),
        ("The heart is not enlarged.", [("heart is not enlarged", "cardiomegaly")]),
        ("Is the heart enlarged?", [("heart enlarged", "cardiomegaly")]),
        ("The heart is normal.", []),
        ("The lungs are clear.", []),
        ("No bony abnormality.", []),
        ("The Right Hemidiaphragm is raised.", [("Hemidiaphragm is raised", "elevated hemidiaphragm")]),
        (WRAPPED, [("raised left\nhemidiaphragm", "elevated hemidiaphragm")]),
        ("Clear. No effusions.", [("effusions", "pleural effusion")]),
        ("History of pneumonia.", [("pneumonia", "pneumonia")]),
        ("Pericardial effusion.", []),
        ("A pacer is seen.", [("pacer", "pacemaker"), ("pacer", "support device")]),
        ("Hydropneumothorax.", [("Hydropneumothorax", "pleural effusion"), ("Hydropneumothorax", "pneumothorax")]),
        # the rules read other words than were written: shorthand, misspelling, forms, letters that grow in lower case
        ("Small eff without ptx", [("eff", "pleural effusion"), ("ptx", "pneumothorax")]),
        ("Mild cardiomegally, no pnuemothorax.", [("cardiomegally", "cardiomegaly"), ("pnuemothorax", "pneumothorax")]),
        ("Edema: none. Effusion: yes.", [("Edema", "edema"), ("Effusion", "pleural effusion")]),
        ("\u0130\u0130 and edema", [("edema", "edema")]),
    ],
)
def test_words_that_name(text, expected):
    assert named(text) == expected


def test_all_that_the_labeler_reads_as_present_is_named_inside_of_its_sentence():
    texts = [write_report(draw_phantom(3, index, 32), np.random.default_rng(index)) for index in range(20)]
    bodies = [f"{report.findings} {report.impression}" for report in texts]
    present = 0
    for text in bodies:
        places = named_entities(text)
        for told in (one for one in label_report(text) if one.status == 1):
            assert any(one.entity == told.entity and told.start <= one.start < one.end <= told.end for one in places)
            present += 1
    assert present > 20

"""Wordings and shares of the questions on phantoms. Data only."""

from typing import NamedTuple

from gkmvlp.phantom.plan import Zone


class Form(NamedTuple):
    """One template.

    Attributes:
        kind: VQA-RAD's question type.
        closed: True for yes/no and for a choice that the question names.
        frame: Framed wording, "" where VQA-RAD has none for the like.
        wordings: Ways to ask; {e} the finding, {ae} with article, {side}, {zone}, {place}, {view}.
    """

    kind: str
    closed: bool
    frame: str
    wordings: tuple[str, ...]


FORMS: dict[str, Form] = {
    "presence": Form("PRES", True, "Is/Are there {ae}?", (
        "Is there {ae}?", "Is {ae} present?", "Does this image show {ae}?", "Is there evidence of {ae}?",
        "Do you see {ae}?", "Is {ae} seen in this image?", "Can {ae} be seen?", "Does the patient have {ae}?",
        "Is there {ae} in this image?", "Is {ae} visible?")),
    "heart": Form("SIZE", True, "Is/Are the heart enlarged?", (
        "Is the heart enlarged?", "Is there cardiomegaly?", "Is the heart size abnormal?",
        "Is the cardiac silhouette enlarged?", "Is the heart larger than normal?")),
    "side asked": Form("POS", True, "Is/Are the {e} on the {side}?", (
        "Is the {e} on the {side} side?", "Is the {e} located on the {side}?", "Is there {ae} on the {side} side?",
        "Does the {e} lie on the patient's {side}?")),
    "zone asked": Form("POS", True, "Is/Are the {e} in the {zone}?", (
        "Is the {e} in the {zone}?", "Is the {e} located in the {zone}?", "Does the {e} lie in the {zone}?",
        "Is {ae} seen in the {zone}?")),
    "side choice": Form("POS", True, "", (
        "Is the {e} on the right or the left?", "Does the {e} lie on the left or right?",
        "Is the {e} right-sided or left-sided?")),
    "view asked": Form("PLANE", True, "", (
        "Is this {view} view?", "Was this taken in {view} position?", "Is the film taken {view}?",
        "Is the projection {view}?")),
    "normal": Form("ABN", True, "Is this image normal?", (
        "Is this image normal?", "Is this a normal image?", "Is this a normal chest x-ray?",
        "Does this chest radiograph appear normal?")),
    "abnormal": Form("ABN", True, "Is this image abnormal?", (
        "Is this image abnormal?", "Are there abnormalities in this image?", "Is there an abnormality in this x-ray?",
        "Is anything abnormal in this radiograph?")),
    "rotation": Form("OTHER", True, "", (
        "Is the patient rotated?", "Is there patient rotation?", "Was the patient turned in this image?")),
    "volumes": Form("OTHER", True, "", (
        "Are the lung volumes low?", "Is the inspiration shallow?", "Was this taken in poor inspiration?")),
    "where": Form("POS", False, "Where is/are the {e} located?", (
        "Where is the {e} located?", "Where is the {e}?", "What is the location of the {e}?",
        "In which part of the lungs is the {e}?", "Where in the chest is the {e} seen?")),
    "side": Form("POS", False, "Which side is/are the {e} on?", (
        "Which side is the {e} on?", "On which side is the {e}?", "What side is affected by the {e}?")),
    "abnormality": Form("ABN", False, "What is abnormal in this image?", (
        "What is abnormal in this image?", "What abnormality is seen in this image?", "What is the abnormality?",
        "What pathology is shown?", "What is the pathology in this radiograph?")),
    "abnormality at": Form("ABN", False, "What is/are abnormal near/in the {place}?", (
        "What is abnormal in the {place}?", "What abnormality is in the {place}?", "What is seen in the {place}?",
        "What pathology is in the {place}?")),
    "size": Form("SIZE", False, "What is/are the size of the {e}?", (
        "How large is the {e}?", "What is the size of the {e}?", "How big is the {e}?")),
    "degree": Form("ATTRIB", False, "How would you describe the {e}?", (
        "How severe is the {e}?", "What is the severity of the {e}?", "How pronounced is the {e}?")),
    "view": Form("PLANE", False, "", (
        "What is the plane of this image?", "In what view was this taken?", "What projection is this?")),
    "modality": Form("MODALITY", False, "", (
        "What imaging modality is used?", "How was this image taken?", "What type of image is this?")),
    "organ": Form("ORGAN", False, "", (
        "Which organ is abnormal in this image?", "What structure is abnormal?", "Which structure shows pathology?")),
    "devices": Form("COUNT", False, "", (
        "How many kinds of medical device are seen?", "How many types of device does the patient have?",
        "What number of different devices is visible?")),
}  # fmt: skip

# How findings are called in questions and answers.
NAMES: dict[str, str] = {
    "atelectasis": "atelectasis",
    "cardiomegaly": "cardiomegaly",
    "consolidation": "consolidation",
    "edema": "pulmonary edema",
    "emphysema": "emphysema",
    "fibrosis": "fibrosis",
    "hernia": "hiatal hernia",
    "mass": "mass",
    "nodule": "nodule",
    "pleural effusion": "pleural effusion",
    "pleural thickening": "pleural thickening",
    "pneumothorax": "pneumothorax",
    "calcified granuloma": "granuloma",
    "elevated hemidiaphragm": "elevated hemidiaphragm",
    "central line": "central line",
    "pacemaker": "pacemaker",
}
_MASS_NOUNS = ("atelectasis", "cardiomegaly", "consolidation", "pulmonary edema", "emphysema", "fibrosis",
               "pleural thickening")  # fmt: skip


def with_article(noun: str) -> str:
    """The noun as it follows "is there"."""
    if not noun or noun in _MASS_NOUNS:
        return noun
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


LATERAL = ("atelectasis", "consolidation", "fibrosis", "mass", "nodule", "pleural effusion", "pleural thickening",
           "pneumothorax", "calcified granuloma", "elevated hemidiaphragm", "central line", "pacemaker")  # fmt: skip
# Findings that lie in any of several zones, so that their place must be looked for.
ZONAL = ("atelectasis", "consolidation", "fibrosis", "mass", "nodule", "pleural thickening",
         "calcified granuloma")  # fmt: skip
SIZED = ("pleural effusion", "pneumothorax", "mass", "hernia")
GRADED = ("cardiomegaly", "edema", "emphysema", "elevated hemidiaphragm")
DEVICES = ("central line", "pacemaker")
DEGREES = {"small": "Mild", "moderate": "Moderate", "large": "Severe"}
ZONE_NAMES: dict[Zone, str] = {"apical": "lung apex", "upper": "upper lung", "mid": "mid lung", "lower": "lower lung"}
ASKED_ZONES: tuple[Zone, ...] = ("upper", "mid", "lower")
ORGANS: dict[str, str] = {
    **dict.fromkeys(("atelectasis", "consolidation", "edema", "emphysema", "fibrosis", "mass", "nodule",
                     "calcified granuloma"), "Lung"),
    **dict.fromkeys(("pleural effusion", "pleural thickening", "pneumothorax"), "Pleura"),
    "cardiomegaly": "Heart",
    "hernia": "Stomach",
    "elevated hemidiaphragm": "Diaphragm",
}  # fmt: skip

# How often a finding is there, measured on 4,000 patients of ``gkmvlp.phantom.sample``.
PREVALENCE: dict[str, float] = {
    "atelectasis": 0.123,
    "cardiomegaly": 0.124,
    "consolidation": 0.112,
    "edema": 0.102,
    "emphysema": 0.1,
    "fibrosis": 0.103,
    "hernia": 0.096,
    "mass": 0.107,
    "nodule": 0.129,
    "pleural effusion": 0.125,
    "pleural thickening": 0.115,
    "pneumothorax": 0.102,
    "calcified granuloma": 0.106,
    "elevated hemidiaphragm": 0.096,
    "central line": 0.071,
    "pacemaker": 0.069,
}
# Probabilities that balance yes and no, and open and closed; measured by tests/phantom/writing/test_questions.py.
ABNORMAL_ASKED = 0.45  # an abnormal image is asked about normality
GOOD_QUALITY_ASKED = 0.06  # an image without rotation is asked about rotation
NO_DEVICE_ASKED = 0.16  # an image without devices is asked to count them
NOTHING_ASKED = 0.25  # an image without findings is asked for its abnormality
LUNG_ASKED = 0.4  # an image with lung findings only is asked for the organ
DENIALS = 0.9  # findings denied an image, on average
OPEN_TO_CLOSED = 0.76

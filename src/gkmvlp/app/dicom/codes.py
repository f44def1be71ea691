"""Coded concepts of findings and regions, for archives that search by code.

Codes of DCM and of SNOMED CT that DICOM itself uses are those of PS3.16 (CID 6101 to 6126 on the chest, CID 4031 on
anatomy), as pydicom holds them. ``SNOMED`` are concepts of SNOMED CT's international edition. What has no code that
means just this gets one of ``99GKMVLP``: the name in our lists. Nothing is taken from UMLS.
"""

from typing import NamedTuple

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from pydicom.sr.coding import Code

from gkmvlp.anatomy import side_of
from gkmvlp.app.dicom.identity import MANUFACTURER
from gkmvlp.entities import of_label

SCHEME = "99GKMVLP"
SCHEME_UID = "2.25.314123301984221809318258355061784276240"
MEANING = 64  # characters of a meaning at most
SCHEME_NAME = "Entities, regions and properties of gkmvlp"

RIGHT, LEFT = Code("24028007", "SCT", "Right"), Code("7771000", "SCT", "Left")
YES, NO = Code("373066001", "SCT", "Yes"), Code("373067005", "SCT", "No")
PERCENT = Code("%", "UCUM", "Percent")
PROBABILITY = Code("111012", "DCM", "Certainty of Finding")  # PS3.16 gives it in percent
SALIENCY = Code("130404", "DCM", "Saliency")
SPATIAL = Code("309825002", "SCT", "Spatial and Relational Concept")
ANATOMY = Code("91723000", "SCT", "Anatomical Structure")
ARTIFICIAL_INTELLIGENCE = Code("123110", "DCM", "Artificial Intelligence")

# entity -> code of PS3.16
DICOM: dict[str, Code] = {
    "edema": Code("19242006", "SCT", "Pulmonary edema"),
    "nodule": Code("27925004", "SCT", "Nodule"),
    "mass": Code("4147007", "SCT", "Mass"),
    "lung opacity": Code("112001", "DCM", "Opacity"),
    "pleural effusion": Code("60046008", "SCT", "Pleural effusion"),
    "pneumothorax": Code("36118008", "SCT", "Pneumothorax"),
    "infiltration": Code("112121", "DCM", "Infiltrate"),
    "scarring": Code("12402003", "SCT", "Scar tissue"),
    "endotracheal tube": Code("26412008", "SCT", "Endotracheal tube"),
    "central line": Code("112174", "DCM", "Central line"),
    "pacemaker": Code("14106009", "SCT", "Cardiac pacemaker"),
    "chest tube": Code("112173", "DCM", "Chest tube"),
}
# entity -> concept of SNOMED CT's international edition
SNOMED: dict[str, Code] = {
    "atelectasis": Code("46621007", "SCT", "Atelectasis"),
    "cardiomegaly": Code("8186001", "SCT", "Cardiomegaly"),
    "consolidation": Code("95436008", "SCT", "Lung consolidation"),
    "fracture": Code("125605004", "SCT", "Fracture of bone"),
    "pneumonia": Code("233604007", "SCT", "Pneumonia"),
    "emphysema": Code("87433001", "SCT", "Pulmonary emphysema"),
    "fibrosis": Code("51615001", "SCT", "Fibrosis of lung"),
    "hernia": Code("84089009", "SCT", "Hiatal hernia"),
    "interstitial lung disease": Code("233703007", "SCT", "Interstitial lung disease"),
    "bronchiectasis": Code("12295008", "SCT", "Bronchiectasis"),
}
# region without its side -> code of PS3.16
ANATOMIC: dict[str, Code] = {
    "lung": Code("39607008", "SCT", "Lung"),
    "upper lung zone": Code("281392002", "SCT", "Upper zone of lung"),
    "mid lung zone": Code("281393007", "SCT", "Middle zone of lung"),
    "lower lung zone": Code("281394001", "SCT", "Lower zone of lung"),
    "hilar structures": Code("46750007", "SCT", "Hilum of lung"),
    "apical zone": Code("86598002", "SCT", "Apex of Lung"),
    "hemidiaphragm": Code("5798000", "SCT", "Diaphragm"),
    "clavicle": Code("51299004", "SCT", "Clavicle"),
    "trachea": Code("44567001", "SCT", "Trachea"),
    "spine": Code("421060004", "SCT", "Spine"),
    "aortic arch": Code("57034009", "SCT", "Aortic arch"),
    "mediastinum": Code("72410000", "SCT", "Mediastinum"),
    "svc": Code("48345005", "SCT", "Superior vena cava"),
    "cardiac silhouette": Code("80891009", "SCT", "Heart"),
    "right atrium": Code("73829009", "SCT", "Right atrium"),
    "carina": Code("28700002", "SCT", "Carina"),
    "abdomen": Code("818981001", "SCT", "Abdomen"),
}


class Place(NamedTuple):
    """A region in codes."""

    structure: Code
    laterality: Code | None


def scheme() -> CodingSchemeIdentificationItem:
    """Whose the codes of our own scheme are."""
    return CodingSchemeIdentificationItem(SCHEME, SCHEME_NAME, uid=SCHEME_UID, responsible_organization=MANUFACTURER)


def private(value: str, meaning: str | None = None) -> Code:
    """A code of our own scheme; above 16 characters it is written as a Long Code Value."""
    return Code(value, SCHEME, (meaning or value)[:MEANING])


THRESHOLD = private("threshold", "Probability from which a finding counts as present")
REACHED = private("threshold-reached", "Whether the probability reaches the threshold")


def finding_code(label: str) -> Code:
    """The code of an entity, or of a data set's label for one; our own where no other means just this."""
    entity = of_label(label)
    name = entity.name if entity else label
    return DICOM.get(name) or SNOMED.get(name) or private(name)


def place_of(region: str) -> Place:
    """The code of a region and of its side."""
    if region in ANATOMIC:  # the right atrium has no side of its own
        return Place(ANATOMIC[region], None)
    side = side_of(region)
    name = region.removeprefix(f"{side} ") if side else region
    return Place(ANATOMIC.get(name) or private(name), {"right": RIGHT, "left": LEFT}.get(str(side)))

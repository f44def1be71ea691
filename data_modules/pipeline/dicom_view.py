"""What a DICOM says it shows: a radiograph or none, from which side, of which part of the body, which way up."""

import re
from collections.abc import Collection

import numpy as np
from pydicom import Dataset

from gkmvlp.data_modules.pipeline.accept import RefusedError
from gkmvlp.data_modules.pipeline.dicom_header import items, numbers, word, words
from gkmvlp.data_modules.pipeline.views import is_lateral, standard_view
from gkmvlp.geometry import UPRIGHT, Turn
from gkmvlp.texts import printable

# Plain radiography (PS3.3 C.7.3.1.1.1), what files without a choice say, and spellings in use.
RADIOGRAPHY = ("CR", "DX", "RG", "DR", "XR", "XRAY", "OT", "SC", "")
# Codes of views (PS3.16, CID 4010), by SNOMED CT and as they were written before.
_VIEWS = {
    "PA": ("272479007", "R-10214"),
    "AP": ("399348003", "R-10206"),
    "LATERAL": ("399067008", "399173006", "399198007", "399260004", "399352003", "R-102CD", "R-10236", "R-10232",
                "R-10224", "R-10228"),
}  # fmt: skip
_VIEW_OF = {code: view for view, codes in _VIEWS.items() for code in codes}
# What BodyPartExamined and AnatomicRegionSequence have in them where the chest is shown, in the languages of Europe.
_CHEST = ("CHEST", "CHST", "CXR", "THOR", "TORAX", "TORACE", "LUNG", "PULM", "RIB", "BRUST", "PECHO", "POITR", "HEART",
          "CARD", "TRUNK", "WHOLEBODY")  # fmt: skip
_DESCRIPTIONS = ("SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription")
_LATERAL_ALONE = re.compile(r"(?<![^\W_])(?:LAT|LATERAL|LL|SEITL|SEITLICH|PROFIL|PERFIL)(?![^\W_])")
_FRONTAL = re.compile(r"(?<![^\W_])(?:PA|AP|FRONTAL|DECUB\w*)(?![^\W_])")
_TELLS_VIEW = "ViewCodeSequence, PatientOrientation or ImageOrientationPatient"
# Two directions, each a side and what it leans towards, along two axes of the body (PS3.3 C.7.6.1.1.1).
_SIDES = re.compile(r"[LR][HFAP]*\\[HFAP]\w*|[HF][LRAP]*\\[LRAP]\w*|[AP][HFLR]*\\[LRHF]\w*")
# Those of animals on four legs (PS3.3 C.7.6.1.1.1), and words in full.
_SIDE_OF = {"LE": "L", "LT": "L", "LEFT": "L", "RT": "R", "RIGHT": "R", "CR": "H", "HEAD": "H", "CD": "F", "FOOT": "F",
            "FEET": "F", "V": "A", "ANTERIOR": "A", "D": "P", "POSTERIOR": "P"}  # fmt: skip
_AXES = ("L", "P", "H"), ("R", "A", "F")  # towards which x, y and z grow and fall (PS3.3 C.7.6.2.1.1)
TURNED = (
    "lies otherwise by PatientOrientation or ImageOrientationPatient: turned upright, the patient's left on the right"
)


def turn_of(dataset: Dataset) -> Turn:
    """How the stored picture is set upright: the patient's left on the right, the feet below (see ``directions``)."""
    across, down = directions(dataset)
    is_lying = across in ("H", "F") and down in ("L", "R", "A", "P")
    across, down = (down, across) if is_lying else (across, down)
    if across not in ("L", "R", "A", "P") or down not in ("H", "F"):
        return UPRIGHT
    return Turn(is_lying, across == "R", down == "H")


def directions(dataset: Dataset) -> tuple[str, str]:
    """Sides of the patient (L, R, A, P, H or F) that rows and columns run towards, "" where nothing tells them.

    By PatientOrientation, else by a radiograph's ImageOrientationPatient (that of CT or MR says how slices were cut)
    where one of the two runs along the body: 1, 0, 0, 0, 1, 0 is what programs write that do not know.
    """
    told = _ways(dataset)
    if _SIDES.fullmatch(told):
        across, _, down = told.partition("\\")
        return across[0], down[0]
    cosines = numbers(dataset, "ImageOrientationPatient")
    if word(dataset, "Modality") not in RADIOGRAPHY or len(cosines) != 6 or not np.isfinite(cosines).all():
        return "", ""
    across, down = (_side(cosines[place : place + 3]) for place in (0, 3))
    return (across, down) if {across, down} & {"H", "F"} else ("", "")


def _ways(dataset: Dataset) -> str:
    """What PatientOrientation says of rows and columns, whatever stands between the two."""
    ways = [way for told in words(dataset, "PatientOrientation") for way in re.split(r"[/,; ]+", told)]
    return "\\".join(_SIDE_OF.get(way, way) for way in ways)


def _side(cosine_3: list[float]) -> str:
    axis = int(np.abs(cosine_3).argmax())
    return _AXES[int(cosine_3[axis] < 0)][axis]


def view_position(dataset: Dataset) -> str:
    """Projection (``PA``, ``AP``, ``LL`` ...) by name, by its code or by the axes; "" where nothing tells it."""
    return word(dataset, "ViewPosition") or _coded_view(dataset) or _view_by_axes(dataset)


def _coded_view(dataset: Dataset) -> str:
    """The view of ViewCodeSequence, by its code or what that is said to mean."""
    for item in items(dataset, "ViewCodeSequence"):
        if view := _VIEW_OF.get(word(item, "CodeValue")):
            return view
        meaning = word(item, "CodeMeaning")
        if is_lateral(meaning) and "OBLIQUE" not in meaning:
            return "LATERAL"
    return ""


def _view_by_axes(dataset: Dataset) -> str:
    return "LATERAL" if set(directions(dataset)) & {"A", "P"} else ""


def require_radiograph(dataset: Dataset, accept: Collection[str], notes: list[str]) -> None:
    """Refuses what is no frontal radiograph, unless ``accept`` lets it in; what is in doubt goes to ``notes``.

    Raises:
        RefusedError: If it is none.
    """
    modality, view = word(dataset, "Modality"), view_position(dataset)
    if modality not in RADIOGRAPHY and "modality" not in accept:
        raise RefusedError(f"Modality is {modality}, no radiography (CR, DX, RG)", "modality")
    if is_lateral(view) and "lateral" not in accept:
        named = f"ViewPosition is {view}" if word(dataset, "ViewPosition") else _TELLS_VIEW
        raise RefusedError(f"{named}: a lateral view", "lateral")
    notes += _doubts(dataset, view)


def _doubts(dataset: Dataset, view: str) -> list[str]:
    """What makes it doubtful that the picture is an upright frontal chest radiograph, in words."""
    doubts = []
    standard = standard_view(view)
    if standard is None:
        doubts.append(f"ViewPosition {printable(view)} is spelled in no known way: no regions of the atlas")
    elif standard not in ("PA", "AP", "") and not is_lateral(view):
        doubts.append(f"ViewPosition {printable(view)} is not frontal: no regions of the atlas")
    if not is_lateral(view) and "LATERAL" in (_coded_view(dataset), _view_by_axes(dataset)):
        doubts.append(f"{_TELLS_VIEW} tells of a lateral view, ViewPosition of none")
    ways = _ways(dataset)
    if ways.strip("\\") and not _SIDES.fullmatch(ways):
        doubts.append(f"PatientOrientation {printable(ways)} names no two sides: left out of account")
    described = " ".join(word(dataset, name) for name in _DESCRIPTIONS)
    if not view and _LATERAL_ALONE.search(described) and not _FRONTAL.search(described):
        doubts.append("no ViewPosition, and a description that names a lateral view")
    parts = [("BodyPartExamined", word(dataset, "BodyPartExamined"))]
    parts += [("AnatomicRegionSequence", word(one, "CodeMeaning")) for one in items(dataset, "AnatomicRegionSequence")]
    for keyword, part in parts:
        if part and not any(name in part.replace(" ", "") for name in _CHEST):
            doubts.append(f"{keyword} is {printable(part)}, no chest")
    if word(dataset, "PresentationIntentType") == "FOR PROCESSING":
        doubts.append("PresentationIntentType is FOR PROCESSING: raw values, not the picture that was shown")
    return doubts

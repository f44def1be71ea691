"""Scene graphs in the form of Chest ImaGenome 1.0.0, written from a phantom's regions and what its report says.

UMLS codes are invented. A doubted finding is ``yes`` with the cue ``severity|yes|hedge``.
"""

from typing import Any

import numpy as np

from gkmvlp.anatomy import REGION_INDEX, REGIONS
from gkmvlp.geometry import Letterbox
from gkmvlp.phantom.plan import Phantom
from gkmvlp.phantom.writing.grammar import Report
from gkmvlp.phantom.writing.noun_phrases import Statement

# entity -> category|name; lines are told apart by their wording.
_ATTRIBUTES: dict[str, str] = {
    "atelectasis": "anatomicalfinding|atelectasis",
    "cardiomegaly": "anatomicalfinding|enlarged cardiac silhouette",
    "consolidation": "anatomicalfinding|consolidation",
    "edema": "anatomicalfinding|pulmonary edema/hazy opacity",
    "emphysema": "disease|copd/emphysema",
    "fibrosis": "anatomicalfinding|increased reticular markings/ild pattern",
    "hernia": "anatomicalfinding|hernia",
    "mass": "anatomicalfinding|lung lesion",
    "nodule": "anatomicalfinding|mass/nodule (not otherwise specified)",
    "pleural effusion": "anatomicalfinding|pleural effusion",
    "pleural thickening": "anatomicalfinding|pleural/parenchymal scarring",
    "pneumothorax": "anatomicalfinding|pneumothorax",
    "calcified granuloma": "anatomicalfinding|calcified nodule",
    "elevated hemidiaphragm": "anatomicalfinding|elevated hemidiaphragm",
    "pacemaker": "device|cardiac pacer and wires",
    "pneumonia": "disease|pneumonia",
    "fracture": "anatomicalfinding|rib fracture",
    "free air": "anatomicalfinding|sub-diaphragmatic air",
    "enlarged mediastinum": "anatomicalfinding|mediastinal widening",
    "low lung volumes": "technicalassessment|low lung volumes",
}
_LINES = {
    "picc": "tubesandlines|picc",
    "subclavian": "tubesandlines|subclavian line",
    "": "tubesandlines|ij line",
}
# Where an entity is told of; {s} is the side, both sides where none is said.
_REGIONS: dict[str, tuple[str, ...]] = {
    "cardiomegaly": ("cardiac silhouette",),
    "enlarged mediastinum": ("mediastinum", "upper mediastinum"),
    "hernia": ("mediastinum",),
    "edema": ("{s} lung", "{s} hilar structures"),
    "pleural effusion": ("{s} costophrenic angle", "{s} lower lung zone"),
    "elevated hemidiaphragm": ("{s} hemidiaphragm",),
    "free air": ("abdomen",),
    "central line": ("svc", "{s} clavicle"),
    "pacemaker": ("{s} upper lung zone", "right atrium"),
}
_ZONES = {
    "apical": "{s} apical zone",
    "upper": "{s} upper lung zone",
    "mid": "{s} mid lung zone",
    "lower": "{s} lower lung zone",
}
_SEVERITIES = {"small": "mild", "moderate": "moderate", "large": "severe"}


def regions_of(statement: Statement) -> list[str]:
    """The regions that a statement is about."""
    sides = (statement.side,) if statement.side in ("right", "left") else ("right", "left")
    names = _REGIONS.get(statement.entity) or ("{s} lung", *((_ZONES[statement.zone],) if statement.zone else ()))
    return list(dict.fromkeys(name.format(s=side) for name in names for side in sides))


def _attribute(statement: Statement, sentence: str) -> str:
    """``category|yes|name`` or ``category|no|name``."""
    if statement.entity == "central line":
        named = next(name for word, name in _LINES.items() if word in sentence.lower())
    else:
        named = _ATTRIBUTES[statement.entity]
    category, name = named.split("|")
    return f"{category}|{'no' if statement.status == 0 else 'yes'}|{name}"


def _code(name: str) -> str:
    """An invented UMLS code: regions count from C0000001, attributes from C0000101."""
    names = [*_ATTRIBUTES.values(), *_LINES.values()]
    return f"C{(REGION_INDEX[name] + 1 if name in REGION_INDEX else 101 + names.index(name)):07d}"


def _long_name(region: str) -> str:
    side, _, rest = region.partition(" ")
    return f"{rest.capitalize()} of {side} lung" if rest.endswith("zone") else region.capitalize()


def _objects(image_id: str, phantom: Phantom) -> list[dict[str, Any]]:
    """Boxes of all regions that have an area, in pixels and in the letterboxed frame of 224."""
    height, width = phantom.image_HW.shape
    original_R4 = np.rint(phantom.region_R4).astype(int)
    small_R4 = np.rint(Letterbox.fit(width, height, 224).to_square(phantom.region_R4)).astype(int)
    objects: list[dict[str, Any]] = []
    for region, original, small in zip(REGIONS, original_R4.tolist(), small_R4.tolist(), strict=True):
        if original[2] <= original[0] or original[3] <= original[1]:
            continue
        item: dict[str, Any] = {"object_id": f"{image_id}_{region}"}
        item |= dict(zip(("x1", "y1", "x2", "y2"), small, strict=True))
        item |= {"width": small[2] - small[0], "height": small[3] - small[1], "bbox_name": region}
        item |= {"synsets": [_code(region)], "name": _long_name(region)}
        item |= dict(zip(("original_x1", "original_y1", "original_x2", "original_y2"), original, strict=True))
        item |= {"original_width": original[2] - original[0], "original_height": original[3] - original[1]}
        objects.append(item)
    return objects


def _attributes(image_id: str, study_id: int, report: Report) -> list[dict[str, Any]]:
    """One element a region that the report tells of, its lists parallel over sentences."""
    numbers = {sentence: number for number, sentence in enumerate(dict.fromkeys(report.sentences), 1)}
    statements: dict[str, dict[str, list[Statement]]] = {}
    for statement, sentence in zip(report.statements, report.sentences, strict=True):
        for region in regions_of(statement):
            statements.setdefault(region, {}).setdefault(sentence, []).append(statement)
    elements: list[dict[str, Any]] = []
    for region in sorted(statements, key=REGION_INDEX.__getitem__):
        groups = statements[region].items()
        lists = [[_attribute(statement, sentence) for statement in group] for sentence, group in groups]
        plain = [[f"{name.split('|')[0]}|{name.split('|')[2]}" for name in names] for names in lists]
        elements.append(
            {
                region: True,
                "bbox_name": region,
                "synsets": [_code(region)],
                "name": _long_name(region),
                "attributes": lists,
                "attributes_ids": [[_code(name) for name in names] for names in plain],
                "phrases": [sentence for sentence, _ in groups],
                "phrase_IDs": [f"{study_id}|{numbers[sentence]}" for sentence, _ in groups],
                "sections": ["finalreport"] * len(groups),
                "comparison_cues": [_cues("comparison", group) for _, group in groups],
                "temporal_cues": [[] for _ in groups],
                "severity_cues": [_cues("severity", group) for _, group in groups],
                "texture_cues": [[] for _ in groups],
                "object_id": f"{image_id}_{region}",
            }
        )
    return elements


def _cues(kind: str, group: list[Statement]) -> list[str]:
    if kind == "comparison":
        words = [statement.comparison for statement in group if statement.comparison]
    else:
        words = [_SEVERITIES[statement.severity] for statement in group if statement.severity]
        words += ["hedge" for statement in group if statement.status == -1]
    return [f"{kind}|yes|{word}" for word in dict.fromkeys(words)]


def scene_graph(
    phantom: Phantom, report: Report, *, image_id: str, patient_id: int, study_id: int, order: int, taken: str
) -> dict[str, Any]:
    """The scene graph of one image.

    Args:
        phantom: Gives the boxes of the regions.
        report: Gives their attributes.
        image_id: DICOM id.
        patient_id: Number of the patient.
        study_id: Number of the study.
        order: Place of the study among those of the patient, from 1.
        taken: ``YYYY-MM-DD HH:MM:SS``.
    """
    decade = phantom.age // 10 * 10
    return {
        "image_id": image_id,
        "viewpoint": phantom.view,
        "patient_id": patient_id,
        "study_id": study_id,
        "gender": phantom.sex,
        "age_decile": f"{decade}-{decade + 10}",
        "reason_for_exam": report.indication,
        "StudyOrder": order,
        "StudyDateTime": taken,
        "objects": _objects(image_id, phantom),
        "attributes": _attributes(image_id, study_id, report),
        "relationships": [],
    }

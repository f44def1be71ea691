"""The observations that the system knows: names, prompts, the regions they can show in, and other lists' names.

Data with names. The grounding prior is read off ``regions``; it is static, the same in training and at test.
To add an entity, add a row; configs choose among the rows by name (``entities: [...]``).
"""

import difflib
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from gkmvlp.anatomy import REGION_INDEX, REGIONS
from gkmvlp.errors import ConfigError


@dataclass(frozen=True)
class Entity:
    """One observation.

    Attributes:
        name: Its name, lower case.
        prompt: The sentence that stands for it in the text encoder.
        regions: Regions it can show in; empty means all.
        lateral: True where it can lie on either side or in several zones.
        synonyms: Other wordings, lower case, for prompts and look-ups.
        chexpert: Its CheXpert-14 name, or "".
        nih: Its ChestX-ray14 name, or "".
        imagenome: Its Chest ImaGenome names, ``category|name``.
    """

    name: str
    prompt: str
    regions: tuple[str, ...] = ()
    lateral: bool = False
    synonyms: tuple[str, ...] = ()
    chexpert: str = ""
    nih: str = ""
    imagenome: tuple[str, ...] = ()


def _both(*names: str) -> tuple[str, ...]:
    return tuple(f"{side} {name}" for side in ("right", "left") for name in names)


_LUNGS = _both("lung", "upper lung zone", "mid lung zone", "lower lung zone")
_LUNGS_AND_APICES = (*_LUNGS, *_both("apical zone"))
_PLEURA = _both("lung", "upper lung zone", "mid lung zone", "lower lung zone", "apical zone", "costophrenic angle")
_BASES = _both("lower lung zone", "costophrenic angle", "hemidiaphragm")
_HEART = ("cardiac silhouette",)
_MEDIASTINUM = ("mediastinum", "upper mediastinum")
_VEINS = ("svc", "cavoatrial junction", "right atrium", "right clavicle", "left clavicle", "upper mediastinum",
          "right upper lung zone", "left upper lung zone", "right apical zone", "left apical zone")  # fmt: skip

ENTITIES: tuple[Entity, ...] = (
    Entity("atelectasis", "Atelectasis: collapsed lung seen as a linear or wedge-shaped density with volume loss.",
           _LUNGS, True, ("collapse", "volume loss"), "Atelectasis", "Atelectasis",
           ("anatomicalfinding|atelectasis", "anatomicalfinding|linear/patchy atelectasis",
            "anatomicalfinding|lobar/segmental collapse")),
    Entity("cardiomegaly", "Cardiomegaly: an enlarged cardiac silhouette.", _HEART, False,
           ("enlarged heart", "enlarged cardiac silhouette"), "Cardiomegaly", "Cardiomegaly",
           ("anatomicalfinding|enlarged cardiac silhouette",)),
    Entity("consolidation", "Consolidation: a dense airspace opacity that hides the vessels.", _LUNGS_AND_APICES, True,
           ("airspace consolidation",), "Consolidation", "Consolidation", ("anatomicalfinding|consolidation",)),
    Entity("edema", "Pulmonary edema: hazy perihilar opacities in both lungs.", (*_LUNGS, *_both("hilar structures")),
           False, ("pulmonary edema", "fluid overload"), "Edema", "Edema",
           ("anatomicalfinding|pulmonary edema/hazy opacity", "disease|fluid overload/heart failure")),
    Entity("enlarged mediastinum", "Enlarged mediastinum: a widened mediastinal contour.", _MEDIASTINUM, False,
           ("mediastinal widening",), "Enlarged Cardiomediastinum", "", ("anatomicalfinding|mediastinal widening",)),
    Entity("fracture", "Fracture: a broken rib, clavicle or vertebra.",
           (*_LUNGS_AND_APICES, "right clavicle", "left clavicle", "spine"), True, ("rib fracture",), "Fracture", "",
           ("anatomicalfinding|rib fracture", "anatomicalfinding|clavicle fracture",
            "anatomicalfinding|spinal fracture")),
    Entity("nodule", "Pulmonary nodule: a small round opacity below three centimetres.", _LUNGS_AND_APICES, True,
           ("pulmonary nodule",), "Lung Lesion", "Nodule",
           ("anatomicalfinding|mass/nodule (not otherwise specified)", "anatomicalfinding|multiple masses/nodules")),
    Entity("mass", "Pulmonary mass: a round opacity above three centimetres.",
           (*_LUNGS_AND_APICES, *_both("hilar structures")), True, ("lung mass",), "Lung Lesion", "Mass",
           ("disease|lung cancer", "anatomicalfinding|lung lesion")),
    Entity("lung opacity", "Lung opacity: an area of increased density in the lung.", _LUNGS_AND_APICES, True,
           ("opacity", "opacification", "airspace disease"), "Lung Opacity", "",
           ("anatomicalfinding|lung opacity", "anatomicalfinding|airspace opacity")),
    Entity("pleural effusion", "Pleural effusion: fluid that blunts the costophrenic angle and layers at the base.",
           _BASES, True, ("effusion",), "Pleural Effusion", "Effusion",
           ("anatomicalfinding|pleural effusion", "anatomicalfinding|costophrenic angle blunting")),
    Entity("pleural thickening", "Pleural thickening: a band of soft tissue along the chest wall.", _PLEURA, True,
           ("apical cap",), "Pleural Other", "Pleural_Thickening", ("anatomicalfinding|pleural/parenchymal scarring",)),
    Entity("pneumonia", "Pneumonia: an infectious airspace opacity.", _LUNGS_AND_APICES, True, ("infection",),
           "Pneumonia", "Pneumonia", ("disease|pneumonia", "disease|aspiration")),
    Entity("pneumothorax", "Pneumothorax: air in the pleural space, a lucent rim without vessels.", _PLEURA, True,
           ("pleural air",), "Pneumothorax", "Pneumothorax",
           ("anatomicalfinding|pneumothorax", "anatomicalfinding|hydropneumothorax")),
    Entity("support device", "Support device: a tube, line or implanted device.", (), False, ("hardware",),
           "Support Devices", "", ()),
    Entity("infiltration", "Infiltration: an ill-defined parenchymal opacity.", _LUNGS_AND_APICES, True,
           ("infiltrate",), "", "Infiltration", ("anatomicalfinding|infiltration",)),
    Entity("emphysema", "Emphysema: dark lungs with few vessels.", _LUNGS_AND_APICES, False, ("emphysematous change",), "",
           "Emphysema", ("disease|copd/emphysema", "anatomicalfinding|cyst/bullae")),
    Entity("fibrosis", "Pulmonary fibrosis: a coarse net of reticular lines with volume loss.", _LUNGS_AND_APICES,
           True, ("fibrotic change",), "", "Fibrosis",
           ("anatomicalfinding|increased reticular markings/ild pattern",)),
    Entity("hernia", "Hiatal hernia: a round density with air behind the heart.",
           ("cardiac silhouette", "mediastinum"), False, ("hiatal hernia",), "", "Hernia",
           ("anatomicalfinding|hernia",)),
    Entity("vascular congestion", "Vascular congestion: wide indistinct pulmonary vessels.",
           (*_LUNGS, *_both("hilar structures")), False, ("pulmonary vascular congestion",), "", "",
           ("anatomicalfinding|vascular congestion", "anatomicalfinding|vascular redistribution")),
    Entity("interstitial lung disease", "Interstitial lung disease: fine lines throughout the lungs.", _LUNGS, False,
           ("ild", "reticulation"), "", "", ("disease|interstitial lung disease",)),
    Entity("bronchiectasis", "Bronchiectasis: widened thick-walled airways.", _LUNGS, True, (), "", "",
           ("anatomicalfinding|bronchiectasis",)),
    Entity("calcified granuloma", "Calcified granuloma: a tiny very dense dot.",
           (*_LUNGS_AND_APICES, *_both("hilar structures")), True, ("granuloma",), "", "",
           ("anatomicalfinding|calcified nodule", "disease|granulomatous disease")),
    Entity("scarring", "Scarring: a thin fibrous strand.", _LUNGS_AND_APICES, True, ("scar",), "", "", ()),
    Entity("hilar enlargement", "Hilar enlargement: a full lung root.", _both("hilar structures"), True,
           ("hilar adenopathy",), "", "", ("anatomicalfinding|enlarged hilum",)),
    Entity("tortuous aorta", "Tortuous aorta: an unfolded thoracic aorta.", ("aortic arch", *_MEDIASTINUM), False,
           ("unfolded aorta",), "", "", ("anatomicalfinding|tortuous aorta",)),
    Entity("aortic calcification", "Aortic calcification: a dense rim of the aortic arch.",
           ("aortic arch", *_MEDIASTINUM), False, (), "", "", ("anatomicalfinding|vascular calcification",)),
    Entity("elevated hemidiaphragm", "Elevated hemidiaphragm: one diaphragm stands high.", _BASES, True,
           ("diaphragmatic eventration",), "", "",
           ("anatomicalfinding|elevated hemidiaphragm",
            "anatomicalfinding|diaphragmatic eventration (benign)")),
    Entity("hyperinflation", "Hyperinflation: large lungs with flat diaphragms.", (*_LUNGS, *_both("hemidiaphragm")),
           False, ("hyperexpansion", "copd"), "", "", ("anatomicalfinding|hyperaeration",)),
    Entity("low lung volumes", "Low lung volumes: a shallow inspiration.", (*_LUNGS, *_both("hemidiaphragm")), False,
           ("low inspiratory volumes",), "", "", ("technicalassessment|low lung volumes",)),
    Entity("subcutaneous emphysema", "Subcutaneous emphysema: streaks of air in the chest wall.", (), True,
           ("subcutaneous air",), "", "", ("anatomicalfinding|subcutaneous air",)),
    Entity("free air", "Free air: a lucent crescent below the diaphragm.", (*_both("hemidiaphragm"), "abdomen"), False,
           ("pneumoperitoneum",), "", "", ("anatomicalfinding|sub-diaphragmatic air",)),
    Entity("scoliosis", "Scoliosis: a curved spine.", ("spine",), False, (), "", "", ("anatomicalfinding|scoliosis",)),
    Entity("degenerative spine", "Degenerative changes of the spine: bony spurs.", ("spine",), False, ("spondylosis",),
           "", "", ("anatomicalfinding|spinal degenerative changes",)),
    Entity("endotracheal tube", "Endotracheal tube: a tube in the trachea.",
           ("trachea", "carina", "upper mediastinum"), False, ("et tube",), "", "",
           ("tubesandlines|endotracheal tube", "tubesandlines|tracheostomy tube")),
    Entity("enteric tube", "Enteric tube: a tube through the chest into the stomach.",
           ("mediastinum", "spine", "abdomen"), False, ("nasogastric tube",), "", "",
           ("tubesandlines|enteric tube",)),
    Entity("central line", "Central line: a thin catheter that ends in the superior vena cava.", _VEINS, True,
           ("central venous catheter", "picc"), "", "",
           ("tubesandlines|picc", "tubesandlines|ij line", "tubesandlines|subclavian line",
            "tubesandlines|chest port", "tubesandlines|swan-ganz catheter")),
    Entity("pacemaker", "Pacemaker: a metal box below the clavicle with wires to the heart.",
           (*_both("upper lung zone", "clavicle", "mid lung zone"), "cardiac silhouette", "right atrium", "svc"), True,
           ("pacer", "icd"), "", "", ("device|cardiac pacer and wires",)),
    Entity("chest tube", "Chest tube: a drain in the pleural space.", _PLEURA, True, ("pigtail catheter",), "", "",
           ("tubesandlines|chest tube", "tubesandlines|pigtail catheter")),
    Entity("sternotomy wires", "Sternotomy wires: rings of wire over the midline.", ("mediastinum", "spine"), False,
           ("median sternotomy",), "", "", ("device|sternotomy wires", "device|cabg grafts")),
    Entity("cavity", "Cavity: a ring-shaped opacity with a dark centre.", _LUNGS_AND_APICES, True,
           ("cavitary lesion",), "", "", ()),
)  # fmt: skip
_BY_NAME = {entity.name: entity for entity in ENTITIES}
ENTITY_INDEX: dict[str, int] = {entity.name: index for index, entity in enumerate(ENTITIES)}


def of_label(label: str) -> Entity | None:
    """The entity of a data set's label, by its ChestX-ray14, CheXpert or own name; None where there is none."""
    named = (found for found in ENTITIES if label in (found.nih, found.chexpert, found.name))
    return next(named, None)


def entity(name: str) -> Entity:
    """The entity of that name.

    Raises:
        ConfigError: If there is none; the nearest name is offered.
    """
    if name not in _BY_NAME:
        near = difflib.get_close_matches(name, _BY_NAME, 1)
        hint = f"did you mean {near[0]!r}?" if near else "the names stand in gkmvlp/entities.py"
        raise ConfigError(f"unknown entity {name!r}: {hint}")
    return _BY_NAME[name]


def prior(names: list[str]) -> NDArray[np.bool_]:
    """The grounding prior: which regions each entity can show in.

    Args:
        names: E entity names.

    Returns:
        (E, R) bool; every row admits at least one region.
    """
    admitted_ER = np.zeros((len(names), len(REGIONS)), bool)
    for row, name in zip(admitted_ER, names, strict=True):
        regions = entity(name).regions or REGIONS
        row[[REGION_INDEX[region] for region in regions]] = True
    return admitted_ER


def list_hash(names: list[str]) -> str:
    """SHA-256 of the entity names with their prompts and prior, in order: two backbones fit only if it is equal."""
    lines = [f"{name}|{entity(name).prompt}|{','.join(entity(name).regions)}" for name in names]
    return sha256("\n".join(lines).encode()).hexdigest()

"""The observations that the system knows: names, prompts, the regions they can show in, and other lists' names.

Data with names. The grounding prior is read off ``regions``; it is static, the same in training and at test.
To add an entity, add a row; configs choose among the rows by name (``entities: [...]``).
"""

from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from gkmvlp.anatomy import REGION_INDEX, REGIONS
from gkmvlp.errors import ConfigError, nearest


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
        definition: What reports are read as it, in one line; the wordings stand in ``gkmvlp.report.lexicon``.
        padchest: Its PadChest name, or "".
        radlex: Its RadLex name, or "".
    """

    name: str
    prompt: str
    regions: tuple[str, ...] = ()
    lateral: bool = False
    synonyms: tuple[str, ...] = ()
    chexpert: str = ""
    nih: str = ""
    imagenome: tuple[str, ...] = ()
    definition: str = ""
    padchest: str = ""
    radlex: str = ""


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
            "anatomicalfinding|lobar/segmental collapse"),
           definition="Lung with less air and less volume: linear, plate-like, lobar; collapse and volume loss are "
                      "read as it.",
           padchest="atelectasis", radlex="atelectasis"),
    Entity("cardiomegaly", "Cardiomegaly: an enlarged cardiac silhouette.", _HEART, False,
           ("enlarged heart", "enlarged cardiac silhouette"), "Cardiomegaly", "Cardiomegaly",
           ("anatomicalfinding|enlarged cardiac silhouette",),
           definition="A heart too large for the view; 'upper limits of normal' and 'borderline' are uncertain.",
           padchest="cardiomegaly", radlex="cardiomegaly"),
    Entity("consolidation", "Consolidation: a dense airspace opacity that hides the vessels.", _LUNGS_AND_APICES, True,
           ("airspace consolidation",), "Consolidation", "Consolidation", ("anatomicalfinding|consolidation",),
           definition="Air replaced so that vessels are hidden, where the report says consolidation; airspace "
                      "disease is a lung opacity.",
           padchest="consolidation", radlex="consolidation"),
    Entity("edema", "Pulmonary edema: hazy perihilar opacities in both lungs.", (*_LUNGS, *_both("hilar structures")),
           False, ("pulmonary edema", "fluid overload"), "Edema", "Edema",
           ("anatomicalfinding|pulmonary edema/hazy opacity", "disease|fluid overload/heart failure"),
           definition="Water in the lung: interstitial or alveolar edema, Kerley lines, and heart failure or fluid "
                      "overload by name.",
           padchest="pulmonary edema", radlex="pulmonary edema"),
    Entity("enlarged mediastinum", "Enlarged mediastinum: a widened mediastinal contour.", _MEDIASTINUM, False,
           ("mediastinal widening",), "Enlarged Cardiomediastinum", "", ("anatomicalfinding|mediastinal widening",),
           definition="A mediastinum that is too wide; the heart alone is cardiomegaly.",
           padchest="mediastinal enlargement"),
    Entity("fracture", "Fracture: a broken rib, clavicle or vertebra.",
           (*_LUNGS_AND_APICES, "right clavicle", "left clavicle", "spine"), True, ("rib fracture",), "Fracture", "",
           ("anatomicalfinding|rib fracture", "anatomicalfinding|clavicle fracture",
            "anatomicalfinding|spinal fracture"),
           definition="A broken rib, clavicle, sternum or vertebra, new or healed, compression and wedging of "
                      "vertebrae and callus with it.",
           padchest="fracture", radlex="fracture"),
    Entity("nodule", "Pulmonary nodule: a small round opacity below three centimetres.", _LUNGS_AND_APICES, True,
           ("pulmonary nodule",), "Lung Lesion", "Nodule",
           ("anatomicalfinding|mass/nodule (not otherwise specified)", "anatomicalfinding|multiple masses/nodules"),
           definition="A round opacity up to 3 cm, where the report says nodule, nodular density or nodular "
                      "opacity; a calcified one is a granuloma.",
           padchest="nodule", radlex="nodule"),
    Entity("mass", "Pulmonary mass: a round opacity above three centimetres.",
           (*_LUNGS_AND_APICES, *_both("hilar structures")), True, ("lung mass",), "Lung Lesion", "Mass",
           ("disease|lung cancer", "anatomicalfinding|lung lesion"),
           definition="A round opacity above 3 cm, a lesion of the lung, or cancer of the lung by name unless the "
                      "sentence calls it nodules; cancers of other organs are not read.",
           padchest="pulmonary mass", radlex="mass"),
    Entity("lung opacity", "Lung opacity: an area of increased density in the lung.", _LUNGS_AND_APICES, True,
           ("opacity", "opacification", "airspace disease"), "Lung Opacity", "",
           ("anatomicalfinding|lung opacity", "anatomicalfinding|airspace opacity"),
           definition="Any increased density in the lung: opacity, haze, airspace disease; a denial of airspace "
                      "disease denies consolidation too.",
           padchest="increased density", radlex="opacity"),
    Entity("pleural effusion", "Pleural effusion: fluid that blunts the costophrenic angle and layers at the base.",
           _BASES, True, ("effusion",), "Pleural Effusion", "Effusion",
           ("anatomicalfinding|pleural effusion", "anatomicalfinding|costophrenic angle blunting"),
           definition="Fluid in the pleural space, blood and pus with it; a blunted costophrenic angle is read as "
                      "it unless the report explains it.",
           padchest="pleural effusion", radlex="pleural effusion"),
    Entity("pleural thickening", "Pleural thickening: a band of soft tissue along the chest wall.", _PLEURA, True,
           ("apical cap",), "Pleural Other", "Pleural_Thickening", ("anatomicalfinding|pleural/parenchymal scarring",),
           definition="A thick pleura or fissure: apical or pleural cap, plaque, pleural scar or reaction.",
           padchest="pleural thickening", radlex="pleural thickening"),
    Entity("pneumonia", "Pneumonia: an infectious airspace opacity.", _LUNGS_AND_APICES, True, ("infection",),
           "Pneumonia", "Pneumonia", ("disease|pneumonia", "disease|aspiration"),
           definition="Infection of the lung by name, aspiration with it; old infection named as the cause of a "
                      "trace is not read.",
           padchest="pneumonia", radlex="pneumonia"),
    Entity("pneumothorax", "Pneumothorax: air in the pleural space, a lucent rim without vessels.", _PLEURA, True,
           ("pleural air",), "Pneumothorax", "Pneumothorax",
           ("anatomicalfinding|pneumothorax", "anatomicalfinding|hydropneumothorax"),
           definition="Air in the pleural space.",
           padchest="pneumothorax", radlex="pneumothorax"),
    Entity("support device", "Support device: a tube, line or implanted device.", (), False, ("hardware",),
           "Support Devices", "", (),
           definition="Any tube, line, valve, stent or implant; each of the devices below is one as well.",
           padchest="electrical device"),
    Entity("infiltration", "Infiltration: an ill-defined parenchymal opacity.", _LUNGS_AND_APICES, True,
           ("infiltrate",), "", "Infiltration", ("anatomicalfinding|infiltration",),
           definition="An opacity where the report says infiltrate.",
           padchest="infiltrates", radlex="infiltrate"),
    Entity("emphysema", "Emphysema: dark lungs with few vessels.", _LUNGS_AND_APICES, False,
           ("emphysematous change",), "", "Emphysema", ("disease|copd/emphysema", "anatomicalfinding|cyst/bullae"),
           definition="Destroyed airspaces: emphysema or bullae by name; COPD alone is hyperinflation.",
           padchest="emphysema", radlex="emphysema"),
    Entity("fibrosis", "Pulmonary fibrosis: a coarse net of reticular lines with volume loss.", _LUNGS_AND_APICES,
           True, ("fibrotic change",), "", "Fibrosis",
           ("anatomicalfinding|increased reticular markings/ild pattern",),
           definition="Fibrosis or honeycombing by name; a reticular pattern is interstitial lung disease, a scar "
                      "is scarring.",
           padchest="pulmonary fibrosis", radlex="pulmonary fibrosis"),
    Entity("hernia", "Hiatal hernia: a round density with air behind the heart.",
           ("cardiac silhouette", "mediastinum"), False, ("hiatal hernia",), "", "Hernia",
           ("anatomicalfinding|hernia",),
           definition="A hernia through the diaphragm, as a rule hiatal.",
           padchest="hiatal hernia", radlex="hiatal hernia"),
    Entity("vascular congestion", "Vascular congestion: wide indistinct pulmonary vessels.",
           (*_LUNGS, *_both("hilar structures")), False, ("pulmonary vascular congestion",), "", "",
           ("anatomicalfinding|vascular congestion", "anatomicalfinding|vascular redistribution"),
           definition="Wide or indistinct pulmonary vessels without edema: congestion, redistribution, engorgement.",
           padchest="vascular redistribution", radlex="pulmonary vascular congestion"),
    Entity("interstitial lung disease", "Interstitial lung disease: fine lines throughout the lungs.", _LUNGS, False,
           ("ild", "reticulation"), "", "", ("disease|interstitial lung disease",),
           definition="Lines throughout the lung: interstitial disease, reticular or reticulonodular pattern, "
                      "prominent interstitial markings without a word of edema.",
           padchest="interstitial pattern", radlex="interstitial lung disease"),
    Entity("bronchiectasis", "Bronchiectasis: widened thick-walled airways.", _LUNGS, True, (), "", "",
           ("anatomicalfinding|bronchiectasis",),
           definition="Widened airways.",
           padchest="bronchiectasis", radlex="bronchiectasis"),
    Entity("calcified granuloma", "Calcified granuloma: a tiny very dense dot.",
           (*_LUNGS_AND_APICES, *_both("hilar structures")), True, ("granuloma",), "", "",
           ("anatomicalfinding|calcified nodule", "disease|granulomatous disease"),
           definition="A granuloma, a calcified nodule, a Ghon or Ranke focus, or granulomatous disease by name.",
           padchest="calcified granuloma", radlex="calcified granuloma"),
    Entity("scarring", "Scarring: a thin fibrous strand.", _LUNGS_AND_APICES, True, ("scar",), "", "", (),
           definition="A strand that an old process left: scar, fibrous band, fibrocalcific change.",
           padchest="fibrotic band", radlex="scar"),
    Entity("hilar enlargement", "Hilar enlargement: a full lung root.", _both("hilar structures"), True,
           ("hilar adenopathy",), "", "", ("anatomicalfinding|enlarged hilum",),
           definition="A hilum that is full or prominent, hilar adenopathy with it.",
           padchest="hilar enlargement"),
    Entity("tortuous aorta", "Tortuous aorta: an unfolded thoracic aorta.", ("aortic arch", *_MEDIASTINUM), False,
           ("unfolded aorta",), "", "", ("anatomicalfinding|tortuous aorta",),
           definition="An aorta that is tortuous, unfolded, elongated or ectatic.",
           padchest="aortic elongation", radlex="tortuous aorta"),
    Entity("aortic calcification", "Aortic calcification: a dense rim of the aortic arch.",
           ("aortic arch", *_MEDIASTINUM), False, (), "", "", ("anatomicalfinding|vascular calcification",),
           definition="Calcium in the wall of the aorta, atherosclerosis by name with it.",
           padchest="aortic atheromatosis", radlex="aortic calcification"),
    Entity("elevated hemidiaphragm", "Elevated hemidiaphragm: one diaphragm stands high.", _BASES, True,
           ("diaphragmatic eventration",), "", "",
           ("anatomicalfinding|elevated hemidiaphragm",
            "anatomicalfinding|diaphragmatic eventration (benign)"),
           definition="One half of the diaphragm stands high, eventration with it.",
           padchest="hemidiaphragm elevation"),
    Entity("hyperinflation", "Hyperinflation: large lungs with flat diaphragms.", (*_LUNGS, *_both("hemidiaphragm")),
           False, ("hyperexpansion", "copd"), "", "", ("anatomicalfinding|hyperaeration",),
           definition="Too much air: large lungs, flat diaphragms, air trapping, and COPD by name.",
           padchest="hyperinflated lung", radlex="hyperinflation"),
    Entity("low lung volumes", "Low lung volumes: a shallow inspiration.", (*_LUNGS, *_both("hemidiaphragm")), False,
           ("low inspiratory volumes",), "", "", ("technicalassessment|low lung volumes",),
           definition="Too little air: a shallow inspiration; 'low normal' is uncertain.",
           padchest="hypoexpansion"),
    Entity("subcutaneous emphysema", "Subcutaneous emphysema: streaks of air in the chest wall.", (), True,
           ("subcutaneous air",), "", "", ("anatomicalfinding|subcutaneous air",),
           definition="Air in the soft tissues of the chest wall.",
           padchest="subcutaneous emphysema", radlex="subcutaneous emphysema"),
    Entity("free air", "Free air: a lucent crescent below the diaphragm.", (*_both("hemidiaphragm"), "abdomen"), False,
           ("pneumoperitoneum",), "", "", ("anatomicalfinding|sub-diaphragmatic air",),
           definition="Air under the diaphragm, outside the bowel.",
           padchest="pneumoperitoneo", radlex="pneumoperitoneum"),
    Entity("scoliosis", "Scoliosis: a curved spine.", ("spine",), False, (), "", "", ("anatomicalfinding|scoliosis",),
           definition="A spine curved to the side.",
           padchest="scoliosis", radlex="scoliosis"),
    Entity("degenerative spine", "Degenerative changes of the spine: bony spurs.", ("spine",), False, ("spondylosis",),
           "", "", ("anatomicalfinding|spinal degenerative changes",),
           definition="Wear of the spine: osteophytes, spondylosis, narrowed discs; shoulders and knees are not read.",
           padchest="vertebral degenerative changes"),
    Entity("endotracheal tube", "Endotracheal tube: a tube in the trachea.",
           ("trachea", "carina", "upper mediastinum"), False, ("et tube",), "", "",
           ("tubesandlines|endotracheal tube", "tubesandlines|tracheostomy tube"),
           definition="A tube in the trachea, tracheostomy with it.",
           padchest="endotracheal tube", radlex="endotracheal tube"),
    Entity("enteric tube", "Enteric tube: a tube through the chest into the stomach.",
           ("mediastinum", "spine", "abdomen"), False, ("nasogastric tube",), "", "",
           ("tubesandlines|enteric tube",),
           definition="A tube through the oesophagus.",
           padchest="NSG tube", radlex="nasogastric tube"),
    Entity("central line", "Central line: a thin catheter that ends in the superior vena cava.", _VEINS, True,
           ("central venous catheter", "picc"), "", "",
           ("tubesandlines|picc", "tubesandlines|ij line", "tubesandlines|subclavian line",
            "tubesandlines|chest port", "tubesandlines|swan-ganz catheter"),
           definition="A catheter in a central vein or the pulmonary artery, ports and dialysis catheters with it.",
           padchest="central venous catheter", radlex="central venous catheter"),
    Entity("pacemaker", "Pacemaker: a metal box below the clavicle with wires to the heart.",
           (*_both("upper lung zone", "clavicle", "mid lung zone"), "cardiac silhouette", "right atrium", "svc"), True,
           ("pacer", "icd"), "", "", ("device|cardiac pacer and wires",),
           definition="A pacemaker or defibrillator with its leads.",
           padchest="pacemaker", radlex="pacemaker"),
    Entity("chest tube", "Chest tube: a drain in the pleural space.", _PLEURA, True, ("pigtail catheter",), "", "",
           ("tubesandlines|chest tube", "tubesandlines|pigtail catheter"),
           definition="A drain in the pleural space.",
           padchest="chest drain tube", radlex="chest tube"),
    Entity("sternotomy wires", "Sternotomy wires: rings of wire over the midline.", ("mediastinum", "spine"), False,
           ("median sternotomy",), "", "", ("device|sternotomy wires", "device|cabg grafts"),
           definition="Wires of a sternotomy, or the sternotomy by name.",
           padchest="sternotomy"),
    Entity("cavity", "Cavity: a ring-shaped opacity with a dark centre.", _LUNGS_AND_APICES, True,
           ("cavitary lesion",), "", "", (),
           definition="A hole in an opacity.",
           padchest="cavitation", radlex="cavity"),
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
        near = nearest(name, _BY_NAME, cutoff=0.6)
        hint = f"did you mean {near!r}?" if near else "the names stand in gkmvlp/entities.py"
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

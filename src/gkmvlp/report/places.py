"""Where a report says that something lies: words for side and zone, and the regions they stand for. Data with names.

The table of positions follows Chest ImaGenome's 29 regions; what has no region of its own (ribs, pleura) takes the
regions that contain it.
"""

import re
from functools import lru_cache

from gkmvlp.anatomy import side_of
from gkmvlp.entities import entity
from gkmvlp.report.patterns import Alternation, Hit

# Zone to regions of one side; "{side}" is right or left. A lobe can hold more than its zone.
ZONES: dict[str, tuple[str, ...]] = {
    "upper": ("{side} upper lung zone",),
    "mid": ("{side} mid lung zone",),
    "lower": ("{side} lower lung zone",),
    "apical": ("{side} apical zone",),
    "hilar": ("{side} hilar structures",),
    "costophrenic": ("{side} costophrenic angle",),
    "clavicle": ("{side} clavicle",),
    "retrocardiac": ("left lower lung zone", "cardiac silhouette"),
    "spine": ("spine",),
}
LEFT_UPPER_LOBE = ("left upper lung zone", "left mid lung zone")
LINGULA = ("left mid lung zone", "left lower lung zone")
PLEURA = ("{side} lung", "{side} costophrenic angle")
PLEURAL = frozenset({"pleural effusion", "pleural thickening", "pneumothorax", "chest tube"})
LUNG = frozenset(
    {"atelectasis", "consolidation", "edema", "fracture", "nodule", "mass", "lung opacity", "pneumonia", "infiltration",
     "emphysema", "fibrosis", "vascular congestion", "interstitial lung disease", "bronchiectasis",
     "calcified granuloma",
     "scarring", "hyperinflation", "low lung volumes", "cavity"}
)  # fmt: skip
# Entities whose place a zone word cannot move: they have one place, or a place a side.
FIXED: dict[str, tuple[str, ...]] = {
    "cardiomegaly": ("cardiac silhouette",),
    "enlarged mediastinum": ("mediastinum", "upper mediastinum"),
    "hilar enlargement": ("{side} hilar structures",),
    "tortuous aorta": ("aortic arch",),
    "aortic calcification": ("aortic arch",),
    "elevated hemidiaphragm": ("{side} hemidiaphragm",),
    "scoliosis": ("spine",),
    "degenerative spine": ("spine",),
}

Place = tuple[str, str]  # side ("", right, left, bilateral), zone ("" or a key of ZONES, "left upper lobe", "lingula")
_OF_HEART = "(?! (?:atri|ventric|heart|main|brachio|innominate))"
_OF_ELSE = (
    "(?! (?:limits?|mediast|abd|svc|superior|esoph|quadrant|extrem|normal|third|portion of the svc|end of normal))"
)
_UPPER: Place = ("", "upper")
NOWHERE: Place = ("", "")  # of what something is compared with
_UPPER_LOBE: Place = ("", "upper lobe")
_WORDS: dict[Place, tuple[str, ...]] = {
    ("right", ""): (f"right{_OF_HEART}", f"rt{_OF_HEART}"),
    ("left", ""): (f"left{_OF_HEART}", f"lt{_OF_HEART}"),
    ("bilateral", ""): ("bilateral", "bilaterally", "both"),
    ("bilateral", "lower"): (r"bi ?bas(?:ilar|al)\w*",),
    ("bilateral", "apical"): (r"bi ?apical\w*",),
    ("bilateral", "hilar"): ("bi ?hilar",),
    _UPPER: (f"upper{_OF_ELSE}",),
    ("", "mid"): (f"mid{_OF_ELSE}", f"middle{_OF_ELSE}"),
    ("", "lower"): (f"lower{_OF_ELSE}", "bas(?:e|es|ilar|al|ally)", "infrabasilar"),
    ("", "apical"): ("ap(?:ex|ices|ical|ically)",),
    ("right", "upper"): ("rul",),
    ("right", "mid"): ("rml",),
    ("right", "lower"): ("rll",),
    ("left", "upper lobe"): ("lul",),
    ("left", "lower"): ("lll",),
    ("left", "lingula"): (r"lingula\w*",),
    NOWHERE: ("(?:higher|lower) than (?:the |that on the )?(?:left|right)", "or both"),
    ("", "hilar"): ("hil(?:ar|um|a)", "(?:peri|infra|supra) ?hilar"),
    ("left", "retrocardiac"): ("retro ?cardiac",),
    ("", "costophrenic"): ("costo ?phrenic", "cp angles?"),
    ("", "clavicle"): (r"clavic\w+",),
    ("", "spine"): (r"vertebra\w*", "thoracic spine", "spine", "spinal", "compression"),
}
PLACES: Alternation[Place] = Alternation([(word, place) for place, words in _WORDS.items() for word in words])
_LOBE = re.compile(r"(?:[ -](?:and|or|lower|upper|mid|middle|left|right))*[ -]lobes?\b")


def with_lobes(text: str, found: list[Hit[Place]]) -> list[Hit[Place]]:
    """Words for places in lower-case text, as ``PLACES`` finds them, with "upper" of a lobe as such."""
    if not any(place == _UPPER for *_, place in found):
        return found
    return [
        hit._replace(value=_UPPER_LOBE) if hit.value == _UPPER and _LOBE.match(text, hit.end) else hit for hit in found
    ]


@lru_cache(maxsize=4096)
def join(words: tuple[Place, ...]) -> tuple[Place, ...]:
    """Words in reading order to pairs of side and zone: "right upper and left lower" is two pairs."""
    pairs: list[Place] = []
    side, open_zone = "", ""
    for word_side, zone in words:
        if word_side and not zone:
            if open_zone:
                pairs.append((word_side, open_zone))
                open_zone = ""
            elif side and all(pair[0] != side for pair in pairs):
                pairs.append((side, ""))
            side = word_side
            continue
        own = word_side or side
        if not own:
            if open_zone:
                pairs.append(("", open_zone))
            open_zone = zone
            continue
        pairs.append((own, zone))
        open_zone = ""
    if open_zone:
        pairs.append(("", open_zone))
    if side and all(pair[0] != side and not (side == "bilateral" and pair[0]) for pair in pairs):
        pairs.append((side, ""))
    return tuple(dict.fromkeys(pairs))


def side_and_zone(pairs: tuple[Place, ...]) -> tuple[str, str]:
    """One side ("" where none is named) and the zones, joined by "/", of some pairs."""
    sides = {side for side, _ in pairs if side}
    side = "bilateral" if "bilateral" in sides or len(sides) == 2 else next(iter(sides), "")
    zones = ({"upper lobe": "upper", "lingula": "mid/lower"}.get(zone, zone) for _, zone in pairs if zone)
    return side, "/".join(dict.fromkeys(zones))


def _both_or(side: str, templates: tuple[str, ...]) -> list[str]:
    sides = (side,) if side in ("right", "left") else ("right", "left")
    return [template.format(side=one) for template in templates for one in sides]


def _regions_of_pair(name: str, side: str, zone: str) -> list[str]:
    if name in FIXED:
        return _both_or(side, FIXED[name])
    if name in LUNG or name in PLEURAL:
        if zone == "lingula":
            return list(LINGULA)
        if zone == "upper lobe":
            return list(LEFT_UPPER_LOBE) if side == "left" else _both_or(side, ZONES["upper"])
        if zone:
            return _both_or(side, ZONES[zone])
        return _both_or(side, PLEURA if name in PLEURAL else ("{side} lung",))
    return [region for region in entity(name).regions if side_of(region) in (None, side) or side in ("", "bilateral")]


def regions(name: str, pairs: tuple[Place, ...]) -> tuple[str, ...]:
    """The regions where a report places an entity; () where it cannot be grounded (all 29 are possible).

    Args:
        name: An entity.
        pairs: Pairs of side and zone as ``join`` gives them; () where none is named.
    """
    found = [region for side, zone in pairs or (("", ""),) for region in _regions_of_pair(name, side, zone)]
    return tuple(dict.fromkeys(found))

"""How a radiograph was taken, in the spellings of MIMIC-CXR, CheXpert, PadChest, Open-i and DICOM: one place for all.

``PA`` and ``AP`` have an atlas of regions. ``""`` is read as PA: a cell without a value, or a frontal radiograph of
which nobody says which way the rays went.
"""

import re

# MIMIC-CXR's and DICOM's LL and LATERAL, CheXpert's and Open-i's Lateral, PadChest's L; ML and LM stand in the wild.
_LATERAL = ("LL", "RL", "LLO", "RLO", "ML", "LM", "L", "LAT", "LATERAL", "LLAT", "RLAT", "LATERALLL", "LATERALRL")
_LATERAL_ABROAD = re.compile("SEITLICH|PROFIL|PERFIL|LTRL")
_SPELLINGS = {
    "PA": ("PA", "POSTEROANT", "POSTANT", "PAERECT", "PAUPRIGHT", "CHESTPA", "PACHEST", "FRONTALPA",
           "PAFRONTAL", "PAVIEW"),
    "AP": ("AP", "ANTEROPOST", "ANTPOST", "APHORIZONTAL", "APSUPINE", "SUPINEAP", "APERECT",
           "APUPRIGHT", "APPORTABLE", "PORTABLEAP", "CHESTAP", "APCHEST", "FRONTALAP", "APFRONTAL", "APVIEW"),
    "": ("", "FRONTAL", "FRONT", "F", "FRONTALVIEW", "UNKNOWN", "NONE", "NAN", "NULL", "NA", "UNK"),
}  # fmt: skip
_NAME = {spelling: name for name, spellings in _SPELLINGS.items() for spelling in spellings}
_IN_FULL = (
    (re.compile(r"POSTER(?:O|IOR)[\W_]*ANTERIOR"), "PA"),
    (re.compile(r"ANTER(?:O|IOR)[\W_]*POSTERIOR"), "AP"),
)
# Words beside a frontal projection that do not change it: "AP portable semi-erect".
_BESIDE = frozenset(
    re.findall(
        r"\w+",
        """PORTABLE PORT MOBILE BEDSIDE SUPINE ERECT UPRIGHT SEMI SEMIERECT SEMIUPRIGHT SITTING STANDING RECUMBENT
        CHEST THORAX XR CXR XRAY X RAY CR DX DR RX RADIOGRAPH FRONTAL VIEW VIEWS PROJECTION ONE SINGLE INSPIRATION
        EXPIRATION INSPIRATORY EXPIRATORY""",
    )
)
# Known, and neither: oblique, decubitus, apical, ribs, PadChest's COSTAL and EXCLUDE, MIMIC's rarities.
_OTHER = re.compile(
    r"(?:LAO|RAO|LPO|RPO|OBL\w*|\w*OBLIQUE|COSTAL|RIBS?|EXCLUDE|SWIMMERS?|\w*LORDOTIC|\w*APICAL|\w*DECUB\w*|XTABLE"
    r"|(?:AP|PA)?(?:LLD|RLD)|(?:AP|PA)AXIAL|AXIAL|L5S1|OTHER)"
)


def standard_view(text: str) -> str | None:
    """The view that a cell names.

    Args:
        text: The cell, in any case.

    Returns:
        ``PA``, ``AP``, ``""`` (read as PA), another known view in capitals (no atlas has regions for it), or None for
        a spelling that nobody knows.
    """
    plain = text.upper()
    for in_full, short in _IN_FULL:
        plain = in_full.sub(f" {short} ", plain)
    letters = _letters(plain)
    if letters in _NAME:
        return _NAME[letters]
    if is_lateral(text):
        return "LATERAL" if letters in ("L", "LAT") else " ".join(text.upper().split())
    words = set(re.findall(r"[A-Z]+", plain)) - _BESIDE
    if len(words) == 1 and (named := _NAME.get(words.pop())):
        return named
    return " ".join(text.upper().split()) if _OTHER.fullmatch(letters) else None


def is_lateral(view: str) -> bool:
    """Whether a projection is a lateral one; a decubitus is frontal."""
    letters = _letters(view)
    if letters in _LATERAL or _LATERAL_ABROAD.search(letters):
        return True
    return "LAT" in letters and not re.search(r"DECUB|LATERALITY|UNILAT|BILAT", letters)


def _letters(text: str) -> str:
    """Letters and digits in capitals: posteroanterior, postero-anterior and POSTERO ANTERIOR are one."""
    return "".join(filter(str.isalnum, text.upper()))

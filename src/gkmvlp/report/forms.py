"""The lines of forms as statements: "edema: none" is no edema, "[x] effusion" is an effusion.

Works on one sentence in lower case; lengths may change.
"""

import re

from gkmvlp.report.lexicon import TERMS
from gkmvlp.report.organs import ORGANS

_NO = (
    r"(?:(?:no|none|nothing|not(?= (?:seen|present|identified|visuali[sz]ed|detected|evident|found|noted|apparent"
    r"|appreciated|significant)))(?: (?:definite|obvious|acute|significant|large|evidence|evident|seen|present|noted"
    r"|identified|visuali[sz]ed|detected|found|apparent|appreciated|of))*"
    r"|neg(?:ative)?(?: for)?|absent|nil|without|denied|false|n|0|\(?-\)?)"
)
_YES = r"(?:yes|present|definite|pos(?:itive)?|seen|true|y|1|\(?\+\)?)"
_MAYBE = (
    r"(?:possibl[ey]|probabl[ey]|equivocal|questionable|uncertain|indeterminate|inconclusive|maybe|likely"
    r"|unlikely|suspected|cannot exclude|not excluded|\?)"
)
_NAME = r"(?<![a-z])([a-z][a-z /-]{2,60}?)"
_IS = r"\s*(?::|=|\s-{1,2}\s|\s?\u2013\s)\s*"
_END = r"(?=\s*(?:[.,;)|\]]|$))"
_FORM_NO = re.compile(
    rf"{_NAME}{_IS}{_NO}{_END}|{_NAME} ?[(\[](?:-|neg(?:ative)?|none|no?|absent)[)\]]"
    rf"|{_NAME} -{_END}"
)
_FORM_YES = re.compile(
    rf"{_NAME}{_IS}{_YES}{_END}|{_NAME} ?[(\[](?:\+|pos(?:itive)?|y(?:es)?|present)[)\]]"
    rf"|{_NAME} ?\+{_END}"
)
_FORM_MAYBE = re.compile(rf"{_NAME}{_IS}{_MAYBE}(?:{_END}|(?= [a-z]))|{_NAME} ?\(\?\)")
# "effusion: normal", where the name is a finding's; "heart: normal" says something of the heart.
_FORM_NORMAL = re.compile(rf"{_NAME}{_IS}(?:normal|unremarkable){_END}")
_FORM_OPEN = re.compile(rf"{_NAME}{_IS}(?:n/?a|not (?:applicable|assessed|evaluated)|unknown|limited){_END}")
# "no consolidation, effusion: small": the name of a finding or organ before a colon begins a new statement, behind a
# comma or a dash.
_ENTRY = re.compile(r"(?:,|\s[-\u2013\u2014]{1,2}\s)\s*(?=([a-z][a-z /-]{2,40}):\s)")
# "pneumothorax, effusion: none"
_LISTED = re.compile(
    rf"(?:^|(?<=[;.] ))([a-z][a-z /-]{{2,40}}(?:, (?:and |or )?[a-z][a-z /-]{{2,40}}){{1,8}}){_IS}"
    rf"(?=(?:{_NO}|{_YES}){_END})"
)
# "evaluate for effusion: none", "rule out pneumonia: small effusion"
_SOUGHT = re.compile(
    r"^((?:please |to |for )?(?:(?:evaluate|evaluation|assess|assessment|look|monitor|check) (?:for|of)|rule out"
    r"|exclude) )"
    rf"([a-z][a-z ,/-]{{2,60}}):\s+(?=((?:{_NO}|{_YES}|{_MAYBE}){_END})?)"
)
# "evaluate for the following: effusion, edema"
_SOUGHT_LIST = re.compile(r"^((?:please |to )?[a-z]+ (?:for|of) )(?:any of )?(?:the following|these)(?: [a-z]+)?:\s+")
# "(-) effusion (+) edema", "negatives: effusion, edema"
_SIGNED = re.compile(r"\(([-+])\)\s*([a-z][^()+;,.]*)")
# What is a statement behind "negative:" all the same: "negative: heart enlarged", "negative: stable cardiomegaly".
_STATED = (
    r"(?:(?:the |an? )?(?:stable|unchanged|old|chronic|known|healed)\b"
    r"|(?:the )?(?:heart(?! failure)|lungs|aorta|hila|mediastinum)\b)"
)
NEGATIVES = re.compile(
    rf"^(?!\W*negative\s*:\s*{_STATED})"
    r"\W*(?:pertinent |relevant )?(?:(?:negatives?|absent)(?: findings?)?|no|negative for)\s*:\s*(?!no\b)"
    r"|\b(?:no (?:evidence|signs?) (?:of|for)|no|without|negative for|absence of|free of) (?:any of )?"
    r"(?:the following|these)(?: [a-z]+)?\s*:\s*"
)
# "pneumothorax: [ ] yes [x] no"
_TICKED = re.compile(
    r"[:\s]*(?:\[ ?\]\s*(?:yes|no)\s*\[\s?[x*]\s?\]\s*(yes|no)|\[\s?[x*]\s?\]\s*(yes|no)\s*\[ ?\]\s*(?:yes|no))\b"
)
# "effusion: [ ]" at the end of an entry, "effusion [x]" at the end of a line
_BOX_BEHIND = re.compile(
    rf"{_NAME}(?::\s*\[(\s|\s?[x*]\s?)?\](?=\s*(?:[.,;]|$|[a-z][a-z /-]{{2,40}}:\s*\[))"
    rf"|\s*\[(\s|\s?[x*]\s?)?\](?=\s*(?:[.,;]|$)))"
)
_BOX_NO, _BOX_YES = re.compile(r"\[ ?\]\s*([^\[\];]+)"), re.compile(r"\[\s?[x*]\s?\]\s*([^\[\];]+)")
_WORD = re.compile(r"[a-z/-]+")
_DESCRIBED = re.compile(r"(?:(?:pleural|pulmonary|lung|rib|mediastinal|interstitial|right|left|focal|acute) ){1,3}")
# Before a name that goes on with the words before it: "pneumothorax or effusion: none".
_GOES_ON = re.compile(r"(?:[,;/(.]|\b(?:and|n?or|of|for|with|the|in|acute|focal))\s*$")
# "pneumothorax 0, effusion nil"
_COUNTED = re.compile(r"(?:^|(?<=[,;] ))([a-z][a-z /-]{2,40}) (?:0|nil)(?=\s*(?:[.,;]|$))")
# "pleura: no fluid", where the fluid is pleural, and what stands behind a comma may be of the lung or the aorta
_PLEURA = re.compile(r"^\W*pleurae?(?:l (?:spaces?|cavit(?:y|ies)|surfaces?))?\s*(?::|-)\s(?P<of>[^,;.]*)")
_OF_PLEURA = re.compile(
    r"(^|\b(?:no|n?or|and|of|any|some|trace|tiny|small|minimal|mild|moderate|large|focal|new|stable|chronic|apical"
    r"|biapical|basal|basilar|bilateral|right|left) )"
    r"(?=(?:fluid|collections?|air(?![ -](?:space|fluid|bronch|trap|filled))"
    r"|(?:thickening|plaques?|calcifications?)(?! of\b))\b)"
)
# What a line of a form holds.
_MAY_BE_LINE = re.compile(r"[:=(\[\u2013+]| -")


def asked_for(lower: str) -> str:
    """What is sought with its answer as a line of a form: "evaluate for effusion: none" is "effusion: none"."""
    return _SOUGHT.sub(_sought, _SOUGHT_LIST.sub(r"\1", lower))


def forms(lower: str, is_aside: bool) -> str:
    """A sentence with its lines of forms read.

    Args:
        lower: In lower case.
        is_aside: Whether the sentence states nothing, entries in it neither.
    """
    if "[" in lower:
        lower = _TICKED.sub(lambda match: f": {match[1] or match[2]};", lower)
        lower = _BOX_BEHIND.sub(
            lambda match: f"{match[1]}: {'yes' if (match[2] or match[3] or '').strip() else 'no'};", lower
        )
    if " 0" in lower or " nil" in lower:
        lower = _COUNTED.sub(lambda match: f"no {match[1]};" if _is_name(match[1]) else match[0], lower)
    if "pleura" in lower and (pleura := _PLEURA.match(lower)):
        lower = lower[: pleura.start("of")] + _OF_PLEURA.sub(r"\1pleural ", pleura["of"]) + lower[pleura.end() :]
    if "(y/n)" in lower:
        lower = lower.replace(" (y/n)", "")
    if _MAY_BE_LINE.search(lower):
        lower = _lines(lower, is_aside)
    return _BOX_YES.sub(r"\1 present; ", _BOX_NO.sub(r"no \1; ", lower)) if "[" in lower else lower


def _lines(lower: str, is_aside: bool) -> str:
    """Reads "edema: none" as "no edema;", "edema: yes" as "edema present;", "edema: possible" as "possible edema;"."""
    if lower.lstrip().startswith(("(-)", "(+)")):  # signs stand before what they are of
        lower = _SIGNED.sub(lambda match: f"no {match[2]}; " if match[1] == "-" else f"{match[2]} present; ", lower)
    if ":" in lower and not is_aside:
        lower = _ENTRY.sub(_entry, _LISTED.sub(_listed, lower))
        lower = _parted(lower)
    if "normal" in lower or "unremarkable" in lower:
        lower = _FORM_NORMAL.sub(_normal, lower)
    lower = _FORM_NO.sub(lambda match: f"no {match[1] or match[2] or match[3]};", lower)
    lower = _FORM_YES.sub(lambda match: f"{match[1] or match[2] or match[3]} present;", lower)
    lower = _FORM_OPEN.sub(lambda match: f"{match[1]} not assessed;", lower)
    return _FORM_MAYBE.sub(_possible, lower)


def _parted(lower: str) -> str:
    """Parts the lines of a form that run on: "pneumothorax: no pleural effusion: yes"."""
    places, colon = [], lower.find(":")
    while (following := lower.find(":", colon + 1)) > 0:
        line = lower[colon + 1 : following]
        words = [match.start() for match in _WORD.finditer(line)]
        names = [at for at in words[-4:] if _is_name(line[at:]) and not _GOES_ON.search(line[:at])]
        if names and names[0] > 1:
            places.append(colon + 1 + names[0])
        colon = following
    for at in reversed(places):
        lower = f"{lower[:at].rstrip()}; {lower[at:]}"
    return lower


def _is_name(text: str) -> bool:
    """Whether a text as a whole names a finding or an organ."""
    described = _DESCRIBED.match(text)
    start = described.end() if described else 0
    return any(
        len(hits) == 1 and hits[0].start in (0, start) and hits[0].end == len(text)
        for hits in (TERMS.find(text), ORGANS.find(text))
    )


def _possible(match: re.Match[str]) -> str:
    """What is called possible; the words behind belong to it: "pneumonia: questionable in the right lower lobe"."""
    goes_on = match.string[match.end() : match.end() + 2].lstrip().isalpha()
    return f"possible {match[1] or match[2]}{'' if goes_on else ';'}"


def _listed(match: re.Match[str]) -> str:
    """Several findings with one answer, joined by "or"; as they stand where one of them is no finding."""
    names = re.split(r", (?:and |or )?", match[1])
    return f"{' or '.join(names)}: " if all(map(_is_name, names)) else match[0]


def _entry(match: re.Match[str]) -> str:
    """A semicolon before the name of a finding or an organ; the comma as it stands before other words."""
    return "; " if TERMS.find(match[1]) or ORGANS.find(match[1]) else match[0]


def _sought(match: re.Match[str]) -> str:
    """A finding that is asked for, with its answer: a line of a form behind a bare answer, else a statement apart."""
    if not TERMS.find(match[2]):
        return match[0]
    return f"{match[2]}: " if match[3] else f"{match[1]}{match[2]}; "


def _normal(match: re.Match[str]) -> str:
    """No finding where a finding's name is called normal; as it stands where the name is an organ's."""
    named = bool(TERMS.find(match[1]))
    return f"no {match[1]};" if named else match[0]

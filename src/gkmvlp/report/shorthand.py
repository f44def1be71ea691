"""Shorthand in words that the rules know: "eff" is effusion, "-ptx" is no pneumothorax.

Works on one sentence in lower case; lengths may change.
"""

import re

from gkmvlp.report.forms import NEGATIVES, asked_for, forms
from gkmvlp.report.laboratory import TESTED, without_results
from gkmvlp.report.lexicon import TERMS
from gkmvlp.report.patterns import KeptByText

_SHORT: dict[str, str] = {
    "w/o": "without", "w/": "with ", "b/l": "bilateral", "c/w": "consistent with", "d/t": "due to", "2/2": "due to",
    "s/p": "status post", "h/o": "history of", "r/o": "rule out", "f/u": "follow up", "y/o": "year old",
    "neg": "negative",
    "eff": "effusion", "effs": "effusions", "atx": "atelectasis", "atel": "atelectasis",
    "consol": "consolidation", "infil": "infiltrate", "infilt": "infiltrate", "opac": "opacity",
    "opacs": "opacities", "poss": "possible", "prob": "probable", "sm": "small", "mod": "moderate", "nl": "normal",
    "wnl": "normal", "pulm": "pulmonary", "cardiomeg": "cardiomegaly", "bilat": "bilateral", "bibas": "bibasilar",
    "ptxs": "pneumothoraces", "yo": "year old", "s/o": "suggestive of", "vasc": "vascular", "unremark": "unremarkable",
    "enl": "enlarged", "ett": "et tube", "incr": "increased", "decr": "decreased", "thickng": "thickening",
    "w/out": "without", "c/f": "concerning for", "c/t": "compared to", "cardiopulm": "cardiopulmonary",
    "hyperinfl": "hyperinflated", "infilts": "infiltrates", "consols": "consolidations", "emph": "emphysema",
    "degen": "degenerative", "granul": "granuloma", "calc": "calcified",
    "chg": "change", "chgs": "changes", "unch": "unchanged", "sig": "significant", "dz": "disease", "lg": "large",
    "hrt": "heart", "sil": "silhouette", "sz": "size", "assoc": "associated", "susp": "suspicious", "prev": "previous",
    "pl": "pleural", "hx": "history", "cons": "consolidation", "consolid": "consolidation", "atelec": "atelectasis",
    "ggo": "ground glass opacity", "ggos": "ground glass opacities", "emphys": "emphysema",
    "clr": "clear", "nml": "normal", "demin": "demineralized", "vol": "volume", "vols": "volumes", "eval": "evaluate",
    "tort": "tortuous", "elev": "elevated", "resid": "residual", "mediast": "mediastinal", "gran": "granulomatous",
    "calcif": "calcified",
    "ao": "aorta", "ao valve": "aortic valve", "cpa": "cp angle", "cpas": "cp angles", "post cpa": "post arrest",
    "s/p cpa": "post arrest", "insp": "inspiration", "subcut": "subcutaneous",
    "hemidiaph": "hemidiaphragm", "hemidiaphs": "hemidiaphragms", "diaph": "diaphragm",
    "diaphs": "diaphragms", "cav": "cavitary", "subq": "subcutaneous", "pleff": "pleural effusion",
}  # fmt: skip
_TRIGGERS = frozenset(word for short in _SHORT for word in re.findall(r"[a-z]+", short)) | {"r", "l"}
_LETTERS = re.compile(r"[a-z]+")
# Whether letters between blanks may hold shorthand.
_MAY_BE_SHORT = KeptByText(lambda chunk: not _TRIGGERS.isdisjoint(_LETTERS.findall(chunk)))
_SIDES = r"(?:r|l|right|left|rt|lt)"
_WORDS = re.compile(
    r"(?<!\w)(?:"
    + "|".join(sorted(map(re.escape, _SHORT), key=len, reverse=True))
    + r")(?!\w)\.?(?=[\s.,;:)?/]|$)|\bw/"
)
_ONE_SIDE = re.compile(r"(?<![\w/])([rl])\.?(?= (?:[a-z]+ )?(?:pleural |sided |side |lung |base |apex |apical |basal "
                       r"|basilar |lower |upper |mid |hilar )?"
                       r"(?:effusion|eff\b|pneumothorax|ptx|atelectasis|atx|opacity|opac|base|lung|apex|hilum|pna"
                       r"|pneumonia|infiltrate"
                       r"|nodule|mass|picc|ij|sc line|cp |cpa|costo|chest tube|chest wall|effs\b|rib|clavicle"
                       r"|fracture|fx|"
                       r"pleural|lower|upper|hemidiaph))")  # fmt: skip
_SIDE_BEHIND = re.compile(
    r"(?:(?<=[a-z]{3} )|(?<= on ))([rl])(?=\s*(?:[;,.)]|$)| (?:unch(?:anged)?|stable|smaller|larger|bigger|worse|better"
    r"|improv(?:ed|ing)|resolv(?:ed|ing)|increas(?:ed|ing)|decreas(?:ed|ing)|gone|persists?|remains?|is|has)\b)"
)  # "effusion r; none l"
_GREATER = re.compile(rf"\b{_SIDES}[ -]*(?:>+|<+|=|&|\+|greater than|more than)[ -]*{_SIDES}\b(?! ?\d)")
# "r effusion > l"
_GREATER_APART = re.compile(rf"\b{_SIDES}( (?:[a-z]+ ){{0,2}}?(?:effusions?|fluid|effs?)) ?[<>]+ ?{_SIDES}\b(?! ?\d)")
# "neg effusion", "neg cxr effusion"; not so "neg chest, effusion"
_NEGATIVE_OF = re.compile(rf"\bneg\.?(?= (?!for\b|{TESTED}(?: (?:with|has|is)\b|\s*(?:[,;.]|$)))[a-z])")
_RESULT = re.compile(r"(?<=[a-z] )(?<!otherwise )(neg|pos)(?:ative|itive)?\.?(?=\s*(?:[,;]|$))")
# "effusion no, edema yes"
_ANSWER = re.compile(r"(?<=[a-z] )(no?|y(?:es)?)(?=\s*(?:[,;.]|$))")
_ANSWERS = (" no", " no.", " yes", " yes.", " n", " n.", " y", " y.")
_NIL = re.compile(r"\bnil(?= [a-z])")  # "nil effusion"
_TIGHT_COMMA = re.compile(r",(?=[a-z])")
# "no effusion-no edema"
_TIGHT_HYPHEN = re.compile(r"-(?<=[a-z]{4}-)(?=(?:no|mild|moderate|small|trace|stable|heart|lungs?) [a-z])")
_TIGHT_DASH = re.compile(r"(?<=[a-z])\u2014(?=[a-z])")
# "-ptx" as a whole statement: what may open a sentence and is no list mark.
MINUS_FIRST = (
    r"-(?i:ve\b|(?:ptxs?|effs?|pna|atx|atel|consols?|infilt?s?|fx|chf|opacs?|cardiomeg)"
    r"(?=\s*(?:[.,;/)&-]|$)|[ \t]*\n|\s+(?:and|or)\b))"
)
# "-ve for effusion", "edema +ve"
_SIGNED = re.compile(r"(?<!\w)([+-])ve\b")
# "-ptx" behind a comma
_MINUS = re.compile(
    r"(?:(?<=[ (])|^)"
    r"-(?=(?:ptx|pneumo|eff|edema|consol|infil|atx|atel|pna|nodul|mass|fx|fract|chf|opac|cardiomeg)[a-z]*)"
)
_CARDIOMEGALY = re.compile(
    r"(?:^|[,;] |\b(?:mild|mod|moderate|severe|marked|stable|no|with|w/|unchanged|without|w/o) |\+ ?)cm(?=[\s.,;:/]|$)"
)
# "lungs are clear airspace disease": a word is lost
_CLEAR_OF = re.compile(r"\bclear (?=(?:focal |acute |any )?(?:air ?space|infiltrat|consolidat|opacit|effusion|pneumo))")
_ASIDE_HEAD = re.compile(
    r"^\s*(?:indications?|plan|advice|clinical|cc|dx"
    r"|(?:chief |presenting )?complaints?|(?:signs and )?symptoms?|(?:ordering|admitting|referring|working) diagnosis"
    r"|reasons?(?: (?:for|of) [a-z ]{1,30})?|(?:[a-z]{3,12} )?history"
    r"|clinical [a-z]{4,12}|comparisons?|(?:prior|previous|old|outside) (?!pleural|rib)[a-z -]{2,25}"
    r"|questions?|technique|procedure|diagnosis code|icd[ -]?\d*)\s*:"
)
# What opens a sentence that states nothing, entries in it neither.
_ASIDES = ("history of", "evaluate for")
# "I, the attending radiologist, have reviewed the images and agree"
_REVIEWED = (
    r"i,?(?: the [a-z ]{3,40},)? (?:have )*(?:personally\b|(?:agree|concur) with\b"
    r"|(?:reviewed|viewed|interpreted|examined)\b[^.]{0,80}\b(?:agree|concur))"
)
_FORMAL = re.compile(
    rf"^\W*(?:(?:summary\W*)?\d\s*[-\u2013]\s*(?:ab)?normal\b|{_REVIEWED}|summary\W+\d"
    r"|(?:electronically|digitally) signed|dictated by|transcribed|(?:the )?attending\b"
    r"|(?:the )?(?:teaching|staff|supervising) (?:physician|radiologist)\b)"
)
# An order, not a finding: "exclude pneumothorax", "follow up effusion"
_ORDER = re.compile(
    r"\W*(?:please |to |must |need to )?(?:exclude|(?:re ?)?(?:evaluate|assess)|check|confirm|verify|monitor"
    r"|follow[ -]?up)(?: for| of)? (?![^;]*\b(?:is|are|was|were|shows?|has|have|had|demonstrates?|reveals?|no|none"
    r"|which|with|without|to|study|exams?|radiographs?|films?|ct)\b)(?![^;]*:)"
)
# "trauma, exclude pneumothorax"
_ORDER_BEHIND = re.compile(r"(?<=[,;] )(?:please |to )?exclude ")
# "no effusion can be excluded", "neither effusion nor edema could be ruled out"
_NONE_EXCLUDED = re.compile(
    r"\b(?:no|neither)((?: (?!is\b|are\b|was\b|were\b|but\b|evidence\b|longer\b)[a-z/-]+,?){1,8}) (?:can|could|may)"
    r"(?= (?:[a-z]+ly )?be (?:[a-z]+ly )?(?:excluded|ruled out|discarded)\b)"
)
# "CT removal", where no scan is meant
_CHEST_TUBE = re.compile(
    r"\bct(?= (?:removal|removed|insertion|placement|placed|clamped|in (?:place|situ)"
    r"|to (?:water seal|wall|suction)))"
)
# "PM leads", not "at 3 PM leads were placed"
_PACING = re.compile(r"(?<!\d )\bpm(?= (?:leads?|wires?)\b)")
# "port CXR" is portable, no port
_PORTABLE = re.compile(r"\bport(?=\.? (?:cxr|chest (?:x|film|radio)|ap\b|film|exam|x))")
# "ETT out."
_TAKEN_OUT = re.compile(r"\b(ett?|[no]gt|tubes?|lines?|piccs?|swan|catheters?|drains?) out(?=\s*(?:[.,;]|$))")
_NOTHING = re.compile(
    r"(?:\b(?:shows?|reveals?|demonstrates?|ha(?:s|ve)|with)|:|(?<= )-) no (?:acute |significant |focal "
    r"|evidence of |visible |gross |other )*"
    r"(?:abnormalit(?:y|ies)|abnormal findings?)\b(?! (?:of|in))"
)
_ASKS = re.compile(r"(?:(?<=[\s,(:;])|^)\?+\s*(?=[a-z])")
_OPEN_END = re.compile(r"^((?:[^?]*(?:[,:]|\s[-\u2013\u2014]+)\s)?)([^?,:]*[a-z)])\s*\?+\s*$")
_ASKED = re.compile(
    r"^\s*(?:q(?:uestion)?\s*[:.]\s*)?(?:is|are|was|were|any|does|do|did|has|have|what|which|could"
    r"|can|should|why|how|question)\b"
)


def spelled_out(lower: str) -> str:
    """A sentence in lower case with its shorthand spelled out and the lines of forms turned into statements."""
    lower = _orders(_words(_signs(lower)))
    if _FORMAL.match(lower):
        return ""
    if ":" in lower:
        lower = _ASIDE_HEAD.sub("evaluate for ", asked_for(NEGATIVES.sub("no ", lower)))
    lower = forms(lower, is_aside=lower.startswith(_ASIDES))
    return _asks(lower) if "?" in lower else lower


def _signs(lower: str) -> str:
    """Parts what signs tie together, and reads those that stand for words: "-ptx", "+/-", "\u00f8 effusion"."""
    if "n't" in lower:
        lower = lower.replace("can't", "cannot").replace("n't", " not")
    if "," in lower:
        lower = _TIGHT_COMMA.sub(", ", lower)
    if "-" in lower:
        lower = _TIGHT_HYPHEN.sub(" - ", lower)
    if "\u2014" in lower:
        lower = _TIGHT_DASH.sub(" \u2014 ", lower)
    if "-ve" in lower or "+ve" in lower:
        lower = _SIGNED.sub(lambda match: "neg" if match[1] == "-" else "positive", lower)
    if "+/-" in lower or "\u00b1" in lower:
        lower = lower.replace("+/-", "possible").replace("\u00b1", "possible ")
    if " -" in lower or "(-" in lower or lower.startswith("-"):
        lower = _MINUS.sub("no ", lower)
    if "(r)" in lower or "(l)" in lower:
        lower = lower.replace("(r)", "(right)").replace("(l)", "(left)")
    return lower.replace("\u00f8 ", "no ").replace("\u2205 ", "no ")


def _words(lower: str) -> str:
    """Reads short and lost words: "cm" is cardiomegaly where no length is meant, "neg for" is negative for."""
    if " no " in lower and " abnormal" in lower:
        lower = _NOTHING.sub(" is normal", lower)
    if "cm" in lower:
        lower = _CARDIOMEGALY.sub(lambda match: f"{match[0][:-2]}cardiomegaly", lower)
    if "ct " in lower or "port" in lower:
        lower = _PORTABLE.sub("portable", _CHEST_TUBE.sub("chest tube", lower))
    if "pm " in lower:
        lower = _PACING.sub("pacing", lower)
    if "clear " in lower:
        lower = _CLEAR_OF.sub("clear of ", lower)
    if "neg" in lower or "pos" in lower:
        lower = _RESULT.sub(lambda match: "absent" if match[1] == "neg" else "present", without_results(lower))
        lower = _NEGATIVE_OF.sub("negative for", lower)
    if lower.endswith(_ANSWERS) or " no," in lower or " yes," in lower or " n," in lower or " y," in lower:
        lower = _ANSWER.sub(lambda match: "absent" if match[1][0] == "n" else "present", lower)
    if True in map(_MAY_BE_SHORT.__getitem__, lower.split(" ")):
        for side in (_ONE_SIDE, _SIDE_BEHIND):
            lower = side.sub(lambda match: "right" if match[1] == "r" else "left", lower)
        lower = _WORDS.sub(lambda match: _SHORT.get(match[0].rstrip("."), "with "), lower)
    if ">" in lower or "<" in lower or "=" in lower or "&" in lower or "+" in lower:
        lower = _GREATER_APART.sub(r"bilateral\1", _GREATER.sub("bilateral", lower))
    if "nil " in lower:
        lower = _NIL.sub("no", lower)
    return _TAKEN_OUT.sub(r"\1 removed", lower) if " out" in lower else lower


def _not_excluded(match: re.Match[str]) -> str:
    return f"{match[1].replace(' nor ', ' or ').strip()} cannot"


def _orders(lower: str) -> str:
    """Opens conditions, histories and orders with the words that the rules know them by."""
    if lower.startswith("should "):
        lower = f"if{lower[6:]}"
    if lower.startswith(("were there ", "had there been ")):
        lower = f"if there were{lower.partition(' there')[2]}"
    if lower.startswith(("hx ", "history ")) and not lower.startswith(("hx of", "history of")):
        lower = f"history of {lower.partition(' ')[2]}"
    if " be " in lower and ("xclud" in lower or "ruled" in lower or "discard" in lower):
        lower = _NONE_EXCLUDED.sub(_not_excluded, lower)
    if " exclude " in lower and "not " not in lower:
        lower = _ORDER_BEHIND.sub("rule out ", lower)
    order = _ORDER.match(lower)
    return f"evaluate for {lower[order.end() :]}" if order else lower


def _asks(lower: str) -> str:
    """Reads "? infiltrate" and "infiltrate?" as "possible infiltrate"; "is there an infiltrate?" as a question."""
    if _ASKED.match(lower) and lower.rstrip().endswith("?"):
        return f"evaluate for {lower}"
    if lower.startswith(_ASIDES):
        return _ASKS.sub("", lower)
    return _OPEN_END.sub(_open_end, _ASKS.sub("possible ", lower))


def _open_end(match: re.Match[str]) -> str:
    """What a question asks: its last part, but all of it where a dash parts off a place: "pneumonia - right base?"."""
    is_place = match[1].rstrip().endswith(("-", "\u2013", "\u2014")) and not TERMS.find(match[2])
    return f"possible {match[1]}{match[2]}" if is_place else f"{match[1]}possible {match[2]}"

"""Findings that a clause leaves out because the clause before named them: "the right effusion ..., the left ..."."""

import re
from collections.abc import Sequence

from gkmvlp.report.lexicon import TERMS, Term
from gkmvlp.report.patterns import Hit

_SEEN = r"(?:seen|identified|visible|visuali[sz]ed|present|evident|noted|found|detected)"
_COURSE = (
    r"(?:resolved|cleared|gone|absent|disappeared|smaller|larger|unchanged|stable|improved|worse|worsened|increased"
    rf"|decreased|new|no longer {_SEEN}|not {_SEEN})"
)
# "the right effusion is smaller and the left (one) has resolved"
_OTHER_SIDE = re.compile(
    r"(?P<first>\b(?:right|left)\b)(?P<what>(?: [a-z-]+){1,4}) "
    r"(?:has|have|is|are|was|remains?|persists?)\b[^;:.]{0,60}?"
    r"(?:,|\band\b|\bbut\b|\bwhile\b|\bwhereas\b)(?: and| but| while| whereas)? "
    r"the (?P<other>right|left)(?P<one> one| side)?"
    rf"(?= (?:(?:(?:has|have|is|are|was|been|now|since|also|[a-z]+ly) )+{_COURSE}|persists?|remains?|continues)\b)"
)
# "no nodule was seen on the prior exam but (one) is seen now"
_NOW = re.compile(
    rf"\bno (?P<what>[a-z -]{{3,60}}?) (?:was|were) (?:[a-z]+ly )?{_SEEN} (?:previously|before|earlier"
    r"|(?:on|in|at) [^,;:.]{3,50}?),? but (?:now )?(?:there (?:is|are) (?:now )?)?"
    rf"(?P<one>(?:one|some|it|this|they)\b ?|(?=(?:is|are) (?:now )?{_SEEN}\b))"
)
# "pleural effusion or thickening", "pleural fluid versus scarring"
_PLEURAL = re.compile(
    r"\b(pleural (?:effusions?|fluid|plaques?|calcifications?|densit(?:y|ies)),? (?:[a-z ]{0,30}?\b)?"
    r"(?:and|or|and/or|versus|vs\.?) (?:some |mild |minimal |slight |chronic |old )?)(?=thickening\b(?! of\b))"
)
# "no effusion on the left; the right is moderate"
_OTHER_HAS = re.compile(
    r"\b(?:no|without) (?P<what>[a-z -]{3,40}?) on the (?P<first>right|left)(?: side)?(?:[;,]| and| but| while"
    r"| whereas)+ (?:the )?(?P<other>right|left)(?: side| one)?(?: is|:| has| shows| appears)? "
    r"(?:an? )?(?:very )?(?:small|moderate|large|tiny|trace|mild|minimal|severe)(?=\s*[.,;]|$)"
)
# "no effusion on the right and only trace fluid on the left"
_OTHER_ONLY = re.compile(
    r"\b(?:no|without) (?P<what>[a-z -]{3,40}?) on the (?P<first>right|left)(?: side)?(?:[;,]| and| but)+(?: only)?"
    r"(?: an?)? (?:small|trace|tiny|minimal|moderate|large)(?: fluid| one| amount)?"
    r"(?= on the (?P<other>right|left)\b)"
)
# "the right effusion has resolved, but there is a new one on the left"
_ANOTHER = re.compile(
    r"(?<=\bbut )((?:there (?:is|are|has been)|(?:on )?the [a-z]+(?: view| film)? (?:shows?|demonstrates?|reveals?"
    r"|there is)) (?:now )?(?:an?|another) (?:[a-z]+ly )?"
    r"(?:new |small |tiny |larger? |similar )*)one\b"
)
# "the left pneumothorax has resolved, but a small right one is seen"
_SIDED_ONE = re.compile(r"\b((?:an?|another) (?:[a-z]+ly )?(?:[a-z]+ )?(?:right|left)) ones?\b")
# A sentence that names no finding but a side takes up the one that the sentence before it names: "On the left there is
# a small one.", "The left has cleared."
_ONE_BEFORE = re.compile(
    r"^(?:(?:and|but|while|now|today|however),? )*(?:(?:on|in|at) the (?:[a-z]+ ){0,2}[a-z]+,? )?"
    r"(?:there (?:is|are|remains)|an?|another|only)(?: (?:now|also|still|again|an?|very"
    r"|[a-z]+ly|small|tiny|trace|minimal|moderate|large|larger|smaller|similar|new|old|second|another|right|left"
    r"|known))* ones?"
    rf"(?=\s*(?:$|[.,;]|(?:on|in|at|along|near|over|is|are|has|have|remains?|persists?|now|today|again|there|{_SEEN})\b))"
)
_SIDE_NAMED = re.compile(r"\b(?:(right|r[uml]l)|(left|l[ul]l)|both|bilateral)\b")
_SIDE_BEFORE = re.compile(
    r"^(?:and |but |while )?the (?P<other>right|left)(?: side| one)?"
    rf"(?= (?:(?:(?:has|have|is|are|was|been|now|since|also|[a-z]+ly) )+{_COURSE}|persists?"
    r"|remains?(?! (?:clear|normal|free|sharp|well|unremarkable|intact)))\b)"
)
# Between a side and a finding that is of a pair: "the right pleural effusion", not "the right lung shows a nodule".
_OF_PAIR = r" (?:(?:small|moderate|large|tiny|trace|mild|pleural|apical|basilar|basal|sided|[a-z]+ly) )*$"
_IS_ORGAN = re.compile(r"\b(?:lungs?|hil\w+|\w*diaphragm\w*|ribs?|\w*mediastin\w*)\b")
_STATES_NOTHING = ("history of", "evaluate for", "if ")
_IS_DENIED = re.compile(r"\b(?:no|not|without|n?or|neither|negative|free)\b")
# What is denied in between is not what "one" takes up: "chest tube removed without pneumothorax, and a new right one";
# so it is where a side is set against the other: "no pneumothorax on the left, but a small right one".
_IN_BETWEEN = re.compile(r"\b(?:no|without|n?or)\b(?!.*\b(?:right|left)\b)[^,;]*$")
_ON_A_SIDE = re.compile(r" (?:on|in|at) the (?:right|left)\b")
# "no consolidation other than the known one", "no fracture besides that of the sixth rib"
_OTHER_THAN = re.compile(
    r"\b(?P<but>(?:other than|except(?: for)?|apart from|aside from|besides) )"
    r"(?:(?:the|an?|those) (?:[a-z]+ ){0,2}ones?|that|those)\b"
)
# "no new nodules; the known ones are unchanged"
_KNOWN_ONE = re.compile(
    r"\b(?P<but>the (?:known|old|previous|prior|existing|earlier) )ones?(?= (?:is|are|remains?|persists?|has|have)\b)"
)
# "no effusion except a trace on the left"
_EXCEPT = re.compile(
    r"(?<=\bexcept )((?:for )?(?:perhaps |possibly )?(?:an? )?(?:very )?(?:trace|tiny|small|minimal|minor|mild"
    r"|moderate)(?: amount| one)?)(?=\s*(?:$|[.,;]|(?:on|in|at)\b))"
)


# "costophrenic angles are sharp except on the left", "lungs are clear except the right base": something is there, where
# the sentence ends without saying what: "except the left, which is not included" says no more.
_SAVE_THERE = re.compile(
    r"(?:^|(?<=[,;:] )|(?<=^the )|(?<=, the )|(?<=; the )|(?<= and )|(?<= but )|(?<=^both )|(?<=^bilateral ))"
    r"(?P<organ>(?:costo ?phrenic|cp) (?:angles|sulci|recesses)|lungs(?: fields| bases| apices)?)"
    r"(?P<is>(?: (?:is|are|appears?|remains?|otherwise|well|[a-z]+ly))*) (?P<how>sharp|clear|free)"
    r",? (?:except|apart from|aside from|other than|save|but not)(?: (?:for|on|at|in))?(?: the)?"
    r" (?P<side>right|left)(?P<part>(?: (?:side|one|angle|lung|base|apex|upper|mid(?:dle)?|lower|lobe|zone|field))*)"
    r"(?=\s*(?:$|[.]))"
)


# "there was an effusion, but it has resolved": a clause on what was named in the past
_ONCE = re.compile(r"\b(?:was|were|had been|showed|demonstrated|revealed|previously|formerly|earlier)\b")
_TAKING_UP = (",", " and ", " but ", " yet ", "though ", " none ", " it ", " this ", " these ", " they ", " those ",
              " one")  # fmt: skip
_OF_IT = re.compile(
    r"(?:[;,]|,? (?:and|but))(?: (?:and|but|however|now|today),?)? (?:it|this|these|they|those)"
    r"(?= (?:has|have|is|are|still|now|persists?|remains?|continues?|cannot)\b)"
)

# "the effusion on the right is gone while that on the left persists"
_THAT_ON = re.compile(r"\b((?:while|whereas|and|but),? )(?:that|those|the one)(?= (?:on|in|at) the (?:right|left)\b)")
# "an effusion was noted previously; none is seen today"
_NONE_NOW = re.compile(
    rf"(?:[;,](?: (?:and|but))?|,? (?:and|but)) (?:there (?:is|are) )?(?:now )?none (?:(?:is|are) )?(?:now )?"
    rf"(?:{_SEEN}\b(?! (?:on|in|at|by) | (?:previously|before|earlier)\b)|(?:today|now|currently)\b)"
)
# "a nodule was seen on CT but not on this radiograph"
_NOT_HERE = re.compile(r",? but not (?=(?:on|in|at) (?:this|today|the (?:current|present)))")
# "right effusion, none on the left"
_NONE_THERE = re.compile(
    rf"(?:(?<=[,;(] )|\b(?P<with>with ))none(?: (?:is|are))?(?: {_SEEN})?"
    r"(?= (?:(?:on|in|at) )?(?:the )?(?:right|left)(?: (?:side|base|lung|apex))?\s*(?:$|[.,;)]))"
)
# "prior pneumonia in the right base, now clear"; "tube in place, the right lung, now clear" says it of the lung
_NOW_CLEAR = re.compile(r"^[^,;]*(?P<sign>,(?: but| which (?:is|are))?) now clear\s*(?:$|[.,;])")
# "there was no effusion earlier; now there is one"
_ONE_NOW = re.compile(
    r"\b(?:was|were) no (?P<what>[a-z -]{3,60}?)(?: (?:previously|before|earlier|(?:on|in|at) [^,;:.]{3,50}?))?"
    r"(?:[;,]|,? (?:but|and))(?: (?:and|but))? (?:now )?(?:there (?:is|are) (?:now )?)?(?:an? )?(?:[a-z]+ )?"
    r"(?P<one>ones?)\b"
)
# "a nodule was present previously but is no longer seen": a clause without a subject that says that it has gone
_HAS_GONE = re.compile(
    rf",? (?:but|yet|although|though)(?= (?:(?:is|are|has|have|now|since|been|also|[a-z]+ly) )+"
    rf"(?:no longer {_SEEN}|resolved|cleared|gone|disappeared|not (?:now )?{_SEEN}))"
)
# "there was an effusion on the prior film, now larger", "... and has not changed": the same, without a subject
_COURSE_OF = (
    rf"(?:unchanged|stable|persist(?:s|ent)|still {_SEEN}|still there|again {_SEEN}|larger|smaller|improv(?:ed|ing)"
    rf"|worse(?:ned)?|increas(?:ed|ing)|decreas(?:ed|ing)|resolved|cleared|gone|no longer {_SEEN})"
    r"(?=\s*(?:$|[.;,]|(?:since|compared|today|now|in the interval|in size)\b))"
)
_NOW_SO = re.compile(rf",(?: but| and)?(?= (?:(?:now|[a-z]+ly) )*{_COURSE_OF})")
_AND_IS_SO = re.compile(rf",? and(?= (?:(?:is|are|has|have|been|now|[a-z]+ly) )+{_COURSE_OF})")


def filled(lower: str) -> str:
    """A sentence in lower case with the findings named that its later clauses leave out."""
    if "pleural " in lower and " thickening" in lower:
        lower = _PLEURAL.sub(r"\1pleural ", lower)
    if " the " in lower and ("right" in lower and "left" in lower):
        lower = _OTHER_SIDE.sub(_other_side, lower)
    if " on the " in lower and ("no " in lower or "without " in lower):
        lower = _OTHER_ONLY.sub(_other_has, _OTHER_HAS.sub(_other_has, lower))
    if " that on the " in lower or " those on the " in lower or " one on the " in lower:
        lower = _THAT_ON.sub(lambda match: f"{match[1]}the {_latest_finding(lower[: match.start()]) or 'one'}", lower)
    if " one" in lower or " that" in lower or " those" in lower:
        lower = _KNOWN_ONE.sub(_the_same, _OTHER_THAN.sub(_the_same, lower))
    if ("right" in lower or "left" in lower) and ("lungs" in lower or "angles" in lower or "sulci" in lower):
        lower = _SAVE_THERE.sub(_there, lower)
    if " except " in lower:
        lower = _EXCEPT.sub(lambda match: f"{match[1]} {_latest_finding(lower[: match.start()])}", lower)
    if " one" in lower and " but " in lower:
        lower = _ANOTHER.sub(lambda match: f"{match[1]}{_taken_up(lower[: match.start()]) or 'one'}", lower)
    if " none " in lower and ("right" in lower or "left" in lower):
        lower = _NONE_THERE.sub(_none_there, lower)
    if " now clear" in lower and TERMS.find(lower):
        lower = _NOW_CLEAR.sub(lambda match: f"{lower[: match.start('sign')]}, which has cleared", lower)
    if "right one" in lower or "left one" in lower:
        lower = _SIDED_ONE.sub(lambda match: f"{match[1]} {_taken_up(lower[: match.start()]) or 'one'}", lower)
    if any(map(lower.__contains__, _TAKING_UP)) and (once := _ONCE.search(lower)):
        lower = _of_the_past(lower, once.end())
    return _NOW.sub(_now, lower) if " but " in lower and "no " in lower else lower


def taken_over(before: str, lower: str) -> str:
    """A sentence in lower case with the finding named that it takes up from the sentence before it.

    Args:
        before: That sentence, in lower case and with its own findings named.
        lower: The sentence.
    """
    one, side = _ONE_BEFORE.match(lower), _SIDE_BEFORE.match(lower)
    if not (one or side) or TERMS.find(lower):
        return lower
    hits = _kept(before)
    if len({hit.value for hit in hits}) != 1:
        return lower
    start, end = hits[-1][:2]
    if one and (named := _SIDE_NAMED.search(lower)):
        other = "left" if named[1] else "right"
        if _IS_DENIED.search(before, 0, start) and not _is_on(other, before, start, end):
            return lower
        return f"{lower[: one.end()].rpartition(' ')[0]} {before[start:end]}{lower[one.end() :]}"
    if not side or _IS_ORGAN.search(before, start, end) or before.startswith(_STATES_NOTHING):
        return lower
    other = "left" if side["other"] == "right" else "right"
    is_pair = re.search(rf"\b{other}{_OF_PAIR}", before[:start])
    return f"{lower[: side.end()].removesuffix(' one')} {before[start:end]}{lower[side.end() :]}" if is_pair else lower


def _is_on(side: str, text: str, start: int, end: int) -> bool:
    """Whether a finding of a text is placed on a side, in its own part of the sentence."""
    return side in re.split("[,;]", text[:start])[-1] or side in re.split("[,;]", text[end:])[0]


def _of_the_past(lower: str, end: int) -> str:
    """A sentence with what it says now of what it said of the past, which ends at ``end``, in words with "which"."""
    lower = _NONE_NOW.sub(", which is not seen", _HAS_GONE.sub(", which", lower))
    lower = _NOT_HERE.sub(", which is not seen ", lower)
    lower = _ONE_NOW.sub(_now, lower) if " one" in lower else lower
    later = _AND_IS_SO.sub(", which", _NOW_SO.sub(", which is", lower[end:]))
    return lower[:end] + _OF_IT.sub(", which", later)


def _last_finding(text: str) -> str:
    """The finding that a text ends in, or ""."""
    hits = TERMS.find(text)
    named = hits and hits[-1].end == len(text) and hits[-1].value[0] != "decoy"
    return text[hits[-1].start :] if named else ""


def _latest_finding(text: str) -> str:
    """The last finding that a text names, or ""."""
    return _words_of_last(text, _findings(text))


def _findings(text: str) -> list[Hit[Term]]:
    return [hit for hit in TERMS.find(text) if hit.value[0] != "decoy"]


def _words_of_last(text: str, hits: Sequence[Hit[Term]]) -> str:
    return text[hits[-1].start : hits[-1].end] if hits else ""


def _there(match: re.Match[str]) -> str:
    """What is called sharp or clear, of the other side alone, and of the side left out that it is not so."""
    side, other = (match["side"], "left" if match["side"] == "right" else "right")
    if match["organ"].startswith("lung"):
        return f"{match['organ']}{match['is']} {match['how']}; possible opacity in the {side}{match['part']}"
    quality = "blunted" if match["how"] == "sharp" else "obscured"
    return f"{other} {match['organ']}{match['is']} {match['how']}; {side} costophrenic angle is {quality}"


def _none_there(match: re.Match[str]) -> str:
    before = match.string[: match.start()].rpartition(";")[2]
    is_of_side = ":" not in before and ("right" in before or "left" in before)  # "of the nodules, none left"
    finding = _taken_up(before) if is_of_side else ""
    return f"{match['with'] or ''}no {finding}" if finding else match[0]


def _taken_up(text: str) -> str:
    """The last finding that a text names, or the one before where the last is denied in between."""
    return _words_of_last(text, _kept(text))


def _kept(text: str) -> list[Hit[Term]]:
    """The findings that a text names, less those at its end that are denied in between."""
    hits = _findings(text)
    last = len(hits)
    between: re.Match[str] | None = None
    while (
        last > 1
        and (found := _IN_BETWEEN.search(text, hits[last - 2].end, hits[last - 1].start))
        and not _ON_A_SIDE.match(text, hits[last - 1].end)
    ):
        last, between = last - 1, found
    # "no pneumothorax or effusion" denies both
    return hits if between and between[0].startswith(("or", "nor")) else hits[:last]


def _the_same(match: re.Match[str]) -> str:
    finding = _latest_finding(match.string[: match.start()])
    return f"{match['but']}{finding}" if finding else match[0]


def _other_side(match: re.Match[str]) -> str:
    finding = _last_finding(match["what"])
    if not finding or match["first"] == match["other"]:
        return match[0]
    return f"{match[0].removesuffix(match['one'] or '')} {finding}"


def _other_has(match: re.Match[str]) -> str:
    finding = _last_finding(match["what"])
    return match[0] if not finding or match["first"] == match["other"] else f"{match[0]} {finding}"


def _now(match: re.Match[str]) -> str:
    finding = _last_finding(match["what"])
    return f"{match[0][: match.start('one') - match.start()]}{finding} " if finding else match[0]

"""What stands before and behind a cue in its sentence, and what that tells: patterns, each with its question.

Texts are in lower case; places are indices into them. ``clause`` is where the clause of a cue begins.
"""

import re

from gkmvlp.report.patterns import Hit
from gkmvlp.report.reach import LIST_BREAK

# What ends an aside: the report speaks of this image again.
_SHOWS = re.compile(
    r"\b(?:shows?|demonstrates?|reveals?|(?<!if )there (?:is|are)|now|no|without|(?:is|are) (?:again )?(?:seen"
    r"|noted|identified|present))\b"
)
# What is concluded behind words on the patient: "in this patient with fever, consistent with pneumonia".
_CONCLUDES = re.compile(r", (?:consistent|compatible|concerning|suspicious|worrisome|suggest\w*|likely|probabl[ey])\b")
# Where a main clause of today begins behind "when" that opens a sentence: "when it was drained the effusion was large
# and persists".
_WHEN = re.compile(r"when (?!there|he|she)")
_MAIN = re.compile(r"(?:,|\b(?:the|an?)\b)(?=.*\b(?:is|are|has|have|persists?|remains?|still|now|today)\b)")
_EXAM = re.compile(
    r"(?:^|[,;:(]\s*|\b(?:and|but|so|a|an|the)\s+)(?:(?:a|an|the|please|further|additional|dedicated|short|interval"
    r"|repeat"
    r"|clinical|close|continued|comparison|noncontrast|non|contrast|chest|pa|lateral|upright|nonemergent|any"
    r"|with)[\s-]+)*"
    r"(?:ct|mri|pet|cta|correlation|correlate|comparison|follow|followup|radiographs?|films?|views?|imaging|evaluation"
    r"|examination|study|scan|ultrasound|bone scan|bronchoscopy|work ?up|treatment|recommend\w*|x-?rays?|xxxx|exam)\b"
)
_EXCLUDE = re.compile(r"exclud|rul(?:e|ing) out|discard")
# Right before a word of absence: "the effusion is small or not seen".
_OR_ELSE = re.compile(r"\bor $")
# Words that take up what the clause before spoke of: "no effusion, although a small one cannot be excluded".
_ONE = re.compile(r"\b(?:one|it|this|they|these)\b")
_ALTERNATIVE = re.compile(r"^(?:, |[^,;]{0,25}?\b)(?:and/or|or)\b[^,;]{0,30}$")
# "atelectasis or, less likely, pneumonia"
_OR_LIKELY = re.compile(r",? or,? (?:perhaps|possibly|(?:less|more) likely|alternatively),? (?:[a-z]+ ){0,2}")
_OR_BOTH = re.compile(r",? or both\b")
# Between those before: "atelectasis, effusion, or pneumonia".
_LISTED = re.compile(r", (?:[a-z-]+ ){0,3}")
# Behind a doubt that stands alone.
_NOTHING_FOLLOWS = re.compile(
    r"\s*(?:$|[,.;)]|(?:one|it|this|in|at|on|within|of|given|based|because|but|and|here|there|as|present|seen|noted|visible)\b)"
)
# Behind "none": a place, beside which what was said before stays: "right effusion, none on the left".
_ELSEWHERE = re.compile(
    r"(?<=[,;(] none)(?: (?:is|are))?(?: (?:seen|identified|noted|evident|present))? (?:(?:on|in|at|within) )?"
    r"(?:the )?(?:left|right|other|opposite|contralateral|upper|lower|rest|remainder|remaining)\b"
    r"|(?<=with none) (?:on|in|at) (?:the )?(?:left|right|other|opposite|contralateral)\b"
)
# Before "none": the other side, beside which what was said before stays: "left small, right none".
_SIDE_BEFORE = re.compile(r"[,;] (?:and )?(?:the )?(?:right|left|[rl])(?: side)?(?::| -)? $")
# Words that can stand before what they are said of, where something begins: "improved effusion, resolved edema".
_ATTRIBUTE = re.compile(r"(?:resolved|cleared|discarded|unlikely|not (?:\w+ )?likely)\b")
_BEGINS = re.compile(r"(?:^|[,;:] |\b(?:and|with) )$")
# Before the first of several causes: "due to atelectasis, pneumonia or aspiration".
_CAUSES = re.compile(
    r"\b(?:due to|caused by|secondary to|represents?|representing|reflects?|reflecting) (?:[a-z]+ ){0,2}$"
)
# Before a doubt without a subject of its own.
_NO_SUBJECT = re.compile(r"(?:but|although|though|yet|however)?,? ?(?:(?:it|this|one) )?(?:is |still )*")
# Between two negations that are one.
_TOGETHER = re.compile(r" (?:(?:[a-z]+ly|quite|be|an?|the|any) ){0,2}")
# What is said of devices, and of findings only where nothing else stands between.
_TAKEN = re.compile(
    r"remov(?:ed|al)|extract|explant|pulled|(?:(?:has|have|was|were) (?:been )?(?:\w+ly )?)?withdrawn|discontinued"
)
# Between a finding and what was taken away: another thing.
_AUXILIARY = (
    r"(?:the|an?|and|now|which|that|has|have|is|are|was|were|been|since|also|subsequently|recently|interval|[a-z]+ly)"
)
_ANOTHER = re.compile(
    rf"(?:^|,|;|\b(?:after|following|since|post|with|of|for|by|from|before)\b)(?: {_AUXILIARY})*"
    rf" ?(?!(?:{_AUXILIARY}|right|left)\b)[a-z-]+ (?:[a-z-]+ ){{0,4}}$"
)
# Between a finding and a doubt behind it, what no entity is: "hilar fullness, lymphoma cannot be excluded".
_OTHER = re.compile(
    r", (?:and |but )?(?:[a-z]+ ){0,3}?[a-z]*(?:pathy|itis|osis|oma|oid|embol[a-z]+|ease|ection|usion|neurysm|lesions?"
    r"|injury|process|abscess|hypertension|bleed(?:ing)?|aemorrhage|emorrhage|\btb|\bpe|\bards"
    r"|\bmets) (?:(?:is|are|also) )*$"
)
# Before "resolution": it has yet to come.
_AWAITED = re.compile(
    r"\b(?:to|until|pending|(?<!except )for|document|ensure|confirm|establish|verify|assure|demonstrate|allow"
    r"|expected) "
    r"(?:(?:its|their|the|complete|full|interval|radiographic|document|ensure|confirm|assess|evaluate|for) )*$"
)
# Between "enlarging" and what it is said of.
_DESCRIBED = re.compile(r" (?:(?!and\b|n?or\b)[a-z]+ ){0,3}")
# Between a denial and a finding with its article: a thing that the finding has, or a sign of the finding itself.
_PART = re.compile(
    r"\s+(?!(?:[a-z-]+ )*?(?:evidence|signs?|traces?|residu\w+|remnants?|recurrence|re-?accumulation|reappearance"
    r"|development|suggestion|indication|visuali[sz]ation|correlate|focus|foci|areas?|part|portion|amount|more|longer)\b)"
    r"(?:[a-z-]+ ){1,4}?(?:of|to|for|from|in|within|inside|around|surrounding|along|with|behind)"
    r" (?:the|this|these|those) "
    r"(?:(?!to\b|of\b|in\b|n?or\b|and\b|with\b|for\b|that\b|is\b|are\b"
    r"|suggest|concern|represent|indicat)[a-z-]+ ){0,4}$"
)
_PRESENT_AND = re.compile(r"\b(?:present|persists?|remains?)\b.*\band\b")
# A sentence that opens with one of these falls in two at its first comma that is not one of a list.
_OPENER = re.compile(
    r"(?:although|though|while|whereas|despite|in spite of|aside from|apart from|except for|other than|besides)\b"
)
# Behind a comma of a list: "although edema, effusion and nodules are old, ...".
_REST_OF_LIST = re.compile(r"[^,]{0,40},? (?:or|nor|and) [^,]{0,40},")


def splits_of(text: str) -> list[int]:
    """Where a text falls in two: at semicolons, and at the first comma of "although ..., ..." that is no list's."""
    places = [place for place, letter in enumerate(text) if letter == ";"] if ";" in text else []
    if _OPENER.match(text):
        commas = (comma for comma in re.finditer(",", text) if not _REST_OF_LIST.match(text, comma.end()))
        places += [comma.start() for comma in commas][:1]
    return places


def ends_negation(text: str, cue: Hit[str]) -> bool:
    """Whether a cue is a verb that ends a negation before it: "no fever does not exclude pneumonia"."""
    return cue.value == "maybe" and _EXCLUDE.search(text, cue.start, cue.end) is not None


def aside_end(text: str, cue: Hit[str], end: int) -> int:
    """Where the report speaks of this image again behind an aside that a cue opens, at the latest at ``end``."""
    of_patient = text.find("patient", cue.start, cue.end) >= 0
    found = [_SHOWS.search(text, cue.end, end), of_patient and _CONCLUDES.search(text, cue.end, end)]
    found += [_MAIN.search(text, cue.end, end)] if cue.start == 0 and _WHEN.match(text) else []
    return min([one.start() for one in found if one], default=end)


def requested(text: str, cue: Hit[str], clause: int) -> tuple[int, int]:
    """What a recommendation names: all behind it, and before it from the examination it asks for."""
    semicolon = text.find(";", cue.end)
    shows = _SHOWS.search(text, cue.end)
    ends = [end for end in (semicolon, shows.start() if shows else -1) if end >= 0]
    exam = _EXAM.search(text, clause, cue.start)
    return exam.start() if exam else cue.end, min(ends, default=len(text))


def is_history(text: str, start: int) -> bool:
    """Whether an aside is the patient's history, behind which dictation without stops speaks of this image."""
    return text.startswith(("history", "known history", "h/o", "hx"), start)


def is_of_old(text: str, stop: int) -> bool:
    """Whether what stands behind a history without a stop goes on with it: "history of CHF chronic effusions"."""
    return text[stop:].lstrip(" ,:").startswith(("chronic", "old", "known", "healed"))


def is_awaited(text: str, start: int, clause: int) -> bool:
    """Whether a resolution has yet to come: "film to document clearing", "until resolution of the opacity"."""
    of_course = text.startswith(("resolution", "clearing", "clearance"), start)
    return of_course and _AWAITED.search(text, clause, start) is not None


def is_attribute(text: str, start: int) -> bool:
    """Whether a word such as "resolved" can be said of what stands behind it: something begins with it."""
    return _ATTRIBUTE.match(text, start) is not None and _BEGINS.search(text, 0, start) is not None


def is_elsewhere(text: str, start: int, clause: int) -> bool:
    """Whether "none" is said of another place: "right effusion, none on the left", "left small, right none"."""
    if not text.startswith("none", start):
        return False
    return _ELSEWHERE.match(text, start + 4) is not None or _SIDE_BEFORE.search(text, clause, start) is not None


def is_left_open(text: str, start: int, clause: int) -> bool:
    """Whether a word of absence is an alternative: "the effusion is small or not seen"."""
    return _OR_ELSE.search(text, clause, start) is not None


def takes_up(text: str, start: int, clause: int) -> bool:
    """Whether a clause speaks of what the one before spoke of: "no effusion, although a small one cannot be ...".

    So it does where it has no subject of its own: "no effusion, but not excluded".
    """
    return (_ONE.search(text, clause, start) or _NO_SUBJECT.fullmatch(text, clause, start)) is not None


def is_of_one(text: str, end: int) -> bool:
    """Whether a doubt that ends at ``end`` is of what was spoken of: "a normal radiograph does not exclude one"."""
    return _ONE.match(text, end + 1) is not None


def stand_together(text: str, start: int, end: int) -> bool:
    """Whether nothing parts two negations: "not entirely without"; "no stasis, no effusion" denies twice."""
    return _TOGETHER.fullmatch(text, start, end) is not None


def is_of_other(text: str, start: int, cue: Hit[str]) -> bool:
    """Whether what was taken away is named right before, and no finding: "small effusion, drain site removed"."""
    return _TAKEN.match(text, cue.start) is not None and _ANOTHER.search(text, start, cue.start) is not None


def names_another(text: str, start: int, end: int) -> bool:
    """Whether what a doubt is said of is no entity: "hilar fullness, lymphoma cannot be excluded"."""
    return _OTHER.search(text, start, end) is not None


def is_present_and(text: str, start: int, end: int) -> bool:
    """Whether what stands first is called present, and something else absent: "effusion remains and ... gone"."""
    return _PRESENT_AND.search(text, start, end) is not None


def nothing_follows(text: str, end: int) -> bool:
    """Whether a doubt names nothing behind it, and is so said of what stands before."""
    return _NOTHING_FOLLOWS.match(text, end) is not None


def is_part_of(text: str, start: int, end: int) -> bool:
    """Whether what is denied is a part of the finding at ``end``: "no leak around the chest tube"."""
    return " the" in text[start:end] and _PART.match(text, start, end) is not None


def is_described(text: str, start: int, end: int) -> bool:
    """Whether nothing but words of description stand between: "enlarging right pleural effusion"."""
    return _DESCRIBED.fullmatch(text, start, end) is not None


def is_alternative(gap: str) -> bool:
    """Whether what stands on both sides of a gap are alternatives: "atelectasis or pneumonia"."""
    if "or" in gap and _OR_LIKELY.fullmatch(gap):
        return True
    is_or = "or" in gap and _ALTERNATIVE.match(gap) is not None and LIST_BREAK.search(gap) is None
    return gap.strip() == "/" or is_or


def either_or_both(text: str) -> list[int]:
    """Where "or both" takes up what stands before: "effusion, atelectasis, or both"."""
    return [match.start() for match in _OR_BOTH.finditer(text)] if " or both" in text else []


def is_listed(gap: str) -> bool:
    """Whether a gap is one of a list of alternatives: "atelectasis, effusion, or pneumonia"."""
    return _LISTED.fullmatch(gap) is not None and LIST_BREAK.search(gap) is None


def are_causes(text: str, end: int) -> bool:
    """Whether a list of causes begins: "due to atelectasis, pneumonia or aspiration"."""
    return _CAUSES.search(text, 0, end) is not None

"""How far a cue reaches: forward to what ends it, back over the list that stands right before it."""

import re
from collections.abc import Sequence
from itertools import pairwise

_VERB = (
    r"(?:is|are|was|were|remains?|persists?|has|have|appears?|demonstrates?|shows?|terminates?|projects?|ends?|lies)"
)
_SEEN_WORDS = (
    r"(?:seen|identified|noted|present|evident|visuali[sz]ed|detected|demonstrated|suspected|appreciated|observed)"
)
# After a comma or "and": words that assert, so that the negation or hedge before them ends.
_NEW = (
    r"(?:stable|unchanged|persist\w+|small|mild\w*|moderate\w*|trace|tiny|minimal|known|residual|improv\w+|worsening"
    r"|worsened|there|normal|low|clear|new|increas\w+|decreas\w+|interval|redemonstrat\w+|chronic|old|healed|status"
    r"|mildly|bibasilar|subtle|faint|vague|slight\w*|only|no|without|positive|possibl[ey]|probabl[ey]|likely)"
)
_NEW_BEHIND_COMMA = (
    r"(?:left|right|bilateral|patchy|streaky|linear|plate ?like|hazy|dense|large|severe|marked|calcified"
    r"|atherosclerotic"
    r"|tortuous|degenerative|cardiomegaly|scattered|subsegmental|bibasal|biapical|some|few|multiple|several|this"
    r"|these|it"
    r"|(?:findings?|appearances?|changes|pattern) (?:are |is )?(?:of|consistent|compatible|suggest\w*|in keeping"
    r"|typical|concerning|suspicious)"
    r"|(?:on|in|at) the (?:left|right)(?: [a-z]+)?,? (?:there|an?|the|small|trace|tiny|mild|moderate|large|minimal)"
    r"|now|we|only|just|definite|obvious|enlarged|elevated|cannot|can not|could not|not)"
)
_SIZE = r"(?:small|tiny|trace|minimal|mild|moderate|large)"
# Behind the one thing that is denied, several of another with their side: "no pneumothorax, effusions bilaterally".
_SIDED = re.compile(
    r"[^,;]*+(?<![^ius]s)(?=, (?:(?!n?or\b|acute|suspicious|definite|visible|focal|discrete|displaced)[a-z]+ )?"
    r"[a-z]{4,}s (?:(?:on|in|at) (?:the )?)?(?:bilaterally|both (?:sides|lungs|bases)"
    r"|(?:right|left)(?: (?:side|lung|base|upper|lower|lobe|zone))*)\s*(?:$|[.;]))"
)
_ASSERTS = re.compile(
    rf"(?:,|\band\b| [-/\u2013\u2014])(?: and)? (?:the |a |an )?{_NEW}\b"
    rf"|,(?: and)? (?:the |a |an )?{_NEW_BEHIND_COMMA}\b|, \+"
)
# Without one of these nothing ends a reach: a search for it alone is many times faster.
_MAY_END = re.compile(r"[,(:\u2013\u2014]| and | [-/]")
# After a comma: what did not go with the thing before it.
_STAYS = re.compile(
    r",(?: and)? (?:the |a |an )?(?:persist\w+|unchanged|stable|residual|remaining|new|worse\w*|increas\w+|continued)\b"
)
# A comparative is a predicate where no noun follows: "no edema, effusion larger"; "effusion on improved inspiration" is
# none.
_TREND = (
    r"(?:improving|worsening|unchanged|stable|persistent|increasing|decreasing|resolving|redemonstrated"
    r"|(?:smaller|larger|bigger|worse|better|improved|worsened|increased|decreased)(?=\s*(?:$|[.,;)])| (?:since|from"
    r"|compared|in (?:size|extent|number|the interval)|today|now|again|and|but|on the (?:right|left))\b))"
)
_CLAUSE = re.compile(rf"(?:,|\band\b)[^,]{{0,200}}?\b(?:{_VERB}\b(?! (?:\w+ )?{_SEEN_WORDS})|{_TREND}\b)|\(")
# Behind a dash: something with a status of its own: "no effusion \u2013 cardiomegaly present".
_CLAUSE_BEHIND_DASH = re.compile(
    rf" [-\u2013\u2014]+ (?!(?:n?or|and)\b)[^,;]{{0,80}}?\b(?:{_VERB}|{_TREND}|{_SEEN_WORDS})\b"
)
_CLAUSES = (_CLAUSE, _CLAUSE_BEHIND_DASH)
# Before a finding that no sign parts from the one before it: an adjective that asserts.
_ADJECTIVE = re.compile(rf" (?:the |an? )?(?!likely|possib|probab|no\b|not\b|without)(?:{_NEW}|{_NEW_BEHIND_COMMA})\b")
# What stands behind a device without a verb: "no pneumothorax, ETT ok".
_IN_PLACE = (
    r"(?:ok|okay|tips?|in (?:(?:good|satisfactory|standard|expected|appropriate|adequate|unchanged|stable)"
    r"(?: place| position)?|place(?! of)|situ|position(?! of)|(?:the )?(?:svc|stomach)))"
)
_BEHIND_DEVICE = re.compile(rf" {_IN_PLACE}\b")
# Behind a finding that no sign parts from the one before it: a predicate of its own.
_OWN_VERB = re.compile(rf" (?:{_VERB}(?! (?:\w+ )?{_SEEN_WORDS})|{_TREND}|{_IN_PLACE})\b")
# "no cavity is seen within the mass"
_WITHIN = re.compile(
    r" (?:within|inside|around|surrounding|adjacent to|next to|near) (?:the|this|these|that) (?:[a-z-]+ )*$"
)
# "No effusion, heart enlarged" asserts; "no effusion, heart enlargement" goes on.
_NOUN = re.compile(r"(?:ing|ment|ence|ness|tion|ity|ia)$")
# Between the parts of a sentence that dashes or plus signs part.
_DASH = re.compile(r" ?[-+\u2013\u2014]+ ")
# What reports deny in rows: alone behind a dash it goes on with the denial, "no effusion - pneumothorax - edema"; what
# they rarely deny, and what is described, is a statement: "no effusion - cardiomegaly - small granuloma".
_DENIED_IN_ROWS = re.compile(
    r"(?:(?:focal|acute|pleural|pulmonary|definite|rib|displaced|lung|interstitial|vascular|airspace|hilar|mediastinal"
    r"|lobar) ){0,3}(?:effusion|pneumothora|consolidat|o?edema|infiltrat"
    r"|nodul|mass|pneumoni|atelecta|opaci|hernia|fractur|infect"
    r"|airspace disease|(?:heart )?failure|chf|ptx|congestion|free air|adenopathy)"
)
# A summary, and behind its colon or dash what is there all the same: "no acute process: heart enlarged"; a list of bare
# names is what is not there: "no acute findings: rib fracture, pneumothorax"; so it is not where it ends in what they
# are: "no acute findings: effusion and atelectasis, unchanged".
_ENDS_IN = (
    rf", (?:(?:now|all|both|again|very) )?(?:{_TREND}|{_SIZE}|healed|old|chronic|seen|left|right|bilateral(?:ly)?"
    r"|(?:recommend|suggest|consider|follow)[^,.;]*+)\s*+(?:$|[.;])"
)
_BARE = (
    r"(?!(?:rib|lung|interstitial|vascular|airspace|hilar|mediastinal|lobar) [a-z]+\s*(?:$|[.;]))"  # alone it is there
    rf"{_DENIED_IN_ROWS.pattern}[a-z]*+(?: (?:disease|process|lesions?)\b)?"
    rf"(?=\s*+(?:$|[.;/)]|(?![^.;:]{{0,120}}?{_ENDS_IN})(?:,|n?or\b|and\b)"
    rf"(?! (?:now |all |both |again )?(?:{_TREND}|healed|old|chronic|known|seen)\b)))"
)
_SUMMARY = re.compile(
    r"\b(?:process(?:es)?|disease|abnormalit(?:y|ies)|findings?|patholog(?:y|ies)|changes?|illness|problems?)"
    rf"(?= ?(?::|[-\u2013\u2014]+ ) ?+(?!{_BARE}))"
)
# Words that tie a finding to the one before it.
_TIED = re.compile(r"\b(?:and|n?or|with|of|in|at|for|to|that|which|is|are|was|were|suggest\w*|concern\w*)\b")
# A doubt ends at any clause behind a comma: "suspected pneumonia, effusion is present".
_CLAUSE_OF_DOUBT = re.compile(rf",[^,]{{0,200}}?\b(?:{_VERB}|{_TREND})\b|{_CLAUSE.pattern}")
_OR = re.compile(r"\b(?:n?or)\b")
_VERBS = re.compile(rf"\b{_VERB}\b")
LIST_BREAK = re.compile(
    rf"\b(?:{_VERB}|with|but|may|likely|status|after|following|there|which|no|without|than|for)\b|;"
)
# Behind one of a list: a predicate of its own, "consolidation unchanged, edema, effusion are all absent".
_OWN_COURSE = re.compile(
    rf" (?:(?:now|still|again|[a-z]+ly) )*(?:{_TREND}|new|old|resolved|cleared|gone)(?=,| and\b| n?or\b)"
)
# Commas alone join a list that is taken together: "consolidation, edema, effusion are all absent".
_ALL = (" are all ", " were all ", " have all ", "- all ", "\u2013 all ", ": all ")
_JOINS = re.compile(r"\b(?:and|n?or)\b|/")
# Of two things, "effusion, and pneumonia cannot be excluded" says something of the second alone.
_CLAUSE_AND = re.compile(r"[^,;]{0,40}, and (?!/)")
_LISTED = re.compile(r",(?: [a-z-]+){0,3} ")
# What a doubt takes together: "a combination of atelectasis and small effusions".
_COMBINED = re.compile(r"(?:(?<=combination of)| (?:an? )?combination of)[^,;]{0,60}? and ")


def reach(text: str, start: int, end: int, kind: str) -> int:
    """Where a forward cue whose wording ends at ``start`` stops, at the latest at ``end``."""
    if kind == "not":
        end = min(end, start + 25)
        comma = text.find(",", start, end)
        return comma if comma >= 0 and not _OR.search(text, comma) else end
    if kind == "gone":
        comma = text.find(",", start, end)
        return comma if comma >= 0 and (_VERBS.search(text, comma, end) or _STAYS.match(text, comma)) else end
    if not _MAY_END.search(text, start, end):
        return end
    if kind == "maybe" and "combination" in text and (both := _COMBINED.match(text, start, end)):
        start = both.end()
    if kind == "no" and (summary := _SUMMARY.search(text, start, end)) and not _OR.search(text, summary.end(), end):
        end = summary.end()
    if kind == "no" and (sided := _SIDED.match(text, start, end)):
        end = sided.end()
    for pattern in (_ASSERTS, _CLAUSE_OF_DOUBT if kind == "maybe" else _CLAUSE, _CLAUSE_BEHIND_DASH):
        match = pattern.search(text, start, end)
        # "without edema, effusion or mass are unchanged": an "or" before the verb goes on with the list
        if match and not _OR.search(text, match.start() if pattern in _CLAUSES else match.end(), end):
            end = match.start()
    return end


def list_before(text: str, statements: Sequence[tuple[int, int]], before: int, clause: int) -> list[int]:
    """Indices of the list of statements that stands right before ``before`` in its clause."""
    found: list[int] = []
    edge, joined = before, text.endswith(_ALL, 0, before)
    for index in range(len(statements) - 1, -1, -1):
        start, end = statements[index]
        if start >= before or end > edge:
            continue
        if start < clause or (found and (LIST_BREAK.search(text, end, edge) or _OWN_COURSE.match(text, end))):
            break
        if found:
            # Commas alone join no list: "effusion, infection not excluded" doubts the infection.
            joined = joined or bool(_JOINS.search(text, end, edge))
            if len(found) == 1 and _CLAUSE_AND.match(text, end) and not _is_listed(text, statements, index):
                break
            if not joined and "," in text[end:edge]:
                break
        found.append(index)
        edge = start
    return found


def _is_listed(text: str, statements: Sequence[tuple[int, int]], index: int) -> bool:
    """Whether a comma alone parts a statement from the one before it: "edema, effusion, and pneumonia"."""
    return index > 0 and _LISTED.fullmatch(text, statements[index - 1][1], statements[index][0]) is not None


def run_on(
    text: str, statements: Sequence[tuple[int, int]], anchors: Sequence[tuple[int, int]], start: int, end: int
) -> int:
    """Where a negation stops in dictation without stops: "no effusion small pneumothorax", "no edema heart large".

    No sign and no word ties the second finding to the first, and an adjective, an organ with its quality, a verb of its
    own or its article ("within the mass") asserts it. A dash parts them as well, unless what is denied goes on.
    """
    if len(statements) == 1:
        return end
    for one, other in pairwise(range(len(statements))):
        if not (start < statements[one][1] and statements[other][0] < end):
            continue
        stop, (organ, _) = max(statements[one][1], anchors[one][1]), anchors[other]
        first, last = statements[other]
        gap = text[stop : min(first, organ)]
        if (dash := _DASH.match(gap)) and not _goes_on(text, stop + dash.end(), first):
            return stop
        is_row = (
            organ < first
            and gap in (" ", " the ", ", ", ", the ", ": ", ": the ")
            and not _NOUN.search(text, first, last)
        )
        is_row = is_row or (gap in (", ", ", the ") and _BEHIND_DEVICE.match(text, last) is not None)
        if not is_row and (gap[:1] not in (" ", ":") or gap in (" or ", " and ") or "," in gap):
            continue
        asserts = (
            is_row
            or (gap in (" ", " the ") and (organ > first or _OWN_VERB.match(text, last)))
            or (_ADJECTIVE.match(text, stop + (gap[:1] == ":")) and not _TIED.search(gap))
            or _WITHIN.search(gap)
        )
        if asserts and not _OR.search(text, stop, end):
            return stop
    return end


def _goes_on(text: str, start: int, first: int) -> bool:
    """Whether a denial goes on behind a dash that ends at ``start``; the next finding begins at ``first``."""
    dash = _DASH.search(text, start)
    if _OR.search(text, start, dash.start() if dash else len(text)):
        return True
    row = _DENIED_IN_ROWS.match(text, start)
    return row is not None and row.end() > first

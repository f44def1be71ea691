"""Which words for places belong to which statement of a sentence."""

import re
from collections.abc import Sequence
from itertools import pairwise

from gkmvlp.report.patterns import Hit
from gkmvlp.report.places import NOWHERE, Place, join, with_lobes

_PREPOSITION = re.compile(r"\b(?:at|in|on|of|over|within|along|near|involving|overlying|throughout|to|about|both)\b")
_CONNECTOR = re.compile(r"[,;]|\b(?:and|or|with|without|but|no|versus|is|are|has|have)\b")
_ONLY_AND = re.compile(r"[ ,]*(?:(?:and|or|to|greater than|the|in|on|at|lung|lobes?|zones?|more than)[ ,]*)*$")
# Between a finding and the place that it is given in a form: "effusion (right)", "effusion: left".
_RIGHT_BEHIND = (" (", " [", ": ", " - ")
# Between two places: what opens a clause; between the second and its finding: words of description.
_OPENS = re.compile(r"(?:[,;](?: and| but| while)?| and) the $")
# "right greater than left", and before the second of the two.
_MORE = r"(?:greater|worse|larger|bigger|more|less|smaller)"
_COMPARED = re.compile(rf"(?:right|left)(?: sided?)? (?:[a-z]+ )?{_MORE}\b[a-z ]{{0,20}} than ")
_COMPARED_WITH = re.compile(rf"\b{_MORE}(?: [a-z]+){{0,2}} than (?:on )?(?:the )?$")
_SIGN = re.compile(r"[,;]")
# Between a place and the next finding, which it is not of.
_PARTS = re.compile(
    r"[,;] |\b(?:with|without|but|no|likely|probabl[ey]|possibl[ey]|may|might|could|suggest\w*|concerning|suspicious"
    r"|consistent|compatible)\b"
)
_NEAR = re.compile(r"(?:right|left) (?:(?!and\b|or\b)[a-z]+ ){0,3}")
# A place right behind the second of two findings: "atelectasis versus pneumonia left base".
_BEHIND = re.compile(
    r" (?:right|left|bilateral\w*|bibasilar|upper|mid|lower)(?: (?:upper|mid(?:dle)?|lower|lung|lobes?|bases?|apex"
    r"|zones?|apices|fields?|midlung|side)){0,3}\s*(?:$|[.,;])"
)
_SHARES = re.compile(
    r"(?!.*\b(?:no|without|is|are)\b)(?:[^,;]*?\b(?:and|with|or|versus|vs|associated|adjacent|from|relation to)\b|/"
    r"|[^;]*?\b(?:may"
    r"|might|could"
    r"|likely|probably|possibly|consistent|compatible|concerning|suspicious|worrisome|suggest\w*|reflecting"
    r"|representing|due)\b)"
)
# What explains a shadow lies where the shadow does: "left basilar opacity, probable atelectasis".
_SHADOW = re.compile(r"(?:[a-z ]* )?(?:opaci|densit|infiltrat|shadow|airspace|streak)[a-z ]*")
_EXPLAINS = re.compile(r",? (?:probable|possible)\b(?!.*\b(?:no|without|is|are)\b)[^,;]*$")


def _owner(text: str, anchors: Sequence[tuple[int, int]], start: int, last: tuple[int, int] | None) -> int:
    """The statement that a place word at ``start`` belongs to; ``last`` is the end and owner of the word before."""
    before = max((index for index, anchor in enumerate(anchors) if anchor[0] <= start), default=-1)
    if before < 0:
        return 0
    if start < anchors[before][1] or text[anchors[before][1] : start] in _RIGHT_BEHIND:
        return before
    if (
        last is not None
        and last[1] == before
        and last[0] >= anchors[before][1]
        and _ONLY_AND.match(text[last[0] : start])
        and not _of_next(text, anchors, before, last[0], start)
    ):
        return before
    if before + 1 == len(anchors):
        return before
    gap = text[anchors[before][1] : start]
    if ";" not in gap and _of_clause_before(text, start, anchors[before + 1][0]):
        return before
    if gap == " " and _PARTS.search(text, start, anchors[before + 1][0]):
        return before  # "consolidation right base; no effusion"
    return before if _PREPOSITION.search(gap) and not _split_off(gap) else before + 1


def _of_clause_before(text: str, start: int, following: int) -> bool:
    """Whether a sign parts a place from the next finding: "infiltrates, left worse than right; small effusion"."""
    if text.find(";", start, following) >= 0:
        return True
    compared = _COMPARED.match(text, start, following) or _COMPARED_WITH.search(text, 0, start)
    return compared is not None and _SIGN.search(text, start, following) is not None


def _of_next(text: str, anchors: Sequence[tuple[int, int]], before: int, last: int, start: int) -> bool:
    """Whether a place opens a clause of its own: "no effusion on the left, and the right effusion is small"."""
    if before + 1 == len(anchors) or not _OPENS.match(text, last, start):
        return False
    return _NEAR.fullmatch(text, start, anchors[before + 1][0]) is not None


def _split_off(gap: str) -> bool:
    """A connector between a statement and a place word; "is seen in" is none."""
    return bool(_CONNECTOR.search(re.sub(r"\b(?:is|are) (?:\w+ )?(?:seen|noted|present|identified)\b", "", gap)))


def place_statements(
    text: str, found: list[Hit[Place]], anchors: Sequence[tuple[int, int]], splits: Sequence[int]
) -> list[tuple[Place, ...]]:
    """Pairs of side and zone for each statement.

    A place word belongs to the statement before it behind a preposition ("opacity in the left base"), else to the one
    behind it ("left effusion"). A statement without one shares that of its neighbour in "effusion and atelectasis".

    Args:
        text: The sentence in lower case.
        found: Its words for places.
        anchors: Where the statements stand, (start, end), ordered by the deciding words.
        splits: Where the sentence falls in two; a word never belongs to a statement across one.
    """
    found = [hit for hit in found if hit.value != NOWHERE]
    if not found:
        return [()] * len(anchors)
    places = with_lobes(text, found)
    if len(anchors) == 1 and not splits:
        return [join(tuple(place for *_, place in places))]
    return _owned(text, places, anchors, splits)


def _owned(
    text: str, places: list[Hit[Place]], anchors: Sequence[tuple[int, int]], splits: Sequence[int]
) -> list[tuple[Place, ...]]:
    """Pairs of side and zone for each statement, from the words for places."""
    owned: list[list[Place]] = [[] for _ in anchors]
    order = sorted(range(len(anchors)), key=lambda index: anchors[index])
    ordered = [anchors[index] for index in order]
    last: tuple[int, int] | None = None
    for start, end, place in places:
        owner = _owner(text, ordered, start, last)
        low, high = sorted((start, ordered[owner][0]))
        if any(low < split <= high for split in splits) and start > ordered[owner][0]:
            continue
        last = (end, owner)
        owned[order[owner]].append(place)
    for one, other in pairwise(order):
        if anchors[one] == anchors[other]:  # "nodular opacity" is two statements in one place
            owned[one] = owned[other] = owned[one] + owned[other]
    found = [join(tuple(own)) for own in owned]
    for one, other in pairwise(order):
        gap = text[anchors[one][1] : anchors[other][0]]
        if bool(found[one]) == bool(found[other]) or len(gap) >= 70:
            continue
        explains = _EXPLAINS.match(gap) and _SHADOW.fullmatch(text, *anchors[one])
        if explains or _SHARES.match(gap):
            if found[one]:
                found[other] = found[one]
            elif _PREPOSITION.search(text, anchors[other][1]) or _BEHIND.match(text, anchors[other][1]):
                found[one] = found[other]
    return found

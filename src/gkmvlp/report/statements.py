"""From a sentence to its statements: wordings of entities, and organs with their qualities."""

import re
from typing import NamedTuple

from gkmvlp.report.lexicon import Term
from gkmvlp.report.organs import MEANINGS, Said
from gkmvlp.report.patterns import Hit
from gkmvlp.report.rules import ABSENT, PRESENT


class Statement(NamedTuple):
    """Something said in a sentence: where its deciding word and its anchor (for the place) stand, what it means."""

    start: int
    end: int
    anchor: tuple[int, int]
    means: tuple[tuple[str, int], ...]
    inferred: bool
    kind: str


# What explains a nodular shadow without a nodule.
HARMLESS = re.compile(r"\bnipple|overlap|overlay|superimpos|superposition|summation|artifact"
                      r"|overlying (?:tele|lead|electr|soft|cloth)"
                      r"|rib fracture|granuloma|confluence")  # fmt: skip


class _AllPresent(dict[tuple[str, ...], tuple[tuple[str, int], ...]]):
    """What a wording of entities means: each is present."""

    def __missing__(self, names: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
        means = self[names] = tuple((name, PRESENT) for name in names)
        return means


_PRESENT = _AllPresent()


def term_statements(lower: str, hits: list[Hit[Term]]) -> list[Statement]:
    """The wordings of entities in lower-case text, look-alikes left out; ``hits`` as ``TERMS`` finds them."""
    found = []
    for start, end, (kind, names) in hits:
        if kind == "term":
            found.append(Statement(start, end, (start, end), _PRESENT[names], False, kind))
            continue
        if kind == "reticular" and "fibro" in lower:
            names = names[1:]
        if kind == "nodular":
            found.append(Statement(start, end, (start, end), _PRESENT[names[:1]], False, "term"))
            if not HARMLESS.search(lower):
                found.append(Statement(start, end, (start, end), _PRESENT[names[1:]], True, "term"))
        elif kind != "decoy":
            found.append(Statement(start, end, (start, end), _PRESENT[names], kind in ("only negated", "sign"), kind))
    return found


def without_headings(lower: str, terms: list[Statement]) -> list[Statement]:
    """Less the wordings that head what is said of the same entities: "effusion: no pleural effusion"."""
    kept = []
    for index, term in enumerate(terms):
        stop = lower.find(";", term.end)
        behind = {one.means for one in terms[index + 1 :] if stop < 0 or one.start < stop}
        if not (lower.startswith(":", term.end) and term.means in behind):
            kept.append(term)
    return kept


_ADJECTIVES = re.compile(r"(?: (?!and|or|with|is|are|no\b|nor\b)[a-z-]+)? ")
# Between an organ and its quality in dictation without verbs: "heart mildly enlarged mild edema".
_ADVERBS = re.compile(r"\s+[a-z]+ly\s+")
# What can stand between a quality and the organ behind it: "enlarged heart", "blunting of the left angle".
_BETWEEN = re.compile(
    r"\s*(?:(?:is|are) (?:again )?(?:seen|noted|present|identified) (?:in|of|at|along|within|on) )?(?:(?:of|to|the"
    r"|in|both|either|right|left|bilateral|lower|upper|mid|lung|a|on|size|configuration|contours?"
    r"|appearance|and(?= (?:configuration|contour|shape|appearance|position))|descending|ascending|appearing|shape"
    r"|position|superior|inferior"
    r"|[a-z]+(?:ic|al|ary)),?\s+)*"
)
# Between two qualities of one organ: "tortuous, mildly calcified aorta".
_QUALITIES = re.compile(r"[\s,]*(?:(?:and|or|but)\s+)?(?:[a-z]+ly\s+)?")
# A quality behind a verb belongs to the organ before it: "the heart is normal the lungs are clear".
_PREDICATE = re.compile(
    r"[^,;]{0,80}?\b(?:is|are|appears?|remains?|looks?|seems?)(?: (?:not|now|also|still|again|at|of|within|to be"
    r"|[a-z]+ly))*\s*"
)
# Between organs that share the quality before the first: "normal heart, mediastinum and pulmonary vasculature".
_PARTED = re.compile(r";|\b(?:is|are|shows?|demonstrates?|remains?|appears?|contains?|reveals?|ha(?:s|ve))\b")
_LIST = re.compile(r"\s*(?:,|and|or)?\s*(?:and\s+|or\s+)?(?:the\s+)?(?:central airways,?\s*(?:and\s+)?)?(?:[a-z]+\s+)?")


# Between a wording and a quality of the organ before both: "the lungs are hyperinflated but clear".
_GOES_ON = re.compile(r", |,? (?:but|yet|though|and|otherwise)(?: (?:are|is|otherwise|remains?|appears?|[a-z]+ly))* ")


# Lines in the lung that water explains are no interstitial disease.
_WET = re.compile(r"edema|failure|overload|congest|chf|crowd|low lung volume|technique")

# What blunts an angle without fluid.
_OLD = re.compile(
    r"scar|thicken|pleural reaction|plaque|fibro|epicardial fat|pericardial fat|fat pad|adhesion"
    r"|post ?surgical"
)


def organ_statements(lower: str, hits: list[Hit[Said]], terms: list[Statement]) -> list[Statement]:
    """Organ and quality pairs; a quality without an organ before or right behind it says nothing.

    Args:
        lower: Text in lower case.
        hits: Its organs and qualities, as ``ORGANS`` finds them.
        terms: Its wordings of entities.
    """
    if all(kind == "organ" for *_, (kind, _) in hits):
        return []
    taken = [(term.start, term.end) for term in terms]
    hits = [hit for hit in hits if not any(hit.start < end and start < hit.end for start, end in taken)]
    found: list[Statement] = []
    organs: list[Hit[Said]] = []
    used: set[int] = set()
    fresh = True
    for index, hit in enumerate(hits):
        kind, name = hit.value
        if kind == "organ":
            is_list = fresh and organs and not _PARTED.search(lower, organs[-1].end, hit.start)
            organs = [*organs, hit] if is_list else [hit]
            fresh = True
            continue
        if organs and ";" in lower[organs[-1].end : hit.start]:
            organs = []
        chosen = _behind(lower, hits, index)
        if not chosen or (
            organs and fresh and organs[-1].start not in used and _is_of(lower, organs[-1], hits, index, taken)
        ):
            edge = organs[-1].end if organs else 0
            between = [end for start, end in taken if edge <= start < hit.start]
            goes_on = bool(between) and _GOES_ON.fullmatch(lower, max(between), hit.start)
            is_predicate = bool(organs) and _ADVERBS.fullmatch(lower, organs[-1].end, hit.start)
            of_term = name not in ("normal", "clear") and not is_predicate and _of_term(lower, hit.end, taken)
            blocked = (bool(between) and not goes_on) or of_term or name == "increase of"
            chosen, fresh = ([] if blocked else organs), False
        used.update(organ.start for organ in chosen)
        chosen = [organ for organ in chosen if not _explained(lower, organ.value[1], name)]
        found += [_pair(organ, hit) for organ in chosen if (organ.value[1], name) in MEANINGS]
    return found


def without_kept(hits: list[Hit[Said]], cues: list[Hit[str]]) -> list[Hit[Said]]:
    """Less what is called clear within a wording that decides nothing: "neither lung has cleared"."""
    kept = [(cue.start, cue.end) for cue in cues if cue.value == "keep"]
    if not kept:
        return hits
    return [hit for hit in hits if hit.value != ("quality", "clear") or not _lies_in(hit, kept)]


def _lies_in(hit: Hit[Said], spans: list[tuple[int, int]]) -> bool:
    """Whether a hit lies within one of the spans."""
    return any(start <= hit.start and hit.end <= end for start, end in spans)


def _explained(lower: str, organ: str, quality: str) -> bool:
    """Whether the sentence itself explains a sign by something else: markings by edema, a blunt angle by a scar."""
    if organ == "interstitium":
        return bool(_WET.search(lower))
    return organ == "angles" and quality == "blunted" and bool(_OLD.search(lower))


def _is_of(
    lower: str,
    organ: Hit[Said],
    hits: list[Hit[Said]],
    index: int,
    taken: list[tuple[int, int]],
) -> bool:
    """Whether a quality is of the organ before it though one stands behind: by a verb, or in a row of such pairs.

    Such a row is dictation without stops: "heart normal lungs clear", "heart normal lungs hyperinflated".
    """
    quality = hits[index]
    if _PREDICATE.fullmatch(lower, organ.end, quality.start):
        return True
    behind = hits[index + 1]
    follows = index + 2 < len(hits) and hits[index + 2].value[0] == "quality"
    return (
        (follows or any(start == behind.end + 1 for start, _ in taken))
        and (organ.value[1], quality.value[1]) in MEANINGS
        and not lower[organ.end : quality.start].strip()
    )


def _behind(lower: str, hits: list[Hit[Said]], index: int) -> list[Hit[Said]]:
    """The organs right behind a quality: one, or several where all are called normal."""
    at = index + 1
    while (
        at < len(hits)
        and hits[at].value[0] == "quality"
        and _QUALITIES.fullmatch(lower, hits[at - 1].end, hits[at].start)
    ):
        at += 1
    if (
        at == len(hits)
        or hits[at].value[0] != "organ"
        or not _BETWEEN.fullmatch(lower, hits[at - 1].end, hits[at].start)
    ):
        return []
    chosen = [hits[at]]
    while hits[index].value[1] == "normal" and at + 1 < len(hits) and hits[at + 1].value[0] == "organ":
        at += 1
        if not _LIST.fullmatch(lower, hits[at - 1].end, hits[at].start):
            return chosen
        chosen.append(hits[at])
    return chosen[:-1] if len(chosen) > 1 and at + 1 < len(hits) else chosen


def _of_term(lower: str, end: int, taken: list[tuple[int, int]]) -> bool:
    """Whether a quality that ends at ``end`` belongs to the wording right behind it: "large effusion"."""
    return any(0 < start - end < 20 and _ADJECTIVES.fullmatch(lower, end, start) for start, _ in taken)


def _pair(organ: Hit[Said], quality: Hit[Said]) -> Statement:
    means = MEANINGS[organ.value[1], quality.value[1]]
    inferred = organ.value[1] in ("angles", "lungs", "pleura", "bones") or len(means) > 1
    kind = "normal" if means[0][1] == ABSENT else "quality"
    kind = "increase" if quality.value[1].startswith("increase") else kind
    return Statement(quality.start, quality.end, (organ.start, organ.end), means, inferred, kind)

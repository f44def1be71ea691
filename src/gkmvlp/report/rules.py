"""From negations and hedges in a sentence to the status of each statement in it.

A statement is a span: a wording of an entity, or the quality of an organ. Forward cues reach to the end of their
clause, and less far where a comma or "and" opens something asserted ("no pneumothorax, stable small effusion").
Backward cues take the list that stands right before them ("effusion and pneumothorax have resolved").
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from gkmvlp.report.patterns import Hit
from gkmvlp.report.reach import LIST_BREAK, list_before, reach, run_on

PRESENT, ABSENT, UNCERTAIN = 1, 0, -1
# What ends an aside: the report speaks of this image again.
_SHOWS = re.compile(
    r"\b(?:shows?|demonstrates?|reveals?|(?<!if )there (?:is|are)|now|no|without|(?:is|are) (?:again )?(?:seen"
    r"|noted|identified|present))\b"
)
# What is concluded behind words on the patient: "in this patient with fever, consistent with pneumonia".
_CONCLUDES = re.compile(r", (?:consistent|compatible|concerning|suspicious|worrisome|suggest\w*|likely|probabl[ey])\b")
_EXAM = re.compile(
    r"(?:^|[,;:(]\s*|\b(?:and|but|so|a|an|the)\s+)(?:(?:a|an|the|please|further|additional|dedicated|short|interval"
    r"|repeat"
    r"|clinical|close|continued|comparison|noncontrast|non|contrast|chest|pa|lateral|upright|nonemergent|any"
    r"|with)[\s-]+)*"
    r"(?:ct|mri|pet|cta|correlation|correlate|comparison|follow|followup|radiographs?|films?|views?|imaging|evaluation"
    r"|examination|study|scan|ultrasound|bone scan|bronchoscopy|work ?up|treatment|recommend\w*|x-?rays?|xxxx|exam)\b"
)
_NO = ("no ", "without ")
# Cues that say, with a negation in them, that something is as it was.
_AS_IT_WAS = ("keep", "not larger")
_EXCLUDE = re.compile(r"exclud|rul(?:e|ing) out")
# Right before a word of absence: "the effusion is small or not seen".
_OR_ELSE = re.compile(r"\bor $")
# Words that take up what the clause before spoke of: "no effusion, although a small one cannot be excluded".
_ONE = re.compile(r"\b(?:one|it|this|they|these)\b")
_ALTERNATIVE = re.compile(r"^(?:, |[^,;]{0,25}?\b)(?:and/or|or)\b[^,;]{0,30}$")
# Between those before: "atelectasis, effusion, or pneumonia".
_LISTED = re.compile(r", (?:[a-z-]+ ){0,3}")


_NOTHING_FOLLOWS = re.compile(
    r"\s*(?:$|[,.;)]|(?:in|at|on|within|of|given|based|because|but|and|here|there|as|present|seen|noted|visible)\b)"
)
# Behind "none": a place, beside which what was said before stays: "right effusion, none on the left".
_ELSEWHERE = re.compile(
    r"(?<=[,;(] none)(?: (?:is|are))?(?: (?:seen|identified|noted|evident|present))? (?:on|in|at|within) "
    r"(?:the )?(?:left|right|other|opposite|contralateral|upper|lower|rest|remainder|remaining)\b"
    r"|(?<=with none) (?:on|in|at) (?:the )?(?:left|right|other|opposite|contralateral)\b"
)
# Before "none": the other side, beside which what was said before stays: "left small, right none".
_SIDE_BEFORE = re.compile(r"[,;] (?:and )?(?:the )?(?:right|left|[rl])(?: side)?:? $")
# Words that can stand before what they are said of, where something begins: "improved effusion, resolved edema".
_ATTRIBUTE = re.compile(r"(?:resolved|cleared|unlikely|not (?:\w+ )?likely)\b")
_BEGINS = re.compile(r"(?:^|[,;:] |\b(?:and|with) )$")
# Before the first of several causes: "due to atelectasis, pneumonia or aspiration".
_CAUSES = re.compile(
    r"\b(?:due to|caused by|secondary to|represents?|representing|reflects?|reflecting) (?:[a-z]+ ){0,2}$"
)
# Between a finding and a doubt behind it, what no entity is: "hilar fullness, lymphoma cannot be excluded".
_OTHER = re.compile(
    r", (?:and |but )?(?:[a-z]+ ){0,3}?[a-z]*(?:pathy|itis|osis|oma|oid|embol[a-z]+|ease|ection|usion|neurysm|lesions?"
    r"|injury|process|abscess|hypertension|bleed(?:ing)?|aemorrhage|emorrhage) (?:(?:is|are|also) )*$"
)
# Before "resolution": it has yet to come.
_AWAITED = re.compile(
    r"\b(?:to|until|pending|(?<!except )for|document|ensure|confirm|establish|verify|assure|demonstrate|allow"
    r"|expected) "
    r"(?:(?:its|their|the|complete|full|interval|radiographic|document|ensure|confirm|assess|evaluate|for) )*$"
)
# Between "enlarging" and what it is said of.
_DESCRIBED = re.compile(r" (?:(?!and\b|n?or\b)[a-z]+ ){0,3}")
_PRESENT_AND = re.compile(r"\b(?:present|persists?|remains?)\b.*\band\b")
# A sentence that opens with one of these falls in two at its first comma that is not one of a list.
_OPENER = re.compile(
    r"(?:although|though|while|whereas|despite|in spite of|aside from|apart from|except for|other than|besides)\b"
)
# Behind a comma of a list: "although edema, effusion and nodules are old, ...".
_REST_OF_LIST = re.compile(r"[^,]{0,40},? (?:or|nor|and) [^,]{0,40},")


class Span(NamedTuple):
    """A forward reach: the statements that begin in it are negated, hedged or set aside."""

    start: int
    end: int
    kind: str


class Context:
    """The cues of one sentence, laid over its statements."""

    def __init__(
        self,
        text: str,
        found: list[Hit[str]],
        statements: Sequence[tuple[int, int]],
        anchors: Sequence[tuple[int, int]],
    ) -> None:
        """Takes lower-case text, its cues as ``ALL_CUES`` finds them, and the statements in order.

        Of each statement its deciding words and its anchor, (start, end).
        """
        self._text = text
        self._statements = statements
        self._anchors = anchors
        self._spans: list[Span] = []
        self._back: dict[int, int] = {}
        self._asides: list[tuple[int, int]] = []
        self._again: set[int] = set()
        self._answered: set[int] = set()
        self._doubted: set[int] = set()
        self.splits: list[int] = []
        cues = [cue for cue in found if cue.value != "keep"]
        if cues:
            self._lay(self._without_double_negation(cues))
        if "or" in text or "/" in text:
            kept = [cue.end for cue in found if cue.value in _AS_IT_WAS and text.startswith(_NO, cue.start)]
            self._mark_alternatives(kept)

    def _lay(self, cues: list[Hit[str]]) -> None:
        stops = [cue.start for cue in cues if cue.value in ("stop", "split") or self._leaves_open(cue)]
        self.splits = [cue.start for cue in cues if cue.value == "split"] + _semicolons(self._text)
        self.splits += _comma_of_opener(self._text)
        stops += self.splits
        for cue in cues:
            clause = max([split for split in self.splits if split <= cue.start], default=0) if self.splits else 0
            end = min([stop for stop in stops if stop >= cue.end], default=len(self._text))
            if cue.value == "gone" and self._is_awaited(cue, clause):
                self._asides.append((cue.end, reach(self._text, cue.end, end, "gone")))
            elif cue.value in ("no", "gone", "not"):
                self._lay_ahead(cue, end)
            elif cue.value == "aside after":
                self._asides += [
                    self._statements[one] for one in list_before(self._text, self._statements, cue.start, clause)
                ]
            elif cue.value == "limited":
                self._asides += [(cue.start, cue.end), *self._right_before(cue.start)]
            elif cue.value == "request":
                self._lay_request(cue, clause)
            elif cue.value == "answer":
                self._lay_answer(cue, clause, end)
            elif cue.value in ("absent", "maybe after"):
                self._lay_back(cue, clause, end)
            elif cue.value == "versus":
                self._back.update(dict.fromkeys(self._alternative_before(cue.start, clause, cues), UNCERTAIN))
                self._spans.append(Span(cue.end, end, "maybe"))
            elif cue.value == "maybe":
                if self._any_in(cue.end, end):
                    self._lay_ahead(cue, end)
                elif _NOTHING_FOLLOWS.match(self._text, cue.end):
                    self._lay_back(cue._replace(value="maybe after"), clause, end)
            elif cue.value == "aside":
                self._asides.append((cue.end, self._aside_end(cue, end)))
            elif cue.value == "not larger":
                kept = self._right_behind(cue.end)
                self._spans.append(Span(kept, reach(self._text, kept, end, "no"), "no"))

    def _lay_ahead(self, cue: Hit[str], end: int) -> None:
        last = reach(self._text, cue.end, end, cue.value)
        if cue.value in ("no", "maybe"):
            last = run_on(self._text, self._statements, self._anchors, cue.end, last)
        self._spans.append(Span(cue.end, last, cue.value))

    def _alternative_before(self, start: int, clause: int, cues: list[Hit[str]]) -> list[int]:
        """What stands before "versus", unless a doubt parts it off: "opacity concerning for ARDS versus edema"."""
        before = list_before(self._text, self._statements, start, clause)[:1]
        parted = before and any(
            cue.value == "maybe" and self._statements[before[0]][1] <= cue.start < start for cue in cues
        )
        return [] if parted else before

    def _leaves_open(self, cue: Hit[str]) -> bool:
        """Whether a cue is a verb that ends a negation before it: "no fever does not exclude pneumonia"."""
        return cue.value == "maybe" and _EXCLUDE.search(self._text, cue.start, cue.end) is not None

    def _aside_end(self, cue: Hit[str], end: int) -> int:
        """Where an aside stops that a cue opens, at the latest at ``end``."""
        of_patient = self._text.find("patient", cue.start, cue.end) >= 0
        found = [_SHOWS.search(self._text, cue.end, end), of_patient and _CONCLUDES.search(self._text, cue.end, end)]
        return reach(self._text, cue.end, min([one.start() for one in found if one], default=end), "aside")

    def _lay_request(self, cue: Hit[str], clause: int) -> None:
        """Sets aside what a recommendation names: all behind it, and before it from the examination it asks for."""
        semicolon = self._text.find(";", cue.end)
        shows = _SHOWS.search(self._text, cue.end)
        ends = [end for end in (semicolon, shows.start() if shows else -1) if end >= 0]
        exam = _EXAM.search(self._text, clause, cue.start)
        self._asides.append((exam.start() if exam else cue.end, min(ends, default=len(self._text))))

    def _right_before(self, start: int) -> list[tuple[int, int]]:
        """The list of statements that ends right before ``start``: "effusion and edema assessment is limited"."""
        group = [self._statements[one] for one in list_before(self._text, self._statements, start, 0)]
        return group if group and not self._text[group[0][1] : start].strip() else []

    def _right_behind(self, end: int) -> int:
        """Where the statement right behind ``end`` ends, else ``end``: "no enlarging effusion" denies no effusion."""
        behind = next((one for one in self._statements if one[0] >= end), None)
        return behind[1] if behind and _DESCRIBED.fullmatch(self._text, end, behind[0]) else end

    def _lay_answer(self, cue: Hit[str], clause: int, end: int) -> None:
        """Behind what was set aside, "none seen" says that it is absent; elsewhere it negates as "none" does."""
        before = [one for one, (start, _) in enumerate(self._statements) if start < cue.start]
        if before and (aside := self._aside_of(before[-1])):
            self._answered.update(one for one in before if self._aside_of(one) == aside)
        else:
            self._lay_back(cue._replace(value="absent"), clause, end)

    def _aside_of(self, index: int) -> tuple[int, int] | None:
        """The last aside that a statement stands in."""
        start = self._statements[index][0]
        return next((aside for aside in reversed(self._asides) if aside[0] <= start < aside[1]), None)

    def _lay_back(self, cue: Hit[str], clause: int, end: int) -> None:
        if self._text.startswith("none", cue.start) and (
            _ELSEWHERE.match(self._text, cue.start + 4) or _SIDE_BEFORE.search(self._text, clause, cue.start)
        ):
            return
        kind = "gone" if cue.value == "absent" else "maybe"
        if self._is_awaited(cue, clause):
            return
        if self._is_adjective(cue):
            self._spans.append(Span(cue.end, reach(self._text, cue.end, end, kind), kind))
            return
        is_open = cue.value != "absent" or _OR_ELSE.search(self._text, clause, cue.start)
        status = UNCERTAIN if is_open else ABSENT
        group = list_before(self._text, self._statements, cue.start, clause)
        if group and cue.value != "absent" and _OTHER.search(self._text, self._statements[group[0]][1], cue.start):
            return
        if not group and cue.value == "maybe after" and _ONE.search(self._text, clause, cue.start):
            before = [index for index, (_, end) in enumerate(self._statements) if end <= clause]
            self._again.update(before[-1:])
        if group and _PRESENT_AND.search(self._text, self._statements[group[0]][1], cue.start):
            return
        for index in group:
            self._back.setdefault(index, status)
        if group and cue.value == "maybe after":
            self._doubted.update(group if self._behind_comma(group[-1]) else ())
        if not group and self._any_in(cue.end, end):
            start = cue.end + self._text.startswith(",", cue.end)  # "trace, if any, left effusion"
            self._spans.append(Span(start, reach(self._text, start, end, kind), kind))

    def _is_awaited(self, cue: Hit[str], clause: int) -> bool:
        """Whether a resolution has yet to come: "film to document clearing", "until resolution of the opacity"."""
        of_course = self._text.startswith(("resolution", "clearing"), cue.start)
        return of_course and _AWAITED.search(self._text, clause, cue.start) is not None

    def _is_adjective(self, cue: Hit[str]) -> bool:
        """Whether "resolved" is said of what stands behind it: "improved effusion, resolved pneumothorax"."""
        if not _ATTRIBUTE.match(self._text, cue.start) or not _BEGINS.search(self._text, 0, cue.start):
            return False
        return self._right_behind(cue.end) > cue.end

    def _behind_comma(self, index: int) -> bool:
        """Whether a comma parts a statement from the negations before it: "no effusion, infection not excluded"."""
        start = self._statements[index][0]
        covering = [span for span in self._spans if span.start <= start < span.end]
        return all("," in self._text[span.start : start] for span in covering)

    def _without_double_negation(self, cues: list[Hit[str]]) -> list[Hit[str]]:
        """Leaves out two negations that stand together: "not without"."""
        kept: list[Hit[str]] = []
        for cue in cues:
            before = kept[-1] if kept else cue
            close = before.value in ("no", "not") and 0 < cue.start - before.end < 14
            if close and cue.value in ("no", "gone") and not self._any_in(before.end, cue.start):
                kept.pop()
            else:
                kept.append(cue)
        return kept

    def _any_in(self, start: int, end: int) -> bool:
        return any(start <= first < end for first, _ in self._statements)

    def _mark_alternatives(self, unchanged: Sequence[int]) -> None:
        """Outside a negation "atelectasis or pneumonia" leaves both open; not so behind "no change in"."""
        for index, ((first, end), (start, _)) in enumerate(pairwise(self._statements)):
            gap = self._text[end:start]
            if any(place <= first and not LIST_BREAK.search(self._text, place, first) for place in unchanged):
                continue
            if gap.strip() == "/" or ("or" in gap and _ALTERNATIVE.match(gap) and not LIST_BREAK.search(gap)):
                for one in range(self._first_of_list(index, gap), index + 2):
                    self._back.setdefault(one, UNCERTAIN)

    def _first_of_list(self, index: int, gap: str) -> int:
        """The first of the alternatives that end at ``index`` and the one behind it, parted from it by ``gap``."""
        is_list = gap.startswith(",") or _CAUSES.search(self._text, 0, self._statements[max(0, index - 1)][0])
        while is_list and index:
            between = self._text[self._statements[index - 1][1] : self._statements[index][0]]
            if not _LISTED.fullmatch(between) or LIST_BREAK.search(between):
                break
            index -= 1
        return index

    def status(self, index: int) -> int | None:
        """1, 0 or -1 for a statement, None where it is not a statement on this image."""
        start = self._statements[index][0]
        if index in self._answered:
            return ABSENT
        if self._asides and self._aside_of(index):
            return None
        if index in self._again:
            return UNCERTAIN
        covering = [span for span in self._spans if span.start <= start < span.end]
        if covering:
            last = covering[0] if len(covering) == 1 else max(covering, key=lambda span: span.start)
            negations = [span for span in covering if span.kind in ("no", "gone", "not")]
            if negations and (last.kind != "maybe" or "," not in self._text[negations[-1].start : last.start]):
                return UNCERTAIN if index in self._doubted else ABSENT
        if index in self._back:
            return self._back[index]
        return UNCERTAIN if covering else PRESENT


def _semicolons(text: str) -> list[int]:
    return [place for place, letter in enumerate(text) if letter == ";"] if ";" in text else []


def _comma_of_opener(text: str) -> list[int]:
    """The first comma of "although ..., ..." that is not one of a list."""
    if _OPENER.match(text):
        for comma in re.finditer(",", text):
            if not _REST_OF_LIST.match(text, comma.end()):
                return [comma.start()]
    return []

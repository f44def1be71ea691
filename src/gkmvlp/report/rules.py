"""From negations and hedges in a sentence to the status of each statement in it.

A statement is a span: a wording of an entity, or the quality of an organ. Forward cues reach to the end of their
clause, and less far where a comma or "and" opens something asserted ("no pneumothorax, stable small effusion").
Backward cues take the list that stands right before them ("effusion and pneumothorax have resolved").
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from gkmvlp.report import surroundings as around
from gkmvlp.report.patterns import Hit
from gkmvlp.report.reach import LIST_BREAK, list_before, reach, run_on

PRESENT, ABSENT, UNCERTAIN = 1, 0, -1
_NO = ("no ", "without ")
_LACK = ("absence of", "lack of")
_SURE = ("confirmed", "established", "verified")
# Cues that say, with a negation in them, that something is as it was.
_AS_IT_WAS = ("keep", "not larger")


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
        self._once: set[tuple[int, int]] = set()
        self._again: set[int] = set()
        self._answered: dict[int, int] = {}
        self._doubted: set[int] = set()
        self.splits: list[int] = []
        cues = [cue for cue in found if cue.value != "keep"]
        if cues:
            self._lay(self._without_double_negation(cues))
        if "or" in text or "/" in text:
            kept = [cue.end for cue in found if cue.value in _AS_IT_WAS and text.startswith(_NO, cue.start)]
            self._mark_alternatives(kept)

    def _lay(self, cues: list[Hit[str]]) -> None:
        stops = [cue.start for cue in cues if cue.value in ("stop", "split") or around.ends_negation(self._text, cue)]
        self.splits = [cue.start for cue in cues if cue.value == "split"] + around.splits_of(self._text)
        stops += self.splits
        for cue in cues:
            clause = max([split for split in self.splits if split <= cue.start], default=0) if self.splits else 0
            end = min([stop for stop in stops if stop >= cue.end], default=len(self._text))
            self._lay_cue(cue, clause, end, cues)

    def _lay_cue(self, cue: Hit[str], clause: int, end: int, cues: list[Hit[str]]) -> None:
        """Lays one of the cues, of a clause that begins at ``clause`` and is stopped at ``end``."""
        if cue.value == "gone" and around.is_awaited(self._text, cue.start, clause):
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
            self._asides.append(around.requested(self._text, cue, clause))
        elif cue.value in ("answer", "still"):
            self._lay_answer(cue, clause, end)
        elif cue.value in ("absent", "maybe after"):
            self._lay_back(cue, clause, end)
        elif cue.value == "versus":
            self._back.update(dict.fromkeys(self._alternative_before(cue.start, clause, cues), UNCERTAIN))
            self._spans.append(Span(cue.end, end, "maybe"))
        elif cue.value == "maybe":
            if self._any_in(cue.end, end):
                self._lay_ahead(cue, end)
            elif around.nothing_follows(self._text, cue.end) and not self._is_said(cue):
                self._lay_back(cue._replace(value="maybe after"), clause, end)
        elif cue.value in ("aside", "once"):
            last = reach(self._text, cue.end, around.aside_end(self._text, cue, end), "aside")
            if around.is_history(self._text, cue.start):
                stop = run_on(self._text, self._statements, self._anchors, cue.end, last)
                last = last if around.is_of_old(self._text, stop) else stop
            self._asides.append((cue.end, last))
            self._once.update(self._asides[-1:] if cue.value == "once" else ())
        elif cue.value == "not larger":
            kept = self._right_behind(cue.end)
            self._spans.append(Span(kept, reach(self._text, kept, end, "no"), "no"))

    def _is_said(self, cue: Hit[str]) -> bool:
        """Whether a cue is the word of a statement, and so says nothing of others: "heart borderline"."""
        return any(start <= cue.start < stop for start, stop in self._statements)

    def _lay_ahead(self, cue: Hit[str], end: int) -> None:
        last = reach(self._text, cue.end, end, cue.value)
        if cue.value in ("no", "maybe"):
            last = run_on(self._text, self._statements, self._anchors, cue.end, last)
        start = self._behind_owner(cue.end, last) if cue.value == "no" else cue.end
        self._spans.append(Span(start, last, cue.value))

    def _behind_owner(self, end: int, last: int) -> int:
        """Where the finding ends whose part alone is denied, else ``end``: "no air fluid level within the cavity"."""
        first = next((one for one in self._statements if end <= one[0] < last), None)
        return first[1] if first and around.is_part_of(self._text, end, first[0]) else end

    def _alternative_before(self, start: int, clause: int, cues: list[Hit[str]]) -> list[int]:
        """What stands before "versus", unless a doubt parts it off: "opacity concerning for ARDS versus edema"."""
        before = list_before(self._text, self._statements, start, clause)[:1]
        parted = before and any(
            cue.value == "maybe" and self._statements[before[0]][1] <= cue.start < start for cue in cues
        )
        return [] if parted else before

    def _right_before(self, start: int) -> list[tuple[int, int]]:
        """The list of statements that ends right before ``start``: "effusion and edema assessment is limited"."""
        group = [self._statements[one] for one in list_before(self._text, self._statements, start, 0)]
        return group if group and not self._text[group[0][1] : start].strip() else []

    def _right_behind(self, end: int) -> int:
        """Where the statement right behind ``end`` ends, else ``end``: "no enlarging effusion" denies no effusion."""
        behind = next((one for one in self._statements if one[0] >= end), None)
        return behind[1] if behind and around.is_described(self._text, end, behind[0]) else end

    def _lay_answer(self, cue: Hit[str], clause: int, end: int) -> None:
        """Behind what was set aside, "none seen" says that it is absent; elsewhere it negates as "none" does.

        "Which persists" says that what an earlier image showed is present; elsewhere it says nothing.
        """
        before = [one for one, (start, _) in enumerate(self._statements) if start < cue.start]
        if before and (aside := self._aside_of(before[-1])):
            if cue.value == "still" and aside not in self._once:
                return
            status = PRESENT if cue.value == "still" else ABSENT
            self._answered.update({one: status for one in before if self._aside_of(one) == aside})
        elif cue.value == "answer":
            self._lay_back(cue._replace(value="absent"), clause, end)

    def _aside_of(self, index: int) -> tuple[int, int] | None:
        """The last aside that a statement stands in."""
        start = self._statements[index][0]
        return next((aside for aside in reversed(self._asides) if aside[0] <= start < aside[1]), None)

    def _lay_back(self, cue: Hit[str], clause: int, end: int) -> None:
        if around.is_elsewhere(self._text, cue.start, clause) or around.is_awaited(self._text, cue.start, clause):
            return
        kind = "gone" if cue.value == "absent" else "maybe"
        if self._is_adjective(cue):
            self._spans.append(Span(cue.end, reach(self._text, cue.end, end, kind), kind))
            return
        is_open = cue.value != "absent" or around.is_left_open(self._text, cue.start, clause)
        status = UNCERTAIN if is_open else ABSENT
        group = list_before(self._text, self._statements, cue.start, clause)
        if group and around.is_of_other(self._text, self._statements[group[0]][1], cue):
            return
        behind = self._statements[group[0]][1] if group else cue.start
        if group and cue.value != "absent" and around.names_another(self._text, behind, cue.start):
            return
        of_one = around.takes_up(self._text, cue.start, clause) or around.is_of_one(self._text, cue.end)
        if not group and cue.value == "maybe after" and of_one:
            before = [index for index, (_, end) in enumerate(self._statements) if end <= clause]
            self._again.update(before[-1:])
        if group and around.is_present_and(self._text, behind, cue.start):
            return
        for index in group:
            self._back.setdefault(index, status)
        if group and cue.value == "maybe after":
            self._doubted.update(group if self._behind_comma(group[-1]) or self._is_lack(group[-1], cue) else ())
        if not group and self._any_in(cue.end, end) and not around.is_of_other(self._text, clause, cue):
            start = cue.end + self._text.startswith(",", cue.end)  # "trace, if any, left effusion"
            if start > cue.end and cue.value == "absent":  # "pregnancy test absent, effusion": said of no entity
                return
            self._spans.append(Span(start, reach(self._text, start, end, kind), kind))

    def _is_adjective(self, cue: Hit[str]) -> bool:
        """Whether "resolved" is said of what stands behind it: "improved effusion, resolved pneumothorax"."""
        return around.is_attribute(self._text, cue.start) and self._right_behind(cue.end) > cue.end

    def _behind_comma(self, index: int) -> bool:
        """Whether a comma parts a statement from the negations before it: "no effusion, infection not excluded"."""
        start = self._statements[index][0]
        covering = [span for span in self._spans if span.start <= start < span.end]
        return all("," in self._text[span.start : start] for span in covering)

    def _is_lack(self, index: int, cue: Hit[str]) -> bool:
        """Whether it is an absence that cannot be confirmed: "absence of effusion cannot be confirmed"."""
        start = self._statements[index][0]
        covering = [span for span in self._spans if span.start <= start < span.end]
        is_lack = bool(covering) and self._text.endswith(_LACK, 0, covering[-1].start)
        return is_lack and self._text.endswith(_SURE, cue.start, cue.end)

    def _without_double_negation(self, cues: list[Hit[str]]) -> list[Hit[str]]:
        """Leaves out two negations that stand together: "not without"."""
        kept: list[Hit[str]] = []
        for cue in cues:
            before = kept[-1] if kept else cue
            close = before.value in ("no", "not") and around.stand_together(self._text, before.end, cue.start)
            if close and cue.value in ("no", "gone") and not self._any_in(before.end, cue.start):
                kept.pop()
            else:
                kept.append(cue)
        return kept

    def _any_in(self, start: int, end: int) -> bool:
        return any(start <= first < end for first, _ in self._statements)

    def _mark_alternatives(self, unchanged: Sequence[int]) -> None:
        """Outside a negation "atelectasis or pneumonia" leaves both open; not so behind "no change in"."""
        for both in around.either_or_both(self._text):
            self._back.update(dict.fromkeys(self._listed_before(both), UNCERTAIN))
        for index, ((first, end), (start, _)) in enumerate(pairwise(self._statements)):
            gap = self._text[end:start]
            if any(place <= first and not LIST_BREAK.search(self._text, place, first) for place in unchanged):
                continue
            if around.is_alternative(gap):
                for one in range(self._first_of_list(index, gap), index + 2):
                    self._back.setdefault(one, UNCERTAIN)

    def _listed_before(self, place: int) -> list[int]:
        """The statements of the list, commas alone between them too, that stands right before a place."""
        last = max((one for one, (_, end) in enumerate(self._statements) if end <= place), default=-1)
        return list(range(self._first_of_list(last, ","), last + 1)) if last >= 0 else []

    def _first_of_list(self, index: int, gap: str) -> int:
        """The first of the alternatives that end at ``index`` and the one behind it, parted from it by ``gap``."""
        is_list = gap.startswith(",") or around.are_causes(self._text, self._statements[max(0, index - 1)][0])
        while is_list and index:
            between = self._text[self._statements[index - 1][1] : self._statements[index][0]]
            if not around.is_listed(between):
                break
            index -= 1
        return index

    def status(self, index: int) -> int | None:
        """1, 0 or -1 for a statement, None where it is not a statement on this image."""
        start = self._statements[index][0]
        if index in self._answered:
            return self._answered[index]
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

"""From text to sentences, each with its place in the text."""

import re
from typing import NamedTuple

from gkmvlp.report.lexicon import TERMS
from gkmvlp.report.lines import BULLET, GOES_ON, line_ends
from gkmvlp.report.shorthand import MINUS_FIRST, spelled_out

_BREAK = re.compile(
    r"[.!?\u2026]+(?<![\s,(]\?)(?<!\A\?)(?:[)\"']?(?=\s|$)|(?<=[a-z)%\d][a-z)%\d][.!?])(?=[A-Z])"
    r"|(?<=[A-Z]{4}[.!?])(?=[A-Z]{2})"
    r"|(?<=[a-z]{3}[.!?])(?=[a-z]{3}))"
    r"|\n[ \t]*\n\s*|[\u2022\u25aa\u25cf\u25e6\u2023]"
)
_SIGN = re.compile(r"[.!?\u2026\n\u2022\u25aa\u25cf\u25e6\u2023]")
_STOPS, _BLANK = frozenset(".!?"), frozenset((" ", ""))
# Words with a capital that begin a sentence even where the stop before them is missing.
_OPENER = re.compile(
    r"(?:Again|Aort(?:a|ic)|Atelectasis|Bilateral|Bon(?:es|y)|Both|Cardi(?:ac|omediastinal|omegaly)|Central|Clear"
    r"|Costophrenic|Degenerative|Elevated|Findings|Heart|Hil(?:a|ar)|Hyperinflat(?:ed|ion)|Interval|It|Left|Low"
    r"|Lungs?|Large|Lateral|Mediastin(?:al|um)|Mild(?:ly)?|Minimal|Moderate|Negative|No|Normal|Osseous|Otherwise"
    r"|Pleural|Pneumothorax|Portable|Pulmonary|Right|Severe|Small|Soft|Stable|Status|The|There|This|These|Trachea"
    r"|Unchanged|Unremarkable|Visuali[sz]ed|Trace)\b"
)
_CAPITAL = re.compile(r"[a-z%][)]? [A-Z]")
_TAIL = 60  # characters that hold the longest name of a finding
_LETTER = re.compile(r"[^\W_]")
_TITLES = frozenset(
    {"dr", "drs", "mr", "mrs", "ms", "prof", "st", "v", "vs", "e.g", "i.e", "approx", "cf", "fig", "incl"}
)
# Behind these a sentence ends only where the next word begins with a capital.
_UNITS = frozenset(
    {
        "cm",
        "mm",
        "a.m",
        "p.m",
        "am",
        "pm",
        "m.d",
        "min",
        "hrs",
        "neg",
        "poss",
        "prob",
        "mod",
        "bilat",
        "sm",
        "pulm",
        "rt",
        "lt",
    }
)
_ONLY_MARKER = re.compile(r"[\s*-]*\(?\d{1,2}[.)]")
_MARKER_MOST = 40
_MARKER = re.compile(rf"(?:\s|(?!{MINUS_FIRST}){BULLET})*(?:\(?(\d{{1,2}})[.)](?=\s|[A-Z])\s*)?")
_NEXT_ITEM = re.compile(r"[\s.;,]\(?(\d{1,2})[.)](?:\s+(?=(?:\?\s?)?[A-Za-z])|(?=[A-Z]))")
_NEXT_DASH = re.compile(r"\s[-*+\u2013\u2014]\s+(?=\S)")
# "a) no effusion b) cardiomegaly"
_LETTERED = re.compile(r"(?:^|[\s:.])\(?a\) ")
_NEXT_LETTER = re.compile(r"\s\(?[b-h]\) ")
_DASH = re.compile(r"\s*[-*+\u2013\u2014]\s")
# A longer sentence is cut, so that the time that a text takes grows with its length alone.
_LONGEST = 600


class Sentence(NamedTuple):
    """One sentence; ``text`` is exactly the characters from ``start`` to ``end`` of the text it was cut from."""

    start: int
    end: int
    text: str


def _last_word(text: str, start: int, stop: int) -> str:
    """The word that ends at ``stop``, with what hangs on it; at most its last 30 characters."""
    before = text[max(start, stop - 30) : stop]
    return before.rsplit(None, 1)[-1] if before and not before[-1].isspace() else ""


def _names_finding(text: str) -> bool:
    """Whether a text ends in a finding, so that the letter behind it is a side: "no eff L. Mod eff R."."""
    tail = spelled_out(text[-_TAIL:].lower().rstrip())
    return any(hit.end == len(tail) for hit in TERMS.find(tail))


def _ends_here(text: str, start: int, stop: int, after: int) -> bool:
    """Whether the full stop before ``after`` ends the sentence that began at ``start``."""
    last = _last_word(text, start, stop)
    if text[stop] != "." or not last:
        return True
    word = last.lower().lstrip("(")
    following = text[after : after + 40].lstrip()[:1]
    if word in _UNITS:
        return following.isupper() or not following
    if word.isdigit() and (marker := _MARKER.match(text, start)) and marker[1] and int(word) == int(marker[1]) + 1:
        return False
    is_initial = len(word) == 1 and last.isupper() and following.isupper()
    return word not in _TITLES and not (is_initial and not (word in "rl" and _names_finding(text[start : stop - 1])))


def _unstopped(text: str) -> list[int]:
    """Where a sentence begins with a capital behind one whose stop is missing."""
    places = (match.end() - 1 for match in _CAPITAL.finditer(text))
    return [at for at in places if _OPENER.match(text, at) and _last_word(text, 0, at - 1).lower() not in GOES_ON]


def _cuts(text: str) -> list[int]:
    cuts, start = [], 0
    # a search for signs alone is many times faster than one for what they mean
    for sign in _SIGN.finditer(text):
        at = sign.start()
        if at < start or (sign[0] in _STOPS and text[at - 1 : at] in _STOPS):
            continue
        if sign[0] == "." and text[at + 1 : at + 2] in _BLANK:
            end = at + 1
        elif match := _BREAK.match(text, at):
            end = match.end()
        else:
            continue
        only_marker = end - start < _MARKER_MOST and _ONLY_MARKER.fullmatch(text, start, end)
        if only_marker or (sign[0] in _STOPS and not _ends_here(text, start, at, end)):
            continue
        cuts.append(end)
        start = end
    more = [*_unstopped(text), *line_ends(text)]
    if "a) " in text and _LETTERED.search(text):
        more += [match.start() for match in _NEXT_LETTER.finditer(text)]
    return [*(sorted({*cuts, *more}) if more else cuts), len(text)]


def _item_end(text: str, marker: re.Match[str] | None, first: int, end: int) -> int:
    """Where the next item of a list in one line begins, or ``end``."""
    if marker and marker[1]:
        items = (item for item in _NEXT_ITEM.finditer(text, first, end) if int(item[1]) == int(marker[1]) + 1)
        return next((item.start() + 1 for item in items), end)
    if marker and marker.end() > marker.start() and _DASH.match(text, marker.start(), end):
        dash = _NEXT_DASH.search(text, first, end)
        return dash.start() + 1 if dash else end
    return end


def _add(found: list[Sentence], text: str, start: int, end: int) -> None:
    """Adds text[start:end] without blanks and list marker; a list without full stops is cut at its marks."""
    while start < end:
        first, stop = start, end
        while first < end and text[first] == " ":
            first += 1
        if first < end and not text[first].isalpha():
            marker = _MARKER.match(text, start, end)
            first = marker.end() if marker else start
            stop = _item_end(text, marker, first, end)
        if stop - first > _LONGEST:
            near = first + _LONGEST
            stop = max(text.rfind(sign, first + 1, near) for sign in ",; \n")
            stop = stop + 1 if stop > first else near
        body = text[first:stop].rstrip(" \t\n\u2022\u25aa\u25cf\u25e6\u2023")
        if _LETTER.search(body):
            found.append(Sentence(first, first + len(body), body))
        start = stop


def split_sentences(text: str) -> list[Sentence]:
    """The sentences of a text in order.

    Full stops of titles (Dr.), units before a small letter (2 cm. from), times (9:05 a.m.), decimals and list numbers
    do not end a sentence; blank lines, list marks and the line breaks of lists do, and a word such as "The" behind a
    missing stop. Line breaks of wrapped prose do not.
    """
    found: list[Sentence] = []
    start = 0
    for cut in _cuts(text):
        _add(found, text, start, cut)
        start = cut
    return found

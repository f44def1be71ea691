"""Which line breaks of a text end a sentence: those of lists, not those of wrapped prose."""

import re
from itertools import pairwise

from gkmvlp.report.lexicon import TERMS
from gkmvlp.report.organs import ORGANS
from gkmvlp.report.shorthand import spelled_out

BULLET = r"[-*+>\u2022\u00b7\u25aa\u25cf\u25e6\u2023\u2043\u2013\u2014]"
_ITEM = re.compile(rf"{BULLET}+(?=\s|[A-Z\u2022])|\(?\d{{1,2}}[.)](?!\d)|[a-h][.)]\s|\[[ xX]?\]")
# Behind these words (or signs) a sentence goes on, whatever the next line begins with.
GOES_ON = frozenset(
    re.findall(
        r"\w+",
        """the a an of and or nor in on at to with without for from by no not is are was were has have be as than versus
        vs due may could might which that this these those its their into over per via dr mr mrs ms st if since between
        about upper lower mid middle new possible prior previous""",
    )
)
# A line that begins with one of these goes on with the line before.
_CONTINUES = GOES_ON - {"no", "new", "possible"}
# In a list it may begin a new item with one of these.
_BEGINS = frozenset(
    {"the", "a", "an", "this", "that", "these", "those", "its", "their", "upper", "lower", "mid", "middle", "prior",
     "previous", "dr", "mr", "mrs", "ms"}
)  # fmt: skip
# Capitals within a sentence.
NAMES = frozenset(
    re.findall(
        r"\w+",
        """Swan Port Dobbhoff Dobhoff Kerley Hickman Foley Harrington Nissen Bochdalek Morgagni Ghon Zenker Schmorl
        Hampton Groshong Broviac Impella Dr Mr Mrs Ms January February March April May June July August September
        October November December Chilaiditi Hounsfield Cobb Tenckhoff Ewart Rasmussen Pancoast""",
    )
)
_WORD = re.compile(r"[A-Za-z][a-z']*")
# The answer of a form ends its line: "Effusion - no".
_ANSWERED = re.compile(r"(?:[:=|\t]|\s[-\u2013\u2014])\s*no$", re.IGNORECASE)
_MARGIN = 50
# Prose is wrapped into no fewer columns: a line in which the next word would have stood was ended on purpose.
_NARROWEST = 60
# A line that ends in one of these can be a whole statement, as one that ends in a wording of an entity can.
_LAST = frozenset(
    re.findall(
        r"\w+",
        """left right bilaterally side sides base bases lobe lobes lung lungs apex apices zone zones today now again
        place unchanged stable seen identified noted present absent excluded resolved improved worse worsened
        visualized visualised suspected evident detected demonstrated removed cleared spine shoulder shoulders
        abdomen chest thorax""",
    )
)
# A line that ends in one of these is no whole statement, unless it says so of an organ.
_DESCRIBES = frozenset(
    re.findall(
        r"\w+",
        """focal small large tiny trace mild moderate severe minimal marked slight acute chronic definite significant
        obvious gross overt evidence pulmonary pleural cardiac mediastinal hilar basilar bibasilar basal
        apical lobar interstitial alveolar airspace patchy linear streaky hazy diffuse bilateral unilateral rib lung
        other any some suspicious superimposed underlying associated residual increased enlarged displaced calcified""",
    )
)
# What goes on with a whole statement before it.
_GOES_ON_WITH = re.compile(
    r"(?:seen|identified|noted|visuali[sz]ed|evident|detected|suggest|represent|concern|indicat|reflect|worrisome"
    r"|suspicious|consistent|compatible|secondary|related|likely|adjacent|along|overlying|project|extend|measur|involv"
    r"|superimposed|associated|which|but|however|although|though|except)"
)
_PREDICATE = re.compile(r"(?: (?:is|are|was|were|remains?|appears?|not|now|also|still|again|within|[a-z]+ly))* ")


def line_ends(text: str) -> list[int]:
    """Places of the line breaks of a text that end a sentence without a stop.

    A break ends a sentence before a list mark and behind a line that was not full: where a word with a capital follows,
    or any word in a text that has no capitals. Where most lines are not full, a text is a list, and full lines end too.
    """
    if "\n" not in text:
        return []
    lines = text.split("\n")
    longest = max(map(len, lines))
    widest = max(_MARGIN, longest)
    small = not any(letter.isupper() for letter in text)
    pairs = list(pairwise([line.strip() for line in lines]))
    room = [_has_room(line, following, longest) for line, following in pairs if line and following]
    is_list = 2 * sum(room) >= len(room) > 1
    is_wrapped = len(room) > 1 and not any(room)
    found, at = [], -1
    for whole, (line, following) in zip(lines, pairs, strict=False):
        at += len(whole) + 1
        is_short = bool(following) and not is_wrapped and (is_list or _has_room(line, following, _NARROWEST))
        if _ends(line, following, widest, small, is_list, is_short):
            found.append(at)
    return found


def _has_room(line: str, following: str, widest: int) -> bool:
    """Whether the next line's first word would have stood in this line, had it been wrapped."""
    room = widest - len(line) - 1
    return room > 0 and (len(following) <= room or " " in following[: room + 1])


def _ends(line: str, following: str, widest: int, small: bool, is_list: bool, is_short: bool) -> bool:
    """Whether a sentence ends between two lines.

    Args:
        line: The line before the break.
        following: The line behind it.
        widest: Letters of the text's longest line.
        small: Whether the text has no capitals.
        is_list: Whether the text is a list, not prose.
        is_short: Whether the break was made on purpose: the line is one of a list, or shorter than wrapped ones are.
    """
    if not line or not following:
        return False
    if (not following[0].isalpha() or following[1:2] in (".", ")")) and _ITEM.match(following):
        return True
    if line[-1] in ",:/-(&":
        return False
    last = line.rsplit(None, 1)[-1].lower()
    if last in GOES_ON and not _ANSWERED.search(line):
        return False
    word = _WORD.match(following)
    first = word[0] if word else following.split(None, 1)[0]
    fits = is_list or len(line) + len(first) + 2 < 0.8 * widest
    if (len(first) > 1 and first[0].isupper() and first[1].islower()) or first == "A":
        return first not in NAMES
    if first[0].isupper() or first[0].isdigit():
        return fits or (first[0].isupper() and is_short and _is_new(first.lower()) and _is_whole(line))
    if small and fits and not (last in _DESCRIBES and not _is_whole(line)) and not _GOES_ON_WITH.match(first):
        return first not in _CONTINUES or (first in _BEGINS and (is_list or _is_whole(line)))
    return is_short and _is_new(first) and _is_whole(line)


def _is_new(first: str) -> bool:
    """Whether a word in small letters can begin a statement behind a whole one."""
    return (first not in _CONTINUES or first in _BEGINS) and not _GOES_ON_WITH.match(first)


def _is_whole(line: str) -> bool:
    """Whether a line can be a whole statement: it ends in what a statement ends in, and no adjective stands there."""
    tail = spelled_out(line[-_NARROWEST:].lower()).rstrip(" ;")
    last = tail.rsplit(None, 1)[-1] if tail else ""
    if last in _LAST or any(hit.end == len(tail) for hit in TERMS.find(tail)):
        return True
    hits = ORGANS.find(tail)
    if not hits or hits[-1].end != len(tail):
        return False
    if hits[-1].value[0] == "organ":
        return True
    organ = hits[-2] if len(hits) > 1 else hits[-1]
    return organ.value[0] == "organ" and _PREDICATE.fullmatch(tail, organ.end, hits[-1].start) is not None

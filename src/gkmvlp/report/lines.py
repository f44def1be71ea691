"""Which line breaks of a text end a sentence: those of lists, not those of wrapped prose."""

import re
from itertools import pairwise

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
    pairs = [(line.strip(), following.strip()) for line, following in pairwise(lines)]
    room = [_has_room(line, following, longest) for line, following in pairs if line and following]
    is_list = 2 * sum(room) >= len(room) > 1
    found, at = [], -1
    for whole, (line, following) in zip(lines, pairs, strict=False):
        at += len(whole) + 1
        if _ends(line, following, widest, small, is_list):
            found.append(at)
    return found


def _has_room(line: str, following: str, widest: int) -> bool:
    """Whether the next line's first word would have stood in this line, had it been wrapped."""
    return len(line) + 1 + len(following.split(None, 1)[0]) <= widest


def _ends(line: str, following: str, widest: int, small: bool, is_list: bool) -> bool:
    """Whether a sentence ends between two lines; ``small``: the text has no capitals; ``is_list``: no prose."""
    if not line or not following:
        return False
    if _ITEM.match(following):
        return True
    goes_on = line.rsplit(None, 1)[-1].lower() in GOES_ON and not _ANSWERED.search(line)
    if line[-1] in ",:/-(&" or goes_on:
        return False
    word = _WORD.match(following)
    first = word[0] if word else following.split(None, 1)[0]
    fits = is_list or len(line) + len(first) + 2 < 0.8 * widest
    if (len(first) > 1 and first[0].isupper() and first[1].islower()) or first == "A":
        return first not in NAMES
    if first[0].isupper() or first[0].isdigit():
        return fits
    return small and fits and (first not in _CONTINUES or (is_list and first in _BEGINS))

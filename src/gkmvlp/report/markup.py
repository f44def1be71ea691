"""What other programs leave in the text of a report: pages of the web, word processors, forms, speech recognisers."""

import html
import re

from gkmvlp.report.lexicon import TERMS
from gkmvlp.report.literals import without_literal
from gkmvlp.report.organs import ORGANS
from gkmvlp.report.rtf import shown_text

_TAGS = re.compile(
    r"<(?P<line>/?(?:br|p|div|li|ul|ol|tr|h[1-6]|dl)|dt|/dd)\b[^<>]{0,80}>"
    r"|(?P<cell></(?:td|th|dt)\s?>\s*)"
    r"|<(?P<end>/?)(?P<name>[a-z][\w:.-]{0,30})"
    r"(?P<attributes>(?:\s{1,3}[\w:.-]{1,30}\s?=\s?(?:\"[^\"<>]{0,200}\"|'[^'<>]{0,200}'|[\w#%.-]{1,40})){0,6})"
    r"\s?(?P<empty>/?)>",
    re.IGNORECASE,
)
_LABEL = re.compile(r"\b(?:label|title|section|name)\s?=\s?[\"']([a-z][a-z /-]{2,40})[\"']", re.IGNORECASE)
_SECTIONS = ("findings", "impression", "conclusion", "indication", "history", "comparison", "technique", "examination")
_INLINE = {
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "del", "dfn", "em", "font", "i", "ins", "kbd",
    "mark", "q", "s", "small", "span", "strike", "strong", "sub", "sup", "tt", "u",
}  # fmt: skip
_ENTITY = re.compile(r"&(?:#\d{1,6}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")  # a character as spreadsheets escape it
# Ticked boxes and empty or crossed ones, letters that printers join, and what shows where a word may break.
_LETTERS = {
    "\u2610": "[ ] ", "\u2611": "[x] ", "\u2612": "[x] ", "\u2713": "[x] ", "\u2714": "[x] ", "\u2705": "[x] ",
    "\u2715": "[ ] ", "\u2716": "[ ] ", "\u2717": "[ ] ", "\u2718": "[ ] ", "\u274c": "[ ] ", "\ufe0f": "",
    "\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl",
    "\u2010": "-", "\u2011": "-", "\u2212": "-", "\xad": "", "\u2060": "", "\ufeff": "", "\u200b": "",
}  # fmt: skip
_AS_LETTERS = str.maketrans(_LETTERS)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_STOP = re.compile(r"[.;!?](?:\s|$)")
_SPOKEN = re.compile(
    r" ?\b(?:(?P<line>new (?:paragraph|line)(?! (?:is|are|has|was|were|with|in (?:place|position|situ|the)|terminat\w+"
    r"|ends)\b))|(?P<stop>period(?! of\b)|full stop)|(?P<comma>comma)|(?P<part>semicolon)"
    r"|(?:(?<=findings )|(?<=impression )|(?<=history )|(?<=indication ))(?P<heading>colon))\b",
    re.IGNORECASE,
)
# Before "period": it is a time. "At this time" and "is the same" are whole, and a stop follows.
_OF_TIME = re.compile(
    r"(?<!about the )(?<!is the )(?<!are the )(?<!remains the )(?<!appears the )(?<!remain the )(?<!appear the )\bsame$"
    r"|\b(?:a|an|the|this|that|interim|short|brief|observation|recovery|post-?operative|\d+[ -](?:day|week|year))$"
    r"|(?<!at this )(?<!at that )(?<!at the )(?<!present )(?<!current )\btime$"
    r"|\b(?:in|during|over|for|within|throughout|of) (?:an?|the|this|that|his|her) (?:[a-z-]+ )?follow[ -]?up$",
    re.IGNORECASE,
)
# Before "new line", which is a catheter elsewhere: a stop, a heading's colon, or another new line.
_STOPPED = re.compile(r"(?:\b(?:period|full stop|colon|new line|new paragraph)|[.:;])$", re.IGNORECASE)
_NAMES_IT = re.compile(r"\b(?:an?|the|of|this)$", re.IGNORECASE)
_HEADING = re.compile(
    r"\s*(?:$|(?:findings|impressions?|conclusions?)\b|(?:[a-z]+ ){0,2}?(?:indication|history|comparison|technique"
    r"|recommendations?|addendum|examination|opinion) colon\b)",
    re.IGNORECASE,
)
_FAR = 40
_RULE = re.compile(r"(?::?-{2,}:?)?")  # an empty cell, or a piece of the line below a table's head
_SIGNS = {"line": "\n", "stop": ".", "comma": ",", "part": ";", "heading": ":"}


def _rows_read(text: str) -> str:
    """A text whose tables are lines: "| Effusion | no |" is "Effusion: no", other cells are sentences."""
    return "\n".join(_row(line) if "|" in line else line for line in text.split("\n"))


def _row(line: str) -> str:
    cells = [cell for cell in map(str.strip, line.split("|")) if not _RULE.fullmatch(cell)]
    if len(cells) > 1 and _is_name(cells[0]) and not (TERMS.find(cells[0].lower()) and _names_another(*cells[:2])):
        return f"{cells[0]}: {', '.join(cells[1:])}."
    return ". ".join(cells)


def _is_name(cell: str) -> bool:
    """Whether a cell is as a whole the name of a finding or an organ."""
    lower = cell.lower().rstrip(" :?")
    ends = [*(hit.end for hit in TERMS.find(lower)[:1]), *(hit.end for hit in ORGANS.find(lower)[:1])]
    return len(lower) in ends


def _names_another(cell: str, other: str) -> bool:
    """Whether a cell names a finding that the one before it does not."""
    of_first = {hit.value for hit in TERMS.find(cell.lower())}
    return any(hit.value not in of_first for hit in TERMS.find(other.lower()))


def without_markup(text: str) -> str:
    """The text as its author wrote or spoke it.

    Args:
        text: It may be RTF, a literal of Python or JSON, or a piece of a web page, hold characters that spreadsheets
            escape, boxes that are ticked or not, or name its stops and commas, as a recogniser of speech writes them
            that was not told to set them.
    """
    if text.lstrip()[:5] == "{\\rtf":
        text = shown_text(text)
    text = without_literal(text)
    if "\\." in text:
        text = text.replace("\\.br\\", "\n").replace("\\.sp\\", "\n")  # line ends of HL7
    if "_x" in text:
        text = _ESCAPED.sub(lambda escape: chr(int(escape[1], 16)), text)
    if "&" in text:
        text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    if "<" in text:
        text = _TAGS.sub(_shown, text)
    if "|" in text:
        text = _rows_read(text)
    if not text.isascii():
        text = _joined(text.translate(_AS_LETTERS))
    return _with_signs(text)


def _shown(tag: re.Match[str]) -> str:
    """What a tag shows: an end of line, the heading of a section, or nothing, as a mark that stands for a name does."""
    if tag["line"]:
        return "\n"
    if tag["cell"]:
        return " | "
    name = tag["name"].lower()
    if tag["empty"]:
        return ""
    if tag["end"]:
        return "" if name in _INLINE else "\n"
    label = _LABEL.search(tag["attributes"])
    heading = label[1] if label else name if name in _SECTIONS else ""
    return f"\n{heading.upper()}: " if heading and name not in _INLINE else ""


def _joined(text: str) -> str:
    """The text with each two surrogates that make a character joined; no file can hold one alone."""
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _with_signs(text: str) -> str:
    """A text without stops that names them, with the signs that are meant."""
    lower = text.lower()
    if ("period" not in lower and "full stop" not in lower) or _STOP.search(text):
        return text
    return _SPOKEN.sub(lambda word: _SIGNS[str(word.lastgroup)] if _is_sign(word) else word[0], text)


def _is_sign(word: re.Match[str]) -> bool:
    """Whether a word names a sign where it stands: not so a "period" of time and a "new line" that is a catheter."""
    text, start = word.string, word.start()
    near = max(0, start - _FAR)
    if word["stop"]:
        return not _OF_TIME.search(text, near, start)
    if not word["line"]:
        return True
    stop = _STOPPED.search(text, near, start)
    if stop and not (stop[0].lower() == "period" and _OF_TIME.search(text, near, stop.start() - 1)):
        return True
    return _HEADING.match(text, word.end()) is not None and not _NAMES_IT.search(text, near, start)

"""From the text of a radiology report to its sections, and to the text that the model reads.

The official MIMIC-CXR reports are read as they are shipped: a centred title, headers in capitals with a colon, ``___``
where something was de-identified, and an addendum or a wet read *before* the final report, cut off by a line of
underscores. Headers are recognised with misspellings, inside a line, in any case, and as view titles ("CHEST, TWO
VIEWS:"). A text without headers is one section.
"""

import difflib
import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from itertools import repeat
from typing import Literal

from gkmvlp.report.denied_lists import denied_in_lines
from gkmvlp.report.lexicon import TERMS
from gkmvlp.report.lines import line_ends
from gkmvlp.report.markup import without_markup
from gkmvlp.report.spelling import is_known

Sections = Literal["both", "findings", "impression"]
_SPELLINGS: dict[str, tuple[str, ...]] = {
    "impression": ("impression", "impressions", "conclusion", "conclusions", "summary", "opinion", "assessment"),
    "findings": ("findings", "finding", "report", "interpretation", "result", "results", "observations",
                 "discussion", "description"),
    "indication": ("indication", "indications", "clinical indication", "reason for exam", "reason for examination",
                   "reason for study", "reason", "clinical", "clinical statement", "clinical notes", "chief complaint",
                   "presenting complaint", "signs and symptoms", "symptoms", "cc", "dx"),
    "history": ("history", "clinical history", "clinical information", "medical history", "clinical data", "pfi", "hx"),
    "comparison": ("comparison", "comparisons", "reference exam", "prior studies"),
    "technique": ("technique", "procedure", "procedure comments", "views"),
    "examination": ("examination", "exam", "study", "type of examination", "exam type", "date"),
    "recommendation": ("recommendation", "recommendations"),
    "notification": ("notification", "notifications"),
    "addendum": ("addendum", "addenda", "final addendum"),
    "wet read": ("wet read", "preliminary read", "preliminary report"),
    "comment": ("comment", "comments", "note"),
}  # fmt: skip
_CANONICAL = {spelling: name for name, spellings in _SPELLINGS.items() for spelling in spellings}
_CONTAINED = ("impression", "findings", "indication", "reason for", "history", "comparison", "technique", "addendum",
              "wet read", "recommendation", "examination", "clinical information")  # fmt: skip
_VIEW = re.compile(
    r"\b(?:chest|portable|pa|ap|lateral|views?|radiographs?|x-?rays?|cxr|ribs?|frontal|upright|supine)\b"
)
# Sub-headings of structured findings belong to the findings and are kept, since they name what the text is about.
_ORGAN = re.compile(
    r"^(?:(?:the|both|right|left|and|or|/|&|,)\s*)*(?:lungs?|heart|cardi\w+|mediastin\w+|hil(?:a|um|ar)|pleura\w*"
    r"|bones?"
    r"|bony|osseous|skelet\w+|soft tissues?|lines?|tubes?|devices?|support|catheters?|abdomen|upper abdomen"
    r"|diaphragm\w*"
    r"|airways?|trachea|aorta|great vessels|vasculature|musculoskeletal|spine|other)\b"
)
# Names that open a section inside a line as well, in any case.
_INSIDE = (
    r"(?:findings?(?: ?(?:and|&|/) ?impressions?)?|impressions?(?: and recommendations?)?|conclusions?|opinion"
    r"|interpretation|(?:clinical )?indications?|comparisons?(?: studies| exams?)?|techniques?"
    r"|(?:clinical |medical |relevant )?history|clinical (?:information|data|details|question)"
    r"|reason for (?:the )?(?:exam|examination|study|visit|request)|exam(?:ination)?(?: type)?|addendum"
    r"|recommendations?|procedure|notifications?"
    r"|assessment|observations|discussion|report|clinical(?: statement| notes?)?"
    r"|(?:chief |presenting )complaint|(?:signs and )?symptoms|cc|dx)"
)
_MARK = r"[ \t*#_>]{0,8}"
_HEADER = re.compile(
    rf"{_MARK}(?P<line>[A-Z][A-Z0-9 ()/,.&'#\-]{{1,70}}?)[ \t*_]{{0,8}}:(?!\d)[*_]{{0,2}}"
    rf"|{_MARK}(?P<mixed>(?i:{_INSIDE}|summary|results?|hx))[ \t*_]{{0,8}}"
    rf"(?::(?!\d)[*_]{{0,2}}|[ \t][-\u2013\u2014](?=\s))"
    rf"|{_MARK}(?P<alone>(?i:{_INSIDE}|wet read))[ \t*#_]{{0,8}}$"
    # "Findings none." says that there are none
    rf"|{_MARK}(?P<bare>(?i:findings?|impressions?|conclusions?))"
    r"(?=[ \t]{1,8}(?i:none|nil|normal|negative|unremarkable)[.!]?[ \t]{0,8}$)",
    re.MULTILINE,
)
_BEFORE_COLON = re.compile(rf"(?i)(?:^|(?<=[\s.;,*]))({_INSIDE})[ \t*_]{{0,8}}$")
_REACH = 60
# Before "findings:", what kind of findings they are: "absent findings: effusion", "no acute findings: effusion".
_KIND_OF = re.compile(
    r"(?i)\b(?:absent|present|(?:pertinent )?(?:negative|positive)|other|no(?: (?:acute|active|new|significant|other"
    r"|abnormal|focal|suspicious|relevant|additional|cardiopulmonary|intrathoracic|thoracic|chest)){0,3}) $"
)
# A header that is content itself: "present: edema", "no evidence of: edema", "no acute process: heart enlarged".
_SAYS = re.compile(
    r"(?:present|(?:pertinent )?positives?)$"
    r"|(?:absent|(?:pertinent )?negatives?|denied|no (?:interval )?change)\b"
    r"|(?:no|without)\b.*\b(?:process(?:es)?|disease|abnormalit(?:y|ies)|findings?|patholog(?:y|ies)|changes?)$"
    r"|(?:no|without)(?: (?:evidence|signs?))?(?: (?:of|for))?(?: (?:any of )?(?:the following|these))?$"
)
# "findings - no effusion impression - edema" in one line
_BEFORE_DASH = re.compile(r"(?<=[\s.;,])((?i:findings|impressions?|conclusions?)) {1,3}[-\u2013\u2014](?=\s)")
_CUT = re.compile(r"^[ \t]*(?:_{8,}|-{8,}|={8,})[ \t]*$|^[ \t]*\**[ \t]*FINAL REPORT[ \t]*\**[ \t]*$", re.MULTILINE)
_DASHES = frozenset("-\u2013\u2014")
_MAY_CUT = re.compile(r"_{8}|-{8}|={8}|FINAL REPORT")
_EARLY = re.compile(r"[*\s]*(?:FINAL )?(ADDENDUM|WET READ|PRELIMINARY RE(?:AD|PORT))\b[^\n]*", re.IGNORECASE)
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
# "non-" and "calcified" in the next line, "cardio-" and "megaly", or several such lines of a narrow column
_BROKEN_WORD = re.compile(r"(?<![A-Za-z])[A-Za-z]{0,19}[a-z](?:-\n[ \t]{0,8}[a-z]{1,20}){1,3}(?![a-z])")
_LINE_END = re.compile(r"-\n[ \t]*")
_REDACTED = re.compile(r"_{2,}")
_BLANKS = re.compile(r"[ \t]{2,}")
_SPACES = re.compile("  +")  # eight times as fast: two letters that must stand there
_OTHER_BLANKS = str.maketrans("\f\v\xa0", "   ")
# Between two cells of a form, where the second is an answer.
_CELL = re.compile(
    r"(?im)(?<=[a-z)]) {0,8}[\t|;][ \t]{0,8}"
    r"(?=(?:no|none|yes|neg|negative|pos|positive|absent|present|possible|normal) ?$)"
)
# A title: short, without a stop, of views and of what forms begin with.
_TITLE = re.compile(
    r"(?i)[^.]{0,80}\b(?:report|radiology|department|hospital|chest|portable|views?|x-?rays?|exam\w*)\b[^.]{0,80}$"
)
# What forms add and no radiologist found: a code of normality, signatures.
_FORMAL = re.compile(
    r"(?i)(?:^|(?<=[\s.]))(?:summary:? ?)?\d ?[-\u2013] ?(?:ab)?normal\b[^.\n]*\.?"
    r"|\bi(?: have)? (?:have )?personally (?:reviewed|viewed|interpreted)\b[^.\n]*\.?"
    r"|\b(?:electronically|digitally) signed\b(?:\b(?:dr|[a-z])\.|[^.\n])*\.?"
)
_SIGNS_OF_FORMS = ("ersonally ", "ERSONALLY ", "igned", "IGNED")
_MAY_BE_CODE = re.compile(r"\d ?[-\u2013] ?[AaNn]")


@lru_cache(maxsize=4096)
def section_name(header: str) -> str:
    """The section that a header opens: a common name, else the header in lower case.

    Combined headers ("FINDINGS AND IMPRESSION") count as impression, as in the official section tool.
    """
    name = re.sub(r"[^a-z/&, -]", "", header.lower().replace("#", " ")).strip(" -,/")
    name = re.sub(r"\s+", " ", name)
    if name in _CANONICAL:
        return _CANONICAL[name]
    for part in _CONTAINED:
        if part in name:
            return {"reason for": "indication", "clinical information": "history"}.get(part, part)
    if near := difflib.get_close_matches(name, _CANONICAL, 1, cutoff=0.8):
        return _CANONICAL[near[0]]
    return "findings" if _VIEW.search(name) else name


def _split_early(text: str) -> tuple[dict[str, str], str]:
    """Addendum and wet read, which come first and are cut off by a line or a title, and the final report."""
    if not _MAY_CUT.search(text):
        return {}, text
    blocks = [block for block in _CUT.split(text) if block.strip()]
    early: dict[str, str] = {}
    body: list[str] = []
    for index, block in enumerate(blocks):
        match = _EARLY.match(block)
        if match and index + 1 < len(blocks):
            name = "addendum" if "addendum" in match[1].lower() else "wet read"
            early[name] = f"{early.get(name, '')}\n{block}".strip()
        else:
            body.append(block)
    return early, "\n".join(body)


def parse_sections(text: str) -> dict[str, str]:
    """The sections of a report by name, in order of appearance; the text before the first header is ``preamble``.

    Sections of one name are joined. An addendum or wet read before the final report is one section as a whole, even
    where it has headers of its own. Sections without text are left out; a text without headers is ``preamble``. A line
    in capitals with a colon that names a finding or an organ ("EFFUSION: none") is no header.

    Args:
        text: A report as shipped, any line length.

    Returns:
        Name, lower case, to text with its line breaks.
    """
    sections, body = _split_early(_plain(text))
    name, start = "preamble", 0
    for first, last, header, in_capitals in _headers(body):
        organ = in_capitals and _is_content(header.lower())
        if organ and (name in ("findings", "impression") or (name == "preamble" and body[start:first].strip())):
            continue
        _append(sections, name, body[start:first])
        name, start = ("findings", first) if organ else (section_name(header), last)
    _append(sections, name, body[start:])
    return sections


def _headers(body: str) -> list[tuple[int, int, str, bool]]:
    """Headers in order: where they begin and end, their text, whether they are a line's beginning in capitals."""
    found = [
        (match.start(), match.end(), match[match.lastgroup or 0].strip(), match.lastgroup == "line")
        for match in map(_HEADER.match, repeat(body), _header_lines(body))
        if match
    ]
    ends = [last for _, last, *_ in found]
    inside = []
    if " -" in body or "\u2013" in body or "\u2014" in body:
        inside = [
            (match.start(), match.end(), match[1], False)
            for match in _BEFORE_DASH.finditer(body)
            if not _is_header(found, ends, match.end() - 1)
        ]
    colon = body.find(":")
    while colon >= 0:
        if not _is_header(found, ends, colon) and (match := _BEFORE_COLON.search(body[max(0, colon - _REACH) : colon])):
            first = max(0, colon - _REACH) + match.start()
            if not body[colon + 1 : colon + 2].isdigit() and _opens(body, first, match[1]):
                inside.append((first, colon + 1, match[1], False))
        colon = body.find(":", colon + 1)
    return sorted([*found, *inside]) if inside else found


def _header_lines(text: str) -> Iterator[int]:
    """Where those lines of a text begin that can hold a header: with its sign, or short as a header alone is."""
    start = 0
    for line in text.split("\n"):
        if not line.isspace() and (len(line) < _REACH or ":" in line or not _DASHES.isdisjoint(line)):
            yield start
        start += len(line) + 1


def _is_header(found: list[tuple[int, int, str, bool]], ends: list[int], place: int) -> bool:
    """Whether a place lies within one of the headers, whose ends are given in order."""
    index = bisect_right(ends, place)
    return index < len(found) and found[index][0] <= place


def _plain(text: str) -> str:
    """The text with line feeds alone, single blanks, and without the markup of other programs."""
    text = without_markup(text).replace("\\r\\n", "\n")
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\\n", "\n")
    text = text.translate(_OTHER_BLANKS) if "\xa0" in text or "\f" in text or "\v" in text else text
    text = _CELL.sub(": ", text) if "\t" in text or "|" in text or ";" in text else text
    return denied_in_lines((_BLANKS if "\t" in text else _SPACES).sub(" ", text))


def _opens(body: str, start: int, header: str) -> bool:
    """Whether a name of a section inside a line opens it: findings and impression, or a capital, else behind a stop."""
    if _KIND_OF.search(body, max(0, start - _REACH), start):
        return False
    if header.startswith(("findings", "impression")) or header[0].isupper():
        return True
    return body[max(0, start - 3) : start].rstrip()[-1:] in (".", ";", "!", "?", ":", "")


@lru_cache(maxsize=4096)
def _is_content(header: str) -> bool:
    """Whether a header in capitals names an organ or a finding, and so belongs to what is found."""
    if header in _CANONICAL:
        return False
    if _SAYS.match(header):
        return True
    return bool(_ORGAN.match(header)) or bool(TERMS.find(header))


def _append(sections: dict[str, str], name: str, text: str) -> None:
    if text.strip():
        sections[name] = f"{sections[name]}\n{text.strip()}" if name in sections else text.strip()


def _without_titles(text: str) -> str:
    """A text without headers less the titles that it begins with."""
    paragraphs = _BLANK_LINE.split(text)
    while len(paragraphs) > 1 and _TITLE.match(" ".join(paragraphs[0].split())):
        del paragraphs[0]
    return "\n\n".join(paragraphs)


def _unnamed(sections: dict[str, str]) -> str:
    """What is found where no section says so.

    All of a text that has no header; else the text before the first header, and of the last section what stands behind
    its first blank line, its first line or its first sentence.
    """
    names = [name for name in sections if name not in ("addendum", "wet read")]
    if not names:
        return ""
    before = _without_titles(sections.get("preamble", ""))
    if names == ["preamble"]:
        return before
    last = sections[names[-1]]
    rest = _behind_first(last)
    if not rest and names[-1] in ("comparison", "technique", "examination", "procedure") and "." in last:
        rest = last
    return f"{before}\n\n{rest}" if _is_prose(before) else rest


def _behind_first(section: str) -> str:
    """What stands behind the first paragraph of a section, or else behind its first line or sentence."""
    paragraphs = _BLANK_LINE.split(section)
    if len(paragraphs) > 1:
        return "\n\n".join(paragraphs[1:])
    ends = line_ends(section)
    return section[ends[0] :] if ends else section.partition(". ")[2]


def report_text(text: str, wanted: Sections = "both") -> str:
    """FINDINGS then IMPRESSION in one line, without ``___``; all of a text without headers.

    A text before the first header counts as findings where no other is so named. Where neither section is there, it is
    what stands behind the last header's first paragraph; else "". Line breaks that end a sentence become full stops.

    Args:
        text: A report as shipped.
        wanted: One section alone is "" where it is not there.
    """
    sections = parse_sections(text)
    names = ("findings", "impression") if wanted == "both" else (wanted,)
    chosen = "\n\n".join(sections[name] for name in names if name in sections)
    if wanted == "both":
        if not chosen:
            chosen = _unnamed(sections)
        elif "findings" not in sections and _is_prose(sections.get("preamble", "")):
            chosen = f"{_without_titles(sections['preamble'])}\n\n{chosen}"
    chosen = _REDACTED.sub(" ", chosen) if "__" in chosen else chosen
    return _one_line(_FORMAL.sub(" ", chosen) if _may_be_formal(chosen) else chosen)


def _may_be_formal(text: str) -> bool:
    """Whether to look for what forms add: plain searches are many times faster."""
    if any(sign in text for sign in _SIGNS_OF_FORMS):
        return True
    return ("-" in text or "\u2013" in text) and _MAY_BE_CODE.search(text) is not None


def _is_prose(text: str) -> bool:
    return "." in text and not _TITLE.match(" ".join(text.split()))


def _mended(word: re.Match[str]) -> str:
    """A word that line ends broke: with its hyphens, but for those at its end without which it is a known word."""
    parts = _LINE_END.split(word[0])
    for index in range(len(parts) - 1):
        whole = "".join(parts[index:])
        if is_known(whole.lower()) and not TERMS.find("-".join(parts[index:]).lower()):
            return "-".join([*parts[:index], whole])
    return "-".join(parts)


def _one_line(text: str) -> str:
    """The text in one line; where a line break or blank line ends a sentence, a full stop stands."""
    if "\n" not in text:
        return " ".join(text.split())
    text = _BROKEN_WORD.sub(_mended, text) if "-\n" in text else text
    parts, start = [], 0
    ends = sorted({*line_ends(text), *[match.start() + 1 for match in _BLANK_LINE.finditer(text)]})
    for end in [*ends, len(text)]:
        part = " ".join(text[start:end].split())
        if part:
            parts.append(part if part[-1] in ".!?:;,-" or end == len(text) else f"{part}.")
        start = end
    return " ".join(parts)

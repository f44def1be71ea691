"""From the text of a radiology report to its sections, and to the text that the model reads.

The official MIMIC-CXR reports are read as they are shipped: a centred title, headers in capitals with a colon, ``___``
where something was de-identified, and an addendum or a wet read *before* the final report, cut off by a line of
underscores. Headers are recognised with misspellings, inside a line, and as view titles ("CHEST, TWO VIEWS:").
"""

import difflib
import re
from functools import lru_cache
from typing import Literal

Sections = Literal["both", "findings", "impression"]
_SPELLINGS: dict[str, tuple[str, ...]] = {
    "impression": ("impression", "impressions", "conclusion", "conclusions", "summary", "opinion"),
    "findings": ("findings", "finding", "report", "interpretation"),
    "indication": ("indication", "indications", "clinical indication", "reason for exam", "reason for examination",
                   "reason for study", "reason"),
    "history": ("history", "clinical history", "clinical information", "medical history", "clinical data", "pfi"),
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
_COMMON = "FINDINGS|IMPRESSION|INDICATION|COMPARISON|TECHNIQUE|EXAMINATION|HISTORY|RECOMMENDATIONS?|CONCLUSION"
_HEADER = re.compile(
    r"^[ \t*]*(?P<line>[A-Z][A-Z0-9 ()/,.&'#\-]{1,70}?)[ \t*]*:(?=\s|$)"
    r"|^[ \t*]*(?P<mixed>(?i:findings?(?: and impression|/impression)?|impression|conclusion|indication|comparison"
    r"|technique|examination|history|clinical (?:history|information)|reason for (?:exam|examination)|addendum"
    r"|recommendations?))[ \t*]*:(?=\s|$)"
    rf"|^[ \t*]*(?P<alone>{_COMMON}|ADDENDUM|WET READ)[ \t*]*$"
    rf"|(?<=[\s.])(?P<inside>(?:FINDINGS (?:AND |/ ?)IMPRESSION|CLINICAL (?:HISTORY|INFORMATION)"
    rf"|{_COMMON}))[ \t]*:(?=\s|$)",
    re.MULTILINE,
)
_CUT = re.compile(r"^[ \t]*(?:_{8,}|-{8,}|={8,})[ \t]*$|^[ \t]*\**[ \t]*FINAL REPORT[ \t]*\**[ \t]*$", re.MULTILINE)
_EARLY = re.compile(r"\s*[* \t]*(?:FINAL )?(ADDENDUM|WET READ|PRELIMINARY RE(?:AD|PORT))\b[^\n]*", re.IGNORECASE)
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_REDACTED = re.compile(r"_{2,}")


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
    where it has headers of its own. Sections without text are left out; a text without headers is ``preamble``.

    Args:
        text: A report as shipped, any line length.

    Returns:
        Name, lower case, to text with its line breaks.
    """
    sections, body = _split_early(text.replace("\r\n", "\n").replace("\\n", "\n"))
    name, start = "preamble", 0
    for match in _HEADER.finditer(body):
        header = match[match.lastgroup or 0].strip()
        organ = bool(match["line"]) and bool(_ORGAN.match(header.lower()))
        if organ and name in ("findings", "impression"):
            continue
        _append(sections, name, body[start : match.start()])
        name, start = ("findings", match.start()) if organ else (section_name(header), match.end())
    _append(sections, name, body[start:])
    return sections


def _append(sections: dict[str, str], name: str, text: str) -> None:
    if text.strip():
        sections[name] = f"{sections[name]}\n{text.strip()}" if name in sections else text.strip()


def _last_paragraph(sections: dict[str, str]) -> str:
    """What stands after the first blank line of the last section; all of a text that has no header.

    Of a text without headers only leading paragraphs without a lower-case letter (titles) are dropped.
    """
    names = [name for name in sections if name not in ("addendum", "wet read")]
    if not names:
        return ""
    paragraphs = _BLANK_LINE.split(sections[names[-1]])
    if names == ["preamble"]:
        while len(paragraphs) > 1 and not re.search(r"[a-z]", paragraphs[0]):
            del paragraphs[0]
        return "\n".join(paragraphs)
    return "\n".join(paragraphs[1:])


def report_text(text: str, wanted: Sections = "both") -> str:
    """FINDINGS then IMPRESSION in one line, without ``___``; the last paragraph where neither is there; else "".

    Args:
        text: A report as shipped.
        wanted: One section alone is "" where it is not there.
    """
    sections = parse_sections(text)
    names = ("findings", "impression") if wanted == "both" else (wanted,)
    chosen = " ".join(sections[name] for name in names if name in sections)
    if not chosen and wanted == "both":
        chosen = _last_paragraph(sections)
    return " ".join(_REDACTED.sub(" ", chosen).split())

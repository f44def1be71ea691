"""What other programs leave in the text of a report: pages of the web, word processors, forms, speech recognisers."""

import html
import re

from gkmvlp.report.rtf import shown_text

_TAGS = re.compile(r"<(/?(?:br|p|div|li|ul|ol|tr))\b[^<>]{0,80}>|</?[a-zA-Z]{1,10}>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,6}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")  # a character as spreadsheets escape it
# Ticked boxes and empty ones, letters that printers join, and what shows where a word may break.
_LETTERS = {
    "\u2610": "[ ] ", "\u2611": "[x] ", "\u2612": "[x] ", "\u2714": "[x] ",
    "\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl",
    "\u2010": "-", "\u2011": "-", "\xad": "", "\u2060": "", "\ufeff": "", "\u200b": " ",
}  # fmt: skip
_AS_LETTERS = str.maketrans(_LETTERS)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_STOP = re.compile(r"[.;!?](?:\s|$)")
_SPOKEN = re.compile(
    r" ?\b(?:(?P<line>new (?:paragraph|line))|(?P<stop>period(?! of\b)|full stop)|(?P<comma>comma)|(?P<part>semicolon)"
    r"|(?:(?<=findings )|(?<=impression )|(?<=history )|(?<=indication ))(?P<heading>colon))\b",
    re.IGNORECASE,
)
_SIGNS = {"line": "\n", "stop": ".", "comma": ",", "part": ";", "heading": ":"}


def without_markup(text: str) -> str:
    """The text as its author wrote or spoke it.

    Args:
        text: It may be RTF or a piece of a web page, hold characters that spreadsheets escape, boxes that are ticked or
            not, or name its stops and commas, as a recogniser of speech writes them that was not told to set them.
    """
    if text.lstrip()[:5] == "{\\rtf":
        text = shown_text(text)
    if "\\." in text:
        text = text.replace("\\.br\\", "\n").replace("\\.sp\\", "\n")  # line ends of HL7
    if "_x" in text:
        text = _ESCAPED.sub(lambda escape: chr(int(escape[1], 16)), text)
    if "&" in text:
        text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    if "<" in text:
        text = _TAGS.sub(lambda tag: "\n" if tag[1] else "", text)
    if not text.isascii():
        text = _joined(text.translate(_AS_LETTERS))
    return _with_signs(text)


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
    return _SPOKEN.sub(lambda word: _SIGNS[str(word.lastgroup)], text)

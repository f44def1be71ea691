"""What a text in RTF shows (Microsoft's specification 1.9.1), without styles, pictures, headers and footnotes."""

import re

# A byte; a character; a control word, its number and blank; a control symbol; a brace; what is shown.
# Line ends mean nothing.
_TOKEN = re.compile(
    r"\\'([0-9a-fA-F]{2})|\\u(-?\d{1,5}) ?|\\([a-zA-Z]{1,32})(-?\d{1,10})?( ?)|\\([^a-zA-Z])|([{}])|([^\\{}\r\n]+)"
)
_NOT_SHOWN = frozenset(
    (
        "fonttbl", "filetbl", "colortbl", "stylesheet", "info", "pict", "object", "footnote",
        "header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf",
    )
)  # fmt: skip
_LINE_ENDS = {"par": "\n", "line": "\n", "row": "\n", "page": "\n", "sect": "\n"}
_LETTERS = {
    "tab": " ", "cell": " ", "emspace": " ", "enspace": " ", "qmspace": " ", "emdash": "\u2014", "endash": "\u2013",
    "lquote": "\u2018", "rquote": "\u2019", "ldblquote": "\u201c", "rdblquote": "\u201d", "bullet": "\u2022",
}  # fmt: skip
_SYMBOLS = {"~": " ", "\n": "\n", "\r": "\n", "-": "", "_": "-"}
# How letters look and in which language they are: these may stand within a word.
_WITHIN_WORDS = frozenset(
    re.findall(
        r"\w+",
        """ab af afs ai alang animtext b caps cb cchs cf charrsid charscalex chbrdr chcbpat chcfpat chshdng cs dbch
        deleted dn embo expnd expndtw f fcs fs hich highlight i impr insrsid kerning lang langfe langfenp langnp loch
        ltrch noproof nosupersub outl plain revised rsid rtlch scaps shad strike striked sub super u uc ul uld uldash
        uldb ulnone ulw up v zwj zwnj""",
    )
)


def shown_text(rtf: str) -> str:
    r"""The text that a word processor shows of a file in RTF.

    A character is followed by what older readers show for it, which is skipped: as many characters or bytes as ``\uc``
    says within its group, one where it says nothing. A control word counts as one character; a brace or a line end
    stops the skipping.
    """
    shown: list[str] = []
    counts, skip = [1], 0  # counts: what \uc says in each of the open groups
    hidden = 0  # the depth of the group that is not shown, 0 outside
    for token in _TOKEN.finditer(rtf):
        byte, character, word, number, _, symbol, brace, plain = token.groups()
        if brace:
            skip = 0
            if brace == "{":
                counts.append(counts[-1])
            elif len(counts) > 1:
                counts.pop()
            hidden = hidden if len(counts) >= hidden else 0
        elif not hidden and (symbol == "*" or word in _NOT_SHOWN):
            hidden = len(counts)
        if hidden or brace:
            continue
        if word == "uc":
            counts[-1] = max(0, int(number or 1))
        letters = chr(int(character) % 65536) if character else plain or _letters(token, byte, word, symbol)
        if skip and not character and "\n" not in letters:
            skipped = 1 if word else min(skip, len(letters))
            skip, letters = skip - skipped, letters[skipped:]
        else:
            skip = counts[-1] if character else 0 if letters else skip
        shown.append(letters)
    return "".join(shown)


def _letters(token: re.Match[str], byte: str | None, word: str | None, symbol: str | None) -> str:
    """What a byte of code page 1252, a control symbol or a control word shows.

    A word that is not known shows a blank where it parted two words of the text and its own blank ended it.
    """
    if byte:
        return bytes([int(byte, 16)]).decode("cp1252", "replace")
    if word is None:
        return _SYMBOLS.get(symbol or "", symbol or "")
    if letters := _LINE_ENDS.get(word) or _LETTERS.get(word):
        return letters
    before, behind = token.string[token.start() - 1], token.string[token.end() : token.end() + 1]
    parts = token[5] and word not in _WITHIN_WORDS and before.isalnum() and behind.isalnum()
    return " " if parts else ""

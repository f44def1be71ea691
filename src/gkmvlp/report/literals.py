"""Reports that a program wrote out as its own value: ``b'No effusion.'``, lists of sentences, sections by name."""

import ast
import json
import re
import warnings
from collections.abc import Iterator
from typing import Any

_OPENINGS = ("b'", 'b"', "[", "{", "(", '"', "'")
_LONGEST = 100_000  # characters: no report is longer
# Sentences apart without commas, as NumPy writes a list of them; a blank before the quote is pprint's, of one sentence.
_APART = re.compile(r"""(?<=\S['"])\s+(?=['"])""")
# Keys whose value is the text itself: as a heading they would begin a section that nobody reads.
_CONTENT = re.compile(
    r"(?:(?:final|full|complete|radiology|original|raw|free|clean|report) )*(?:reports?|text|sentences?|contents?|value"
    r"|body|data|narrative|dictation|transcription|notes?|paragraphs?|lines?) ?\d*"
)


def without_literal(text: str) -> str:
    """The text that a literal of Python or JSON holds: bytes, sentences one a line, sections with their headings.

    Args:
        text: Any text; one that is no such literal, or of which no part is text, stays as it is.
    """
    literal = text.strip()
    if not literal.startswith(_OPENINGS) or len(literal) > _LONGEST or literal[-1] not in "'\"]})":
        return text
    try:
        value = _value(literal)
        return "\n".join(_lines(value)) if _holds_text(value) else text
    except (TypeError, RecursionError):  # a set, a complex number; lists in lists in lists
        return text


def _value(literal: str) -> Any:
    """What a literal says, None where it is none."""
    spaced = literal if literal[0] in "({" else _APART.sub(", ", literal)
    for parse in (json.loads, ast.literal_eval):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Python warns of escapes that it does not know
                return parse(spaced)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            continue
    return None


def _holds_text(value: Any) -> bool:
    """Whether a value is text, or has some in it, or names what is so and what is not."""
    if isinstance(value, list | tuple):
        return any(map(_holds_text, value))
    if isinstance(value, dict):
        return any(isinstance(part, bool) or _holds_text(part) for part in value.values())
    return isinstance(value, str | bytes)


def _lines(value: Any) -> Iterator[str]:
    """The lines of a value: a sentence each, sections behind their heading."""
    if isinstance(value, list | tuple):
        for place, part in enumerate(value, 1):
            for line in _lines(part):
                yield f"{line}." if place < len(value) and line[-1:].isalnum() else line
    elif isinstance(value, dict):
        sections = [(str(name).replace("_", " ").strip(), [*_lines(part)]) for name, part in value.items()]
        filled = [(name, lines) for name, lines in sections if any(lines)]
        for name, lines in filled:
            is_content = _CONTENT.fullmatch(name.lower()) is not None
            if not is_content or len(filled) > 1:  # else the text's own headings are all there are
                yield "REPORT:" if is_content else f"{name.upper()}: {lines.pop(0)}"
            yield from lines
    elif isinstance(value, str | bytes):
        yield value if isinstance(value, str) else value.decode(errors="replace")
    elif isinstance(value, bool):
        yield "yes" if value else "no"
    elif value is not None and not isinstance(value, int | float):  # ids and places of text are numbers
        raise TypeError(f"{type(value).__name__} is no part of a report")

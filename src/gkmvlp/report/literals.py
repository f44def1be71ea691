"""Reports that a program wrote out as its own value: ``b'No effusion.'``, a list of sentences, sections by name."""

import ast
import json
from typing import Any

_OPENINGS = ("b'", 'b"', "[", "{")
_LONGEST = 100_000  # characters: no report is longer


def without_literal(text: str) -> str:
    """The text that a literal of Python or JSON holds: bytes, sentences one a line, sections with their headings.

    Args:
        text: Any text; one that is no such literal stays as it is.
    """
    literal = text.strip()
    if not literal.startswith(_OPENINGS) or len(literal) > _LONGEST or literal[-1] not in "'\"]}":
        return text
    value = _value(literal)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
        return "\n".join(value)
    if isinstance(value, dict) and value and all(isinstance(part, str | None) for part in value.values()):
        return "\n".join(f"{str(name).upper()}: {part}" for name, part in value.items() if part)
    return text


def _value(literal: str) -> Any:
    """What a literal says, None where it is none."""
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(literal)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            continue
    return None

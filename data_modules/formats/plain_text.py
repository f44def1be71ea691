"""Text out of files as it is kept and as errors show it: in one line, without controls.

Bytes that are no UTF-8 are read as Windows-1252, which is Latin-1 with dashes and quotation marks.
"""

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u2028\u2029\u2060\ufeff]+")
_SHOWN = 60  # characters of a cell in an error


def as_western(text: str) -> str:
    """Text whose wrong bytes are surrogates, read as Windows-1252 where it has any."""
    try:
        text.encode()
    except UnicodeEncodeError:
        try:
            return western(text.encode(errors="surrogateescape"))
        except UnicodeEncodeError:  # a lone surrogate that JSON spelled out
            return text.encode(errors="replace").decode()
    return text


def western(data: bytes) -> str:
    """Bytes read as Windows-1252; as Latin-1 where one of them has no meaning there."""
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def clean(text: str) -> str:
    """Text without blanks at its ends; line breaks and control characters become blanks."""
    return text.strip() if text.isprintable() else _CONTROL.sub(" ", text).strip()


def shown(value: object) -> str:
    """A value as an error shows it: in quotes, in one line, cut where it is long."""
    text = value if isinstance(value, str) else str(value)
    return repr(as_western(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."))


def one_line(error: BaseException) -> str:
    """What an error says, in one line, cut where it is long."""
    return as_western(" ".join(str(error).split())[:200]) or type(error).__name__

"""Text out of files as it is kept and as errors show it: in one line, without controls, wrong bytes read as Latin-1."""

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u2028\u2029\u2060\ufeff]+")
_SHOWN = 60  # characters of a cell in an error


def as_latin1(text: str) -> str:
    """Text whose wrong bytes are surrogates, read as Latin-1 where it has any."""
    try:
        text.encode()
    except UnicodeEncodeError:
        try:
            return text.encode(errors="surrogateescape").decode("latin-1")
        except UnicodeEncodeError:  # a lone surrogate that JSON spelled out
            return text.encode(errors="replace").decode()
    return text


def clean(text: str) -> str:
    """Text without blanks at its ends; line breaks and control characters become blanks."""
    return text.strip() if text.isprintable() else _CONTROL.sub(" ", text).strip()


def shown(value: object) -> str:
    """A value as an error shows it: in quotes, in one line, cut where it is long."""
    text = value if isinstance(value, str) else str(value)
    return repr(as_latin1(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."))


def one_line(error: BaseException) -> str:
    """What an error says, in one line, cut where it is long."""
    return as_latin1(" ".join(str(error).split())[:200]) or type(error).__name__

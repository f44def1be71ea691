"""Texts as callers and file systems give them."""

import re
import unicodedata
from collections.abc import Iterable
from typing import TypeVar

import yaml
from yaml.representer import SafeRepresenter

Key = TypeVar("Key")
Value = TypeVar("Value")


def as_texts(texts: str | Iterable[str]) -> list[str]:
    """The texts; a bare string is one text, not a list of letters.

    Raises:
        TypeError: If something else than texts is among them.
    """
    if isinstance(texts, str):
        return [texts]
    if isinstance(texts, bytes) or not isinstance(texts, Iterable):
        raise TypeError(f"a text or a list of texts was expected, got {type(texts).__name__}")
    listed = list(texts)
    for place, text in enumerate(listed):
        if not isinstance(text, str):
            raise TypeError(f"a list of texts was expected, got {type(text).__name__} at place {place}")
    return listed


def printable(text: str) -> str:
    """A text that any terminal shows in one line: line breaks, controls and bytes that are no text become escapes.

    Names of files may hold all of them.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def brief(value: object) -> str:
    """``repr`` for people: numbers in tuples, rows of named fields, lists and dicts have three decimals or more.

    A number below a thousandth keeps two digits, so that it and its threshold are told apart.
    """
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) >= 1e-3 or value == 0 else f"{value:.2g}"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{brief(key)}: {brief(one)}' for key, one in value.items())}}}"
    if isinstance(value, tuple) and (names := getattr(value, "_fields", ())):
        fields = (f"{name}={brief(one)}" for name, one in zip(names, value, strict=True))
        return f"{type(value).__name__}({', '.join(fields)})"
    if isinstance(value, list | tuple):
        inside = ", ".join(map(brief, value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' * (len(value) == 1)})"
    return repr(value)


class Brief(dict[Key, Value]):
    """A dict that is printed by ``brief``; its values stay exact."""

    def __repr__(self) -> str:
        return brief(self)


# yaml.safe_dump asks for the very class; a dumper has a table of its own once somebody added to it
for _dumper in (SafeRepresenter, yaml.SafeDumper, getattr(yaml, "CSafeDumper", yaml.SafeDumper)):
    _dumper.add_representer(Brief, SafeRepresenter.represent_dict)


def letters(name: str) -> str:
    """A name without case, blanks and marks, its accents written in one of the two ways there are."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return "".join(filter(str.isalnum, text)) or text


def is_address(word: str) -> bool:
    """Whether a name is an address, like https://..., and no place on this machine; ``Path`` makes one slash of two."""
    return re.match(r"[a-z][a-z0-9+.-]+:/", word, re.IGNORECASE) is not None

"""Figures of a part of a split say so in the split's name: ``official@0123456789ab (partial: 32 of 451)``."""

import re

_PART = re.compile(r" \(partial: (.+)\)$")


def named(split: str, part: str | None) -> str:
    """The name of a split, or of a part of it.

    Args:
        split: ``<name>@<hash>`` of the whole.
        part: Like ``32 of 451``; None for the whole.
    """
    return f"{split} (partial: {part})" if part else split


def part_of(split: str | None) -> str | None:
    """What part a split's name says it is, like ``32 of 451``; None for a whole one."""
    match = _PART.search(split or "")
    return match[1] if match else None


def whole_of(split: str | None) -> str:
    """A split's name without its part."""
    return _PART.sub("", split or "")

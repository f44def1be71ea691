"""Words of a command that jsonargparse would take otherwise than they are meant."""

import json
import re
from typing import Any

_NAME = re.compile(r"(--[\w.]*\bvision)\.name(=.*)?")
_NULL = re.compile(r"(--model\.(?:init_args\.)?architecture)\.([\w.]+)=(?:null|~)")


def mended(words: list[str]) -> list[str]:
    """The words as they are meant: see ``with_own_arguments`` and ``with_nulls``."""
    return with_nulls(with_own_arguments(words))


def with_own_arguments(words: list[str]) -> list[str]:
    """The words, with ``timm_kwargs=null`` for a ``vision.name`` that comes without arguments.

    ``timm_kwargs`` are those of the model that the config names: widths and depths of a ResNet mean nothing to another.
    """
    out: list[str] = []
    waiting: str | None = None  # a name whose value is the next word
    for word in words:
        out.append(word)
        match = _NAME.fullmatch(word)
        named = match[1] if match and match[2] else waiting
        waiting = match[1] if match and not match[2] else None
        # right after the name: a file or an argument that comes later counts, as everywhere
        if named and not any(other.startswith(f"{named}.timm_kwargs") for other in words):
            out.append(f"{named}.timm_kwargs=null")
    return out


def with_nulls(words: list[str]) -> list[str]:
    """The words, with ``null`` inside the architecture said as JSON, which is merged into it.

    By a dotted key jsonargparse (4.53) takes it for the text ``None`` there.
    """
    return [_as_json(*match.groups()) if (match := _NULL.fullmatch(word)) else word for word in words]


def _as_json(option: str, key: str) -> str:
    """``--a.b.c=null`` below ``--a`` as ``--a={"b": {"c": null}}``."""
    value: Any = None
    for part in reversed(key.split(".")):
        value = {part: value}
    return f"{option}={json.dumps(value)}"

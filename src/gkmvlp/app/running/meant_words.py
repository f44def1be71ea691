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
    named = [match[1] for word in words if (match := _NAME.fullmatch(word))]
    given = [word.partition("=")[0] for word in words]
    return [*words, *(f"{vision}.timm_kwargs=null" for vision in named if f"{vision}.timm_kwargs" not in given)]


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

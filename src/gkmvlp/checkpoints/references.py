"""Where the folder behind a reference lies: a path, or a scheme such as ``zoo://`` that a higher layer explains."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gkmvlp.errors import BackboneError

# a model of the zoo and exactly its files
PINNED = re.compile(r"zoo://[a-z0-9][a-z0-9._-]*@[0-9a-f]{12}")
Resolver = Callable[[str], Path]
# scheme -> from a reference to a folder; see ``register_scheme``
SCHEMES: dict[str, Resolver] = {}


def register_scheme(scheme: str, resolver: Resolver) -> None:
    """Teaches every place that reads a model what ``SCHEME://...`` means.

    Args:
        scheme: The word before ``://``.
        resolver: From the whole reference to a folder that lies on this machine.
    """
    SCHEMES[scheme] = resolver


def base_of(config: Mapping[str, Any]) -> str | None:
    """The reference to the backbone with which a released model shares tensors, by its ``config.json``.

    Raises:
        BackboneError: If it names no digest: other tensors than those meant could be there.
    """
    base = config.get("base")
    if base is not None and not PINNED.fullmatch(str(base)):
        raise BackboneError(f"base {base!r}: zoo://NAME@DIGEST is expected; fetch the model anew")
    return base


def folder_of(reference: str | Path) -> Path:
    """The folder behind a reference.

    Raises:
        BackboneError: If nobody explains its scheme, or it is empty, as an unset variable is.
        TypeError: If it is neither a text nor a path.
        GkmvlpError: What the scheme's owner finds wrong.
    """
    if not isinstance(reference, str | Path):
        raise TypeError(f"a model is named by a folder or zoo://NAME, got {type(reference).__name__}")
    scheme, is_reference, _ = str(reference).partition("://")
    if not str(reference).strip():
        raise BackboneError("the name of a model is empty: a folder, or zoo://NAME, was expected")
    if not is_reference:
        return Path(reference)
    if scheme not in SCHEMES:
        known = ", ".join(f"{name}://" for name in sorted(SCHEMES))
        raise BackboneError(f"{reference}: a folder, or one of these is expected: {known}")
    return SCHEMES[scheme](str(reference))


def is_offline() -> bool:
    """Whether nothing may be asked of a network: ``GKMVLP_OFFLINE=1`` or ``HF_HUB_OFFLINE=1``.

    Whoever sets one of them to another word than a no wants no network.
    """
    words = (os.environ.get(name, "") for name in ("GKMVLP_OFFLINE", "HF_HUB_OFFLINE"))
    return any(word.strip().lower() not in ("", "0", "false", "no", "off") for word in words)

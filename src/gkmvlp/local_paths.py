"""Local paths in texts that leave the machine."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PLACE = "PATH"  # what a local path becomes
# a slash, tilde or drive that begins a word: not those inside https://host/x or outputs/x
_ABSOLUTE = re.compile(r"(?<![\w:/.~\\-])(?:~?/(?!/)|[A-Za-z]:[\\/](?!/)|file://|\\\\)[^\s\"'`,;=]+")
_WHOLE = re.compile(r"(?:~?/|[A-Za-z]:[\\/](?!/)|file://|\\\\).*", re.DOTALL)


def without_paths(value: Any) -> Any:
    """JSON or YAML content with every local path replaced by ``PATH``."""
    if isinstance(value, Mapping):
        return {key: without_paths(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_paths(inner) for inner in value]
    if not isinstance(value, str):
        return value
    is_local = _WHOLE.fullmatch(value) or ("/" in value and "://" not in value and Path(value).exists())
    return PLACE if is_local and len(value) > 1 else _ABSOLUTE.sub(PLACE, value)


def without_absolute(text: str) -> str:
    """A text with every path that begins at a root, home or drive replaced by ``PATH``."""
    return _ABSOLUTE.sub(PLACE, text)


def leftover_path(text: str) -> str | None:
    """The home or working folder of this machine where a text names it."""
    own = (str(Path.home()), str(Path.cwd()))
    return next((path for path in own if len(path) > 1 and re.search(rf"{re.escape(path)}(?!\w)", text)), None)

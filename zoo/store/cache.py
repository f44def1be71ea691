"""Where fetched models are kept: what each platform calls its cache, or ``GKMVLP_CACHE``."""

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """The folder of everything that can be fetched anew."""
    if own := os.environ.get("GKMVLP_CACHE"):
        return Path(own).expanduser()
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "gkmvlp"


def cached_folder(name: str, digest: str) -> Path:
    """Where a model of that name and those files is kept."""
    return cache_folder() / "models" / name / digest

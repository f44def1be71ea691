"""Where models are kept on each platform."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from gkmvlp.zoo.store import cache as caches
from gkmvlp.zoo.store.cache import cache_folder, cached_folder

HOME = Path("/home/somebody")
PLACES = {
    "linux": ("linux", {}, HOME / ".cache/gkmvlp"),
    "linux, elsewhere": ("linux", {"XDG_CACHE_HOME": "/x"}, Path("/x/gkmvlp")),
    "linux, set to nothing": ("linux", {"XDG_CACHE_HOME": ""}, HOME / ".cache/gkmvlp"),
    "macOS": ("darwin", {"XDG_CACHE_HOME": "/x"}, HOME / "Library/Caches/gkmvlp"),
    "Windows": ("win32", {"LOCALAPPDATA": "/local"}, Path("/local/gkmvlp")),
    "Windows, not told": ("win32", {}, HOME / "AppData/Local/gkmvlp"),
    "named": ("darwin", {"GKMVLP_CACHE": "~/models"}, HOME / "models"),
}


@pytest.mark.parametrize("place", PLACES)
def test_each_platform(monkeypatch, place):
    platform, variables, expected = PLACES[place]
    monkeypatch.setattr(caches, "sys", SimpleNamespace(platform=platform))
    for name in ("GKMVLP_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": str(HOME), **variables}.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == expected
    assert cached_folder("small", "0" * 12) == expected / "models" / "small" / ("0" * 12)

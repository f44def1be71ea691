"""A published model behind a server, a cache of its own, and a downloader without patience."""

import pytest

from gkmvlp.zoo import download, transfer
from tests.zoo.server import serving, write_entry


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """No test reads or writes the user's cache, or waits long."""
    for name in ("GKMVLP_ZOO", "GKMVLP_MIRROR", "GKMVLP_OFFLINE", "HF_HUB_OFFLINE", "LOCAL_RANK", "RANK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GKMVLP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(transfer, "PAUSE", 0.001)
    monkeypatch.setattr(transfer, "TIMEOUT", 5.0)
    monkeypatch.setattr(download, "PATIENCE", 1.0)
    return tmp_path / "cache"


@pytest.fixture
def server(tmp_path):
    """Serves ``small.yaml`` and its files."""
    write_entry(tmp_path / "host")
    with serving(tmp_path / "host") as running:
        yield running


@pytest.fixture
def address(server):
    """Where the entry of the small model is."""
    return f"{server.url}/small.yaml"

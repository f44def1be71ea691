"""A published model behind a server, a cache of its own, and a downloader without patience."""

from pathlib import Path

import pytest

from gkmvlp.zoo import registry
from gkmvlp.zoo.store import download, transfer
from tests.zoo.store.server import serving, write_entry


@pytest.fixture
def package():
    """Asked for by a test of the models that come with the package; the others see none of them."""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch, request):
    """No test reads or writes the user's cache, or waits long."""
    if "package" not in request.fixturenames:
        monkeypatch.setattr(registry, "PACKAGED", Path(__file__).with_name("no models"))
    for name in ("GKMVLP_ZOO", "GKMVLP_MIRROR", "GKMVLP_OFFLINE", "HF_HUB_OFFLINE", "LOCAL_RANK", "RANK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GKMVLP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(transfer, "PAUSE", 0.001)
    monkeypatch.setattr(transfer, "TIMEOUT", 5.0)
    monkeypatch.setattr(download, "PATIENCE", 1.0)
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def backbone(tmp_path_factory):
    """A backbone folder. Read only."""
    import torch

    from tests.app.small_models import write_backbone

    torch.set_num_threads(1)
    return write_backbone(tmp_path_factory.mktemp("backbone") / "backbone")


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

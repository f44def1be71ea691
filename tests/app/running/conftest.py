"""What the tests of runs share."""

import importlib
from pathlib import Path

import pytest


@pytest.fixture
def toy(request, tmp_path, monkeypatch):
    """A folder with toy.yaml, the ``CONFIG`` of the test's module, the toy classes known by their short names."""
    # under one name only: a second copy of the classes would make their short names ambiguous
    importlib.import_module("tests.app.toy")
    monkeypatch.chdir(tmp_path)
    Path("toy.yaml").write_text(request.module.CONFIG)
    return tmp_path

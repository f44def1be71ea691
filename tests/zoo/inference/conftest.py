"""A small backbone and three images."""

from pathlib import Path

import pytest
import torch

import gkmvlp
from tests.app.small_models import write_backbone, write_images


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    torch.set_num_threads(1)
    return gkmvlp.load(write_backbone(tmp_path_factory.mktemp("reading") / "backbone"), device="cpu")


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> list[Path]:
    return write_images(tmp_path_factory.mktemp("images"))

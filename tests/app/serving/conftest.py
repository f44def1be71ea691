"""Models and images that the tests of the page share."""

from pathlib import Path

import pytest
import torch

from gkmvlp.app.serving.desk import Desk
from gkmvlp.app.serving.models import ModelSet, open_models
from tests.app.small_models import write_answering, write_backbone, write_detecting, write_labelling, write_reporting


@pytest.fixture(scope="session")
def small_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model of each kind at 32 px, of weights that nobody trained."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("served")
    return {
        "backbone": write_backbone(root / "backbone"),
        "answers": write_answering(root / "answers", "classify"),
        "report": write_reporting(root / "report"),
        "boxes": write_detecting(root / "boxes"),
        "labels": write_labelling(root / "labels", ("Effusion", "Cardiomegaly", "Nodule")),
    }


@pytest.fixture(scope="session")
def small_models(small_folders: dict[str, Path]) -> ModelSet:
    return open_models([str(folder) for folder in small_folders.values()], "cpu")


@pytest.fixture
def desk(small_models: ModelSet) -> Desk:
    return Desk([small_models])


@pytest.fixture(scope="session")
def packaged() -> ModelSet:
    """The models of the package that write a report and answer questions; their backbone comes along."""
    return open_models(["zoo://gk-mvlp-phantom-report", "zoo://gk-mvlp-phantom-vqa"], "cpu")

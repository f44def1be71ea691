"""Tasks on the tiny corpus, without the command."""

import pytest
import torch

from gkmvlp.data_modules import MimicCxr, VqaRad
from tests.tiny import DATA


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def studies(phantoms):
    """The tiny corpus of studies, read."""
    data = MimicCxr(str(phantoms), dataset_name="phantom-mimic-cxr", **DATA)
    data.setup("fit")
    return data


@pytest.fixture(scope="session")
def questions(phantoms):
    """The tiny corpus of questions, read."""
    data = VqaRad(str(phantoms), split="image-disjoint", dataset_name="phantom-vqa-rad", **DATA)
    data.setup("fit")
    return data

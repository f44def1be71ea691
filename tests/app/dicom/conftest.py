"""A radiograph on disk and what a model says of it."""

import pytest

from gkmvlp.phantom.generate import draw_phantom


@pytest.fixture(scope="session")
def upright():
    """Pixels of a phantom, higher than wide. Read only."""
    return draw_phantom(3, 0, 96).image_HW[:, :80]

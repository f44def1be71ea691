"""A backbone small enough to build in every test, as in ``tests/models``."""

from tests.models.conftest import *  # noqa: F403

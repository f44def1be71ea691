"""Public weights that lie in pip packages, which a bare checkout does not install."""

from importlib.metadata import PackageNotFoundError, distribution

import pytest

from gkmvlp.checkpoints.packages import PACKAGES, SCHEME


def installed(name: str) -> str:
    """The reference of weights whose package is here; the test is skipped where it is not."""
    try:
        distribution(PACKAGES[name].distribution)
    except PackageNotFoundError:
        pytest.skip(f"the package {PACKAGES[name].distribution} is not installed (extra weights)")
    return f"{SCHEME}{name}"

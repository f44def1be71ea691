"""What the validators of dicom3tools find wrong with objects."""

import shutil

import pytest

from gkmvlp.app.benchmarks.dicom_objects import VALIDATOR, errors_among, errors_of

validated = pytest.mark.skipif(shutil.which(VALIDATOR) is None, reason=f"no {VALIDATOR} (Debian: dicom3tools)")


def all_errors_of(files, *beside):
    """What is wrong with each object, and among them and what lies ``beside`` in their study."""
    return [error for file in files for error in errors_of(file)] + errors_among([*files, *beside])

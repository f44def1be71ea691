"""What the validators of dicom3tools find wrong with objects."""

import shutil
import subprocess

import pytest

validated = pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="no dciodvfy (Debian: dicom3tools)")


def errors_of(files, *beside):
    """What dciodvfy finds wrong with each object, and dcentvfy among them and what lies ``beside`` in their study."""
    told = []
    for words in (*(["dciodvfy", "-new", file] for file in files), ["dcentvfy", *files, *beside]):
        done = subprocess.run(words, capture_output=True, text=True, errors="replace")
        told += (done.stdout + done.stderr).splitlines()
    assert told  # it says at least which kind of object it is
    return [line for line in told if line.startswith("Error")]

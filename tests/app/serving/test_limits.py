"""What is refused before it is decoded, and how often one may ask."""

import os
import shutil
import time
import tracemalloc
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from gkmvlp.app.serving.limits import MB, Limits, Rate, require_image
from gkmvlp.app.serving.uploads import Uploads
from gkmvlp.data_modules.pipeline.images import ImageError, read_image
from tests.app.serving.files import deflated_bomb, dicom, noise, picture, png_of_size


@pytest.mark.parametrize("data", [picture(), picture("JPEG"), dicom(), dicom(DeflatedExplicitVRLittleEndian)])
def test_what_is_meant_passes(data):
    require_image(data, "a", Limits())
    assert read_image(data).shape == noise().shape


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is empty"),
        (b"%PDF-1.7 rest", "a PNG, a JPG or a DICOM was expected, and it is a PDF"),
        (b"PK\3\4 rest of a zip", "is something else"),
        (picture("GIF"), "is something else"),
        (png_of_size(60_000, 60_000), "more than 179 million pixels; at most 80"),
        (png_of_size(9_000, 9_000), "81 million pixels; at most 80"),
        (b"\x89PNG\r\n\x1a\n cut off", "its head is broken"),
        (dicom(NumberOfFrames=10_000), "10,000 frames; one was expected"),
        (dicom(Rows=60_000, Columns=60_000), "3,600 million pixels"),
        (bytes(1000), "is something else"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_meant_is_told_in_one_line(data, told):
    with pytest.raises(ImageError) as caught:
        require_image(data, "x-ray.dcm", Limits())
    assert told in str(caught.value)
    assert "x-ray.dcm" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_large_file_is_refused():
    with pytest.raises(ImageError, match="has 2 MB; at most 1 are read here"):
        require_image(bytes(2 * MB), "a.png", Limits(upload_bytes=MB))


def test_a_deflated_dicom_does_not_grow_beyond_the_limit():
    """30 MB of zeros in 30 kB; what is inflated is bounded, so that neither memory nor time follow the bomb."""
    bomb = deflated_bomb(30)
    assert len(bomb) < MB
    tracemalloc.start()
    with pytest.raises(ImageError, match="inflates to more than 4 MB"):
        require_image(bomb, "a.dcm", Limits(upload_bytes=MB))
    assert tracemalloc.get_traced_memory()[1] < 12 * MB
    tracemalloc.stop()


def test_a_dicom_that_lies_about_being_deflated():
    lying = dicom(DeflatedExplicitVRLittleEndian)
    lying = lying[:400] + bytes(np.random.default_rng(0).integers(0, 255, 400, np.uint8))
    with pytest.raises(ImageError, match="cannot read"):
        require_image(lying, "a.dcm", Limits())


def test_random_bytes_behind_a_right_start_never_raise_anything_else():
    rng = np.random.default_rng(0)
    for start in (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", bytes(128) + b"DICM", b"\x08\x00\x05\x00CS"):
        for _ in range(20):
            with suppress(ImageError):
                require_image(start + bytes(rng.integers(0, 255, 500, np.uint8)), "a", Limits())


def test_the_rate_is_counted_a_client_and_a_minute():
    rate = Rate(3)
    assert [rate.admit("a", now) for now in (0.0, 1.0, 2.0)] == [0, 0, 0]
    assert rate.admit("a", 10.0) == 50
    assert rate.admit("b", 10.0) == 0
    assert rate.admit("a", 60.0) == 0
    assert rate.admit("a", 60.5) == pytest.approx(0.5)


def test_clients_that_are_long_gone_are_forgotten():
    rate, started = Rate(1), time.perf_counter()
    for number in range(5000):
        rate.admit(str(number), float(number))
    assert len(rate.clients) == 1000
    assert time.perf_counter() - started < 2


def test_an_upload_that_is_read_while_others_are_counted_is_no_error(tmp_path, monkeypatch):
    for name in ("gone", "kept"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "image.png").write_bytes(bytes(10))
    look = os.scandir

    def scandir(folder):
        if not isinstance(folder, int) and Path(folder).name == "gone":  # it was there when the folder above was listed
            shutil.rmtree(folder, ignore_errors=True)
        return look(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    assert Uploads(tmp_path, 10).have_room()
    assert not Uploads(tmp_path, 9).have_room()
    assert not (tmp_path / "gone").exists()

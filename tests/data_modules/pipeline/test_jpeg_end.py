"""A JPEG whose data end before its picture does is refused, however its end is marked, and no whole one is."""

import re
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGExtended12Bit

from gkmvlp.data_modules.pipeline.images import ImageError, read_image, read_square
from gkmvlp.data_modules.synthetic.jpeg12 import encode
from tests.data_modules.pipeline.small_files import SHADE, dicom, framed

_END = b"\xff\xd9"
_SAVED: tuple[dict[str, Any], ...] = (
    {}, {"optimize": True}, {"subsampling": 0}, {"subsampling": 2}, {"quality": 100}, {"restart_marker_blocks": 5},
    {"restart_marker_rows": 1}, {"progressive": True}, {"progressive": True, "restart_marker_blocks": 7},
)  # fmt: skip


def _picture(size: tuple[int, int]) -> Image.Image:
    """Smooth noise."""
    noise_HW = np.random.default_rng(0).integers(0, 256, (size[1] // 4, size[0] // 4)).astype(np.uint8)
    return Image.fromarray(noise_HW).resize(size)


def _jpeg(picture: Image.Image, **options: Any) -> bytes:
    file = BytesIO()
    picture.save(file, "JPEG", **options)
    return file.getvalue()


def _refused(data: bytes) -> None:
    with pytest.raises(ImageError, match=r"the JPEG ends before its picture does.*fetch it again"):
        read_image(data)


@pytest.mark.parametrize("share", [0.05, 0.51, 0.97])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("saved", _SAVED)
def test_a_jpeg_that_was_cut_off_and_ended_is_refused(saved: dict[str, Any], mode: str, share: float) -> None:
    data = _jpeg(_picture((416, 304)).convert(mode), **saved)
    read_image(data)
    start = data.index(b"\xff\xda") + 16
    _refused(data[: start + int(share * (len(data) - start))].rstrip(b"\xff") + _END)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_progressive_one_is_refused_without_any_of_its_later_passes(mode: str) -> None:
    data = _jpeg(_picture((416, 304)).convert(mode), progressive=True)
    passes = [match.start() for match in re.finditer(rb"\xff\xc4|\xff\xda", data)]
    first_scan = data.index(b"\xff\xda")
    for start in passes:
        if start > first_scan:
            _refused(data[:start] + _END)


def test_so_it_is_where_a_large_one_is_decoded_at_a_part_of_its_size() -> None:
    for options in ({}, {"progressive": True}):
        data = _jpeg(_picture((1600, 1200)), **options)
        assert read_square(data, 64, "pad").image_SS.shape == (64, 64)
        with pytest.raises(ImageError, match="ends before"):
            read_square(data[: len(data) // 2] + _END, 64, "pad")


@pytest.mark.parametrize("saved", _SAVED)
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_bars_and_margins_of_the_middle_grey_are_a_picture(mode: str, saved: dict[str, Any]) -> None:
    middle = 128 if mode != "CMYK" else 64
    shade_HW = np.tile(np.arange(0, 240, 2, dtype=np.uint8), (96, 1))
    corner_HW = shade_HW.copy()
    corner_HW[-16:, -40:] = middle
    row_HW = shade_HW.copy()
    row_HW[-16:, 40:] = middle
    row, column = np.indices((96, 120))
    turned_HW = np.where(np.abs(row - 48) + np.abs(column - 60) < 50, 7, middle).astype(np.uint8)
    margins = [np.pad(shade_HW, sides, constant_values=middle) for sides in ((24, 24), ((24, 24), (0, 0)))]
    for picture_HW in (corner_HW, row_HW, turned_HW, *margins):
        read_image(_jpeg(Image.fromarray(picture_HW).convert(mode), **saved))


def test_what_stands_behind_the_picture_is_not_looked_at() -> None:
    picture = _picture((416, 304))
    thumbnail = _jpeg(picture.resize((40, 30)))
    with_thumbnail = Image.Exif()
    with_thumbnail[0x010E] = "a thumbnail: " + thumbnail[:200].decode("latin-1")
    for options in ({}, {"progressive": True}):
        data = _jpeg(picture, **options)
        read_image(data + b"\0" * 100)
        read_image(data + thumbnail[: len(thumbnail) // 2] + _END)
        read_image(_jpeg(picture, exif=with_thumbnail, **options))


@pytest.mark.parametrize("before", [b"\xff", b"\xff\xff\xff", b"\0\0", b"\xff\xfe\0\0", b"\xff\xfe\0\4ab"])
@pytest.mark.parametrize("saved", _SAVED)
def test_bytes_that_fill_up_and_comments_may_stand_before_the_end(saved: dict[str, Any], before: bytes) -> None:
    picture_HW = np.array(_picture((120, 96)))
    picture_HW[-16:, -40:] = 128
    read_image(_jpeg(Image.fromarray(picture_HW), **saved)[:-2] + before + _END)


@pytest.mark.parametrize("behind", [b"\xff\xda", b"\xff\xda\0", b"\xff\xda\0\0", b"\xff\xda\0\x08\x01"])
def test_a_scan_that_is_no_more_than_begun_is_none_of_a_whole_picture(behind: bytes) -> None:
    read_image(_jpeg(_picture((120, 96)))[:-2] + behind)


def test_jpegs_in_a_dicom_are_judged_alike() -> None:
    barred_HW = SHADE.copy()
    barred_HW[-8:, -16:] = 128
    for picture_HW in (SHADE, barred_HW):
        data = _jpeg(Image.fromarray(picture_HW))
        read_image(framed([data]))
        with pytest.raises(ImageError, match="ends before its picture does"):
            read_image(framed([data[: data.index(b"\xff\xda") + 24] + _END]))


def test_so_are_those_of_twelve_bits() -> None:
    shade_HW = SHADE.astype(np.uint16) * 16
    barred_HW = shade_HW.copy()
    barred_HW[-8:, -16:] = 2048
    for sample_HW in (shade_HW, barred_HW):
        data = encode(sample_HW)
        read_image(_twelve_bits(data))
        with pytest.raises(ImageError, match="ends before its picture does"):
            read_image(_twelve_bits(data[: data.index(b"\xff\xda") + 60] + _END))


def _twelve_bits(data: bytes) -> bytes:
    dataset = dcmread(BytesIO(dicom()))
    dataset.file_meta.TransferSyntaxUID = JPEGExtended12Bit
    dataset.Rows, dataset.Columns = SHADE.shape
    dataset.PixelData = encapsulate([data])
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()

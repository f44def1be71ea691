"""Pixel data that are not the one grey picture that the attributes tell of are refused."""

import gzip
import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from pydicom import FileMetaDataset, dcmread, dcmwrite

from gkmvlp.data_modules.pipeline.images import ImageError, read_image
from tests.data_modules.pipeline.small_files import RAMP, SHADE, dicom, framed, picture


def test_unknown_transfer_syntax_is_an_error():
    dataset = dcmread(BytesIO(dicom()))
    dataset.file_meta.TransferSyntaxUID = "1.2.3.4.5"
    buffer = BytesIO()
    dataset.save_as(buffer, implicit_vr=False, little_endian=True)
    with pytest.raises(ImageError):
        read_image(buffer.getvalue())


JPEG, JPEG_OF_COLOURS = (picture(Image.fromarray(SHADE).convert(mode), "JPEG") for mode in ("L", "RGB"))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (
            lambda: dicom(PixelData=(RAMP * 16).astype("<u2").tobytes() * 2),
            "several frames, or one of the three is wrong",
        ),
        (
            lambda: dicom(BitsAllocated=8, BitsStored=8, HighBit=7),
            "1,024 bytes|512 bytes of PixelData, 256 were expected",
        ),
        (lambda: framed([JPEG, JPEG]), "PixelData hold 2 frames, not one"),
        (lambda: framed([JPEG_OF_COLOURS]), "the codestream has 3 components, not one; export it grey"),
        (lambda: dicom(PixelData=None, FloatPixelData=b"\0" * 1024), "FloatPixelData: the DICOM holds fractions"),
        (lambda: gzip.compress(dicom()), "it is packed, unpack it"),
        (lambda: dicom(PhotometricInterpretation="GRAYSCALE"), "is GRAYSCALE, not MONOCHROME1 or MONOCHROME2"),
    ],
)
def test_what_is_not_the_one_grey_picture_that_the_attributes_tell_of_is_no_picture(data, told):
    with pytest.raises(ImageError, match=told):
        read_image(data())


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (15, "512 bytes of PixelData, 480 were expected of Rows, Columns and BitsAllocated"),
        (12, "512 bytes of PixelData, 384 were expected"),
        (17, "PixelData) are cut off: 512 of 544 bytes for Columns x Rows 17 x 16"),
    ],
)
def test_wrong_columns_skew_no_picture(columns, told):
    with pytest.raises(ImageError, match=re.escape(told)) as error:
        read_image(dicom(Columns=columns))
    assert "\n" not in str(error.value)


def test_bytes_that_pad_the_pixels_do_no_harm():
    padded = (RAMP * 16).astype("<u2").tobytes() + b"\0" * 8
    assert np.array_equal(read_image(dicom(PixelData=padded)), read_image(dicom()))


@pytest.mark.parametrize(
    ("tags", "accept", "told"),
    [
        ({}, (), "Modality is SEG, no radiography"),
        ({}, ("modality",), "BitsAllocated is 1, 8, 16 or 32 was expected"),
        ({"NumberOfFrames": 3}, ("modality",), "NumberOfFrames: the DICOM has 3 frames"),
        ({"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "Columns": 31}, ("modality",), "1,024 bytes of PixelData"),
    ],
)
def test_a_segmentation_is_no_picture(tags, accept, told):
    mask = {"Modality": "SEG", "Rows": 32, "Columns": 32, "PixelData": bytes(1024)}
    with pytest.raises(ImageError, match=told) as error:
        read_image(dicom(**mask | {"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0} | tags), accept=accept)
    assert "\n" not in str(error.value)


def test_rows_and_columns_that_are_exchanged_skew_no_picture():
    shade = np.add.outer(np.arange(96), 20 * np.arange(120)).astype(np.uint16)
    assert read_image(dicom(shade)).shape == (96, 120)
    with pytest.raises(ImageError, match=r"Rows and Columns \(120 and 96\) are exchanged"):
        read_image(dicom(shade, Rows=120, Columns=96))


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"])
@pytest.mark.parametrize("kind", ["JPEG", "JPEG2000"])
@pytest.mark.parametrize("allocated", [8, 16])
def test_a_codestream_under_an_uncompressed_syntax_is_read_as_what_it_is(syntax: str, kind: str, allocated: int):
    code = picture(Image.fromarray(SHADE), kind)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.3"
    dataset = dcmread(BytesIO(dicom()))
    dataset.file_meta, dataset.Rows, dataset.Columns, dataset.PixelData = (
        meta,
        *SHADE.shape,
        code + b"\0" * (len(code) % 2),
    )
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = allocated, 8, 7
    file = BytesIO()
    dcmwrite(file, dataset, implicit_vr=syntax.endswith(".1.2"), little_endian=True, force_encoding=True)
    notes: list[str] = []
    shown_HW = read_image(file.getvalue(), notes=notes)
    assert np.abs(shown_HW.astype(int) - SHADE).max() <= 6
    assert notes == ["PixelData are a codestream without items: read as what they are"]

"""What codes stand for: sign, padding, overlays, and attributes that are wrong."""

import numpy as np
import pytest

from gkmvlp.data_modules.pipeline.images import read_image
from gkmvlp.data_modules.synthetic.dicom_ways import PLAIN, write_way
from tests.data_modules.pipeline.small_files import RAMP, SHADE, dicom


def test_padding_is_air_and_does_not_stretch():
    values = RAMP + 100
    values[0] = 4000
    pixels = read_image(dicom(values, PixelPaddingValue=4000, PhotometricInterpretation="MONOCHROME1"))
    assert (pixels[0] == 0).all()
    assert pixels[1:].max() == 255


def test_a_bit_of_undeclared_graphics_is_no_picture():
    values = SHADE.astype(np.uint16) * 16
    drawn = values.copy()
    drawn[10:20, 5:12] |= 1 << 12
    assert np.array_equal(read_image(dicom(drawn)), SHADE)


@pytest.mark.parametrize("bits", [0x1000, 0x8000, 0x5000, 0xF000])
@pytest.mark.parametrize("kind", ["drawn", "noise"])
def test_what_lies_above_the_stored_bits_is_no_picture(bits: int, kind: str):
    values = SHADE.astype(np.uint16) * 16
    above = (
        np.random.default_rng(0).integers(0, 1 << 16, values.shape) if kind == "noise" else np.full(values.shape, bits)
    )
    above[:3] = 0
    notes: list[str] = []
    assert np.array_equal(read_image(dicom(values | (above & bits).astype(np.uint16)), notes=notes), SHADE)
    assert len(notes) == 1


@pytest.mark.parametrize("stored", [8, 10, 12, 15])
def test_a_picture_of_more_bits_than_are_told_keeps_them(stored: int):
    values = SHADE.astype(np.uint16) * 257
    assert np.array_equal(read_image(dicom(values, BitsStored=stored, HighBit=stored - 1)), SHADE)


def test_thirty_two_bits():
    values = SHADE.astype("<u4") * 1_000_000
    data = dicom(SHADE.astype(np.uint16), BitsAllocated=32, BitsStored=32, HighBit=31, PixelData=values.tobytes())
    assert np.abs(read_image(data).astype(int) - SHADE).max() <= 1


@pytest.mark.parametrize("syntax", ["J2K", "JPEG-LS", "JPEG lossless", "RLE", "explicit"])
@pytest.mark.parametrize("padding", ["value", "range", "other sign"])
def test_padding_with_a_sign_is_found_where_bits_stored_is_too_small(syntax: str, padding: str):
    """A codestream ends with the sign at its own precision, whatever the attributes say of it."""
    way = PLAIN | {"syntax": syntax, "padding": padding, "sign": "signed", "bits": "14 in 16"}
    grey = np.tile(np.arange(256, dtype=np.uint8), (64, 1))
    pixels = read_image(write_way(grey, way | {"high": "stored too small"}))
    assert np.array_equal(pixels, read_image(write_way(grey, way)))
    assert not pixels[:2].any()


@pytest.mark.parametrize("limit", [4095, 4064])
def test_padding_that_would_leave_nothing_is_not_applied_and_said(limit: int):
    notes: list[str] = []
    padded = dicom(PixelPaddingValue=0, PixelPaddingRangeLimit=limit)
    assert np.array_equal(read_image(padded, notes=notes), read_image(dicom()))
    assert notes == ["PixelPaddingValue would leave the picture blank: not applied"]


def test_values_that_extend_a_sign_have_one_whatever_is_told():
    notes: list[str] = []
    values = (RAMP.astype(np.int32) * 16 - 2048).astype("<i2").view("<u2")
    assert np.array_equal(read_image(dicom(values), notes=notes), read_image(dicom()))
    assert notes == ["PixelRepresentation tells of no sign, the values extend one: read with it"]


@pytest.mark.parametrize(("stored", "allocated"), [(8, 8), (12, 16), (16, 16)])
@pytest.mark.parametrize("is_signed", [False, True])
@pytest.mark.parametrize("is_extended", [False, True])
def test_a_wrong_sign_wraps_nothing_around_and_is_said(stored: int, allocated: int, is_signed: bool, is_extended: bool):
    """The picture goes on across the middle of its numbers, whatever PixelRepresentation tells of them."""
    shade_HW = np.rint(127.5 + 127 * np.sin(np.add.outer(np.arange(48) / 9, np.arange(64) / 13))).astype(np.int64)
    number_HW = shade_HW * ((1 << stored) - 1) // 255 - is_signed * (1 << (stored - 1))
    code_HW = number_HW % (1 << (allocated if is_extended else stored))
    bits = {"BitsAllocated": allocated, "BitsStored": stored, "HighBit": stored - 1}
    data = code_HW.astype(f"<u{allocated // 8}").tobytes()
    read, said = [], []
    for sign in (int(is_signed), int(not is_signed)):
        notes: list[str] = []
        read.append(read_image(dicom(code_HW, **bits, PixelRepresentation=sign, PixelData=data), notes=notes))
        said.append([note.split()[0] for note in notes])
    assert said == [[], ["PixelRepresentation"]]
    assert np.abs(read[0].astype(int) - shade_HW).max() <= 1
    assert np.array_equal(*read)


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ((), ["PixelRepresentation may be wrong"]),
        ((0, 3965), []),
        ((2**16 - 872, 741), ["PixelRepresentation is wrong, the values wrap around"]),
    ],
)
def test_two_parts_that_meet_by_neither_sign_are_judged_by_their_ends(ends: tuple[int, ...], said: list[str]):
    value_HW = RAMP.repeat(4, 0).repeat(4, 1).astype(np.int64) * 3
    value_HW[:, 32:] += 3200  # 0 to 741 and 3224 to 3965, which is -872 to -131 with a sign
    told = dict(zip(("SmallestImagePixelValue", "LargestImagePixelValue"), ends, strict=False))
    notes: list[str] = []
    read_image(dicom(value_HW, **told), notes=notes)
    assert [note.partition(":")[0] for note in notes] == said

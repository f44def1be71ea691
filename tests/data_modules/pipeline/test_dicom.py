"""What a DICOM asks to be shown: photometric interpretation, rescaling, window and look-up table."""

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence

from gkmvlp.data_modules.pipeline.dicom_header import open_dicom
from gkmvlp.data_modules.pipeline.images import ImageError, read_image
from tests.data_modules.pipeline.small_files import RAMP, SHADE, dicom


def test_monochrome1_is_the_inverse_of_monochrome2():
    bright = read_image(dicom(PhotometricInterpretation="MONOCHROME1"))
    assert np.array_equal(bright, 255 - read_image(dicom()))


def test_window_maps_its_ends_to_black_and_white():
    # PS3.3 C.11.2.1.2.1: values <= c - 0.5 - (w - 1) / 2 are black, values > c - 0.5 + (w - 1) / 2 white.
    pixels = read_image(dicom(WindowCenter=2048, WindowWidth=1024)).astype(float)
    values = (RAMP * 16).astype(float)
    expected = np.clip((values - 2047.5) / 1023 + 0.5, 0, 1) * 255
    assert np.abs(pixels - expected).max() <= 1


def test_a_window_that_shows_nothing_is_not_applied_and_said():
    values = SHADE.astype(np.uint16) * 12 + 400  # 400 to 3,460
    notes: list[str] = []
    assert np.array_equal(read_image(dicom(values, WindowCenter=50, WindowWidth=350), notes=notes), SHADE)
    assert notes == ["WindowCenter and WindowWidth would leave the picture blank: not applied"]


@pytest.mark.parametrize("width", [1, 2, 3])
def test_a_window_that_leaves_black_and_white_alone_is_not_applied_and_said(width: int):
    values = SHADE.astype(np.uint16) * 12 + 400
    notes: list[str] = []
    window = {"WindowCenter": [2000, 1930], "WindowWidth": [width, 3060]}
    pixels = read_image(dicom(values, **window), notes=notes)
    assert np.array_equal(pixels, read_image(dicom(values, WindowCenter=1930, WindowWidth=3060)))
    assert notes == ["WindowWidth would leave black and white alone: not applied"]
    two = (SHADE > 128).astype(np.uint16) * 4000
    assert set(np.unique(read_image(dicom(two, WindowCenter=2000, WindowWidth=width)))) == {0, 255}


def test_a_file_whose_preamble_was_cut_off_is_read(tmp_path):
    data = dicom()
    assert data[128:132] == b"DICM"
    assert np.array_equal(read_image(data[128:]), read_image(data))
    (tmp_path / "cut.dcm").write_bytes(data[128:])
    assert open_dicom(tmp_path / "cut.dcm", stop_before_pixels=True).Rows == open_dicom(data).Rows


@pytest.mark.parametrize("spelling", ["MONOCHROM2", "MONOCRHOME2", "MONO 2"])
def test_misspelt_monochrome_keeps_its_number(spelling):
    assert np.array_equal(read_image(dicom(PhotometricInterpretation=spelling)), read_image(dicom()))
    bright = read_image(dicom(PhotometricInterpretation=spelling.replace("2", "1")))
    assert np.array_equal(bright, read_image(dicom(PhotometricInterpretation="MONOCHROME1")))


def test_a_slope_beyond_all_measure_is_none():
    assert np.array_equal(read_image(dicom(RescaleSlope="1e300", RescaleIntercept="0")), read_image(dicom()))


@pytest.mark.parametrize("bits", [0, 17, 65_535])
def test_a_table_of_impossible_bits_is_shown_by_its_greatest_entry(bits: int):
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [4096, 0, bits])
    item.add_new("LUTData", "OW", np.arange(4096, dtype="<u2").tobytes())
    window = dicom(WindowCenter=2048, WindowWidth=4096)
    assert np.array_equal(read_image(dicom(VOILUTSequence=Sequence([item]))), read_image(window))


@pytest.mark.parametrize(
    "keyword", ["PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"]
)
def test_pixels_that_are_not_square_are_refused(keyword: str):
    plain = read_image(dicom())
    for sides in (["2", "2"], ["100", "101"], ["0", "1"], ["1"]):
        assert np.array_equal(read_image(dicom(**{keyword: sides})), plain)
    with pytest.raises(ImageError, match=f"{keyword}: pixels are 1 high and 2 wide, not square; resample"):
        read_image(dicom(**{keyword: ["1", "2"]}))


@pytest.mark.parametrize("group", ["SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"])
def test_an_enhanced_object_is_read_as_one_that_says_it_beside_its_pixels(group: str):
    """PS3.3 C.7.6.16: window, rescaling and spacing stand in functional groups."""
    said = {
        "PixelValueTransformationSequence": {"RescaleIntercept": "4095", "RescaleSlope": "-1", "RescaleType": "US"},
        "FrameVOILUTSequence": {"WindowCenter": "2000", "WindowWidth": "2000"},
    }
    item, beside = Dataset(), {key: value for macro in said.values() for key, value in macro.items()}
    for keyword, macro in said.items():
        one = Dataset()
        one.update(macro)
        setattr(item, keyword, Sequence([one]))
    grouped = read_image(dicom(NumberOfFrames=1, **{group: Sequence([item])}))
    assert np.array_equal(grouped, read_image(dicom(**beside)))
    assert not np.array_equal(grouped, read_image(dicom()))
    wide = Dataset()
    wide.PixelSpacing = [0.1, 0.2]
    item.PixelMeasuresSequence = Sequence([wide])
    with pytest.raises(ImageError, match="PixelSpacing"):
        read_image(dicom(**{group: Sequence([item])}))

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, FileMetaDataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian

from gkmvlp.data_modules.pipeline.images import ImageError, read_image
from gkmvlp.errors import DataError

DICOMS = (
    "JLSL_08_07_0_1F", "JLSL_16_15_1_1F", "JPEG-LL", "JPGLosslessP14SV1_1s_1f_8b", "MR2_J2KI", "RG1_J2KI",
    "RG3_J2KI", "RG3_J2KR", "mlut_18", "rsna_original", "vlut_04",
)  # fmt: skip
NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8))
RAMP = np.arange(256, dtype=np.uint16).reshape(16, 16)


def dicom(values=RAMP * 16, **tags) -> bytes:
    """A 12-bit DICOM of those values."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "1.2.3"
    dataset.Rows, dataset.Columns = values.shape[-2:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.PixelData = values.astype("<u2").tobytes()
    for name, value in tags.items():
        setattr(dataset, name, value)
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def picture(image: Image.Image, kind: str = "PNG") -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("name", DICOMS)
def test_every_real_dicom_decodes(shared_data: Path, name: str):
    path = shared_data / "dicom" / f"{name}.dcm"
    header = dcmread(path, stop_before_pixels=True)
    pixels = read_image(path)
    assert pixels.shape == (header.Rows, header.Columns)
    assert pixels.dtype == np.uint8
    assert pixels.std() > 3


def test_air_of_a_monochrome1_chest_is_dark(shared_data: Path):
    pixels = read_image(shared_data / "dicom" / "RG1_J2KI.dcm", "minmax")
    rows, columns = pixels.shape
    lungs = pixels[rows // 3 : rows // 2, columns // 4 : columns // 3]
    spine = pixels[rows // 3 : rows // 2, columns // 2 - 40 : columns // 2 + 40]
    assert lungs.mean() < spine.mean()


def test_monochrome1_is_the_inverse_of_monochrome2():
    bright = read_image(dicom(PhotometricInterpretation="MONOCHROME1"))
    assert np.array_equal(bright, 255 - read_image(dicom()))


def test_window_maps_its_ends_to_black_and_white():
    # PS3.3 C.11.2.1.2.1: values <= c - 0.5 - (w - 1) / 2 are black, values > c - 0.5 + (w - 1) / 2 white.
    pixels = read_image(dicom(WindowCenter=2048, WindowWidth=1024)).astype(float)
    values = (RAMP * 16).astype(float)
    expected = np.clip((values - 2047.5) / 1023 + 0.5, 0, 1) * 255
    assert np.abs(pixels - expected).max() <= 1


def test_padding_is_air_and_does_not_stretch():
    values = RAMP + 100
    values[0] = 4000
    pixels = read_image(dicom(values, PixelPaddingValue=4000, PhotometricInterpretation="MONOCHROME1"))
    assert (pixels[0] == 0).all()
    assert pixels[1:].max() == 255


def test_wide_and_coloured_pngs():
    wide = read_image(picture(Image.fromarray((RAMP * 200).astype(np.uint16))))
    assert np.array_equal(wide, RAMP)
    grey = Image.fromarray(RAMP.astype(np.uint8))
    for mode in ("L", "RGB", "RGBA", "LA", "P"):
        assert np.abs(read_image(picture(grey.convert(mode))).astype(int) - RAMP).max() <= 1, mode


def test_minmax_stretches_and_equalized_is_flat():
    dull = picture(Image.fromarray((RAMP // 4 + 60).astype(np.uint8)))
    assert np.ptp(read_image(dull)) == 63
    assert np.ptp(read_image(dull, "minmax")) == 255
    skewed = picture(Image.fromarray((RAMP.astype(float) ** 2 / 256).astype(np.uint8)))
    levels = np.sort(read_image(skewed, "equalized").ravel()) / 255
    assert np.abs(levels - np.linspace(0, 1, 256)).max() < 0.1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"no picture at all", "neither"),
        (dicom(PhotometricInterpretation="RGB", SamplesPerPixel=3, PlanarConfiguration=0), "RGB"),
        (dicom(np.stack([RAMP, RAMP]), NumberOfFrames=2), "2 frames"),
        (dicom()[:-64], "pixel data"),
        (picture(NOISE)[:-40], "a whole JPG"),
        (picture(NOISE, "JPEG")[:-20], "truncated"),
    ],
)
def test_broken_files_are_named_in_one_line(tmp_path: Path, data: bytes, reason: str):
    path = tmp_path / "broken.dcm"
    path.write_bytes(data)
    with pytest.raises(DataError, match=reason) as caught:
        read_image(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_pixels_and_no_file(tmp_path: Path):
    dataset = dcmread(BytesIO(dicom()))
    del dataset.PixelData
    dataset.save_as(tmp_path / "report.dcm")
    with pytest.raises(ImageError, match="no pixel data"):
        read_image(tmp_path / "report.dcm")
    with pytest.raises(ImageError, match="No such file"):
        read_image(tmp_path / "absent.jpg")


def test_unknown_transfer_syntax_is_an_error():
    dataset = dcmread(BytesIO(dicom()))
    dataset.file_meta.TransferSyntaxUID = "1.2.3.4.5"
    buffer = BytesIO()
    dataset.save_as(buffer, implicit_vr=False, little_endian=True)
    with pytest.raises(ImageError):
        read_image(buffer.getvalue())


def test_an_error_from_a_worker_stays_one_line():
    told = "Caught ImageError in DataLoader worker process 0.\nTraceback:\n  x\ngkmvlp.data_modules.pipeline.images.ImageError: cut"
    assert str(ImageError(told)) == "cut"

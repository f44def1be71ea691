"""What is read as a radiograph, and what is none, in one line."""

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from gkmvlp.data_modules.pipeline.images import ImageError, read_image
from gkmvlp.errors import DataError
from tests.data_modules.pipeline.small_files import NOISE, RAMP, dicom, picture

DICOMS = (
    "JLSL_08_07_0_1F", "JLSL_16_15_1_1F", "JPEG-LL", "JPGLosslessP14SV1_1s_1f_8b", "MR2_J2KI", "RG1_J2KI",
    "RG3_J2KI", "RG3_J2KR", "mlut_18", "rsna_original", "vlut_04",
)  # fmt: skip


@pytest.mark.parametrize("name", DICOMS)
def test_every_real_dicom_decodes(shared_data: Path, name: str):
    path = shared_data / "dicom" / f"{name}.dcm"
    header = dcmread(path, stop_before_pixels=True)
    modality = header.get("Modality", "")
    if modality in ("NM", "US", "MR"):
        with pytest.raises(ImageError, match=f"Modality is {modality}, no radiography"):
            read_image(path)
    pixels = read_image(path, accept=("modality",))
    assert pixels.shape == (header.Rows, header.Columns)
    assert pixels.dtype == np.uint8
    assert pixels.std() > 3


def test_air_of_a_monochrome1_chest_is_dark(shared_data: Path):
    pixels = read_image(shared_data / "dicom" / "RG1_J2KI.dcm", "minmax")
    rows, columns = pixels.shape
    lungs = pixels[rows // 3 : rows // 2, columns // 4 : columns // 3]
    spine = pixels[rows // 3 : rows // 2, columns // 2 - 40 : columns // 2 + 40]
    assert lungs.mean() < spine.mean()


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
    with pytest.raises(ImageError, match=r"https://example\.org/a\.png: an address, download it and name the file"):
        read_image("https://example.org/a.png")


def test_an_error_from_a_worker_stays_one_line():
    name = "gkmvlp.data_modules.pipeline.images.ImageError"
    told = f"Caught ImageError in DataLoader worker process 0.\nTraceback:\n  x\n{name}: cut"
    assert str(ImageError(told)) == "cut"


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (Image.new("L", (1, 1), 90), "1 x 1 pixels are no radiograph"),
        (Image.new("L", (200, 1), 90), "200 x 1 pixels are no radiograph"),
        (Image.new("L", (60, 60), 90), "blank"),
        (Image.fromarray(np.full((60, 60), 3000, np.uint16)), "blank"),
        (Image.fromarray(np.random.default_rng(0).integers(2000, 2003, (60, 60)).astype(np.uint16)), "blank"),
    ],
)
def test_what_is_no_picture_is_refused(image: Image.Image, reason: str):
    with pytest.raises(ImageError, match=reason):
        read_image(picture(image))


def test_a_blank_picture_with_a_marker_is_blank_still():
    black = np.zeros((100, 100), np.uint8)
    black[:8, :8] = 255
    with pytest.raises(ImageError, match="accept: blank"):
        read_image(picture(Image.fromarray(black)))
    assert np.array_equal(read_image(picture(Image.fromarray(black)), accept=["blank"]), black)


BIG = """
import resource, sys
import numpy as np
from gkmvlp.data_modules.pipeline.images import read_image
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
pixels = read_image(sys.argv[1], "equalized")
assert pixels.shape == (12_000, 12_000), pixels.shape
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / pixels.size)
"""


def test_twelve_thousand_pixels_a_side_in_bounded_memory(tmp_path: Path):
    import cv2

    side = np.arange(12_000, dtype=np.uint16)
    path = tmp_path / "big.png"
    cv2.imwrite(str(path), side[:, None] * 2 + side, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    done = subprocess.run([sys.executable, "-c", BIG, str(path)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert float(done.stdout) < 8, "bytes a pixel"


@pytest.mark.parametrize(
    ("data", "remedy"),
    [
        (b"%PDF-1.4", "export the picture"),
        (b"\n<!DOCTYPE html><html>", "fetch it again"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a", "git lfs pull"),
        (b"II*\0\x08\0\0\0\0\0", "grey PNG"),
    ],
)
def test_what_bears_the_name_of_a_picture_and_is_none_is_named(tmp_path: Path, data: bytes, remedy: str):
    (tmp_path / "x.png").write_bytes(data)
    with pytest.raises(ImageError, match=f"x.png: neither a JPG, a PNG nor a DICOM; .*{remedy}"):
        read_image(tmp_path / "x.png")


@pytest.mark.parametrize(
    ("data", "remedy"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1", "save the picture as PNG"),
        (b"\x5c\x01" + bytes(342) + b"n+1\0", r"\(NIfTI\), export one radiograph"),
        (b"\x93NUMPY\x01\0", "save it as a grey PNG"),
        (b"\x89HDF\r\n\x1a\n" + bytes(64), "export the picture"),
        (b"NRRD0004\n", "export one radiograph"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n", "save it as PNG"),
        (b"Rar!\x1a\x07\0", "unpack it"),
        (b"a.png".ljust(257, b"\0") + b"ustar", "unpack it"),
    ],
)
def test_files_of_other_kinds_are_named_with_their_own_remedy_and_run_nothing(data: bytes, remedy: str):
    with pytest.raises(ImageError, match=f"neither a JPG, a PNG nor a DICOM; it is .*{remedy}"):
        read_image(data)


def test_an_empty_path_is_no_folder():
    with pytest.raises(ImageError, match="the path of the image is empty"):
        read_image("")

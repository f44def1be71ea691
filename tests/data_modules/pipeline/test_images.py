import gzip
import re
import struct
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from pydicom import Dataset, FileMetaDataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit, RLELossless

from gkmvlp.data_modules.pipeline.images import ImageError, read_image
from gkmvlp.data_modules.synthetic.dicom_ways import PLAIN, SYNTAXES, write_way
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
    name = "gkmvlp.data_modules.pipeline.images.ImageError"
    told = f"Caught ImageError in DataLoader worker process 0.\nTraceback:\n  x\n{name}: cut"
    assert str(ImageError(told)) == "cut"


# Pictures -----------------------------------------------------------------------------------------------------------

SHADE = np.rint(np.add.outer(np.arange(40) * 4, np.arange(30) * 3) * 255 / 243).astype(np.uint8)  # 0 to 255


def png_16(channels: np.ndarray, kind: int) -> bytes:
    """A PNG of sixteen bits by hand (ISO 15948): channels (H, W, C) of a colour type."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    height, width = channels.shape[:2]
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in channels)
    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("kind", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_sixteen_bits_in_any_channels_keep_all_their_bits(kind: int, channels: int):
    twelve = SHADE.astype(np.uint16) * 16  # Pillow's upper eight bits of it are 0 to 15
    image = np.stack([twelve] * channels, -1)
    if kind in (4, 6):
        image[..., -1] = 65_535
    for intensity in ("voi", "minmax"):
        assert np.array_equal(read_image(png_16(image, kind), intensity), SHADE)


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "P", "1"])
def test_modes_of_pictures(mode: str):
    grey = Image.fromarray(SHADE if mode != "1" else (SHADE > 100).astype(np.uint8) * 255)
    pixels = read_image(picture(grey.convert(mode), "TIFF"))
    assert np.abs(pixels.astype(int) - np.asarray(grey)).max() <= 1


def test_a_picture_in_its_transparency_alone_is_refused():
    black = Image.new("L", (30, 40))
    alpha_16 = np.stack([np.zeros_like(SHADE, np.uint16), SHADE.astype(np.uint16) * 257], -1)
    for data in (picture(Image.merge("LA", [black, Image.fromarray(SHADE)])), png_16(alpha_16, 4)):
        with pytest.raises(ImageError, match=r"transparency .* save it as plain grey"):
            read_image(data)


@pytest.mark.parametrize("is_zipped", [False, True])
def test_a_text_of_megabytes_beside_whole_pixels(is_zipped: bool):
    info = PngImagePlugin.PngInfo()
    info.add_text("report", "no effusion " * 250_000, zip=is_zipped)
    buffer = BytesIO()
    Image.fromarray(SHADE).save(buffer, "PNG", pnginfo=info)
    assert np.array_equal(read_image(buffer.getvalue()), SHADE)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int):
    """CIPA DC-008: where the stored row 0 and column 0 lie in the upright picture."""
    row0, column0 = {
        1: ("top", "left"), 2: ("top", "right"), 3: ("bottom", "right"), 4: ("bottom", "left"),
        5: ("left", "top"), 6: ("right", "top"), 7: ("right", "bottom"), 8: ("left", "bottom"),
    }[orientation]  # fmt: skip
    upright = SHADE.copy()
    upright[3:9, 20:27] = 255
    stored = upright if row0 in ("top", "bottom") else upright.T
    stored = stored[::-1] if row0 in ("bottom", "right") else stored
    stored = stored[:, ::-1] if column0 in ("bottom", "right") else stored
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = BytesIO()
    Image.fromarray(np.ascontiguousarray(stored)).save(buffer, "PNG", exif=exif)
    notes: list[str] = []
    assert np.array_equal(read_image(buffer.getvalue(), notes=notes), upright)
    assert len(notes) == (orientation > 1)


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


@pytest.mark.parametrize("suffix", ["png", "dcm"])
def test_a_saturated_marker_does_not_eat_the_range(suffix: str):
    def written(values: np.ndarray) -> bytes:
        tags = {"BitsStored": 16, "HighBit": 15}
        return picture(Image.fromarray(values)) if suffix == "png" else dicom(values, **tags)

    values = SHADE.astype(np.uint16) * 12 + 400
    marked = values.copy()
    marked[:4, -4:] = 65_535
    for intensity in ("voi", "minmax", "equalized"):
        plain, seen = (read_image(written(each), intensity).astype(int) for each in (values, marked))
        assert np.ptp(plain) == 255
        assert np.abs(seen - plain)[4:].max() <= (4 if intensity == "equalized" else 0), intensity
        assert (seen[:4, -4:] == 255).all()


def test_sixteen_bits_are_equalised_before_they_become_eight():
    """1,200 values that crowd in a hundredth of the range come out evenly, each with its own share."""
    rng = np.random.default_rng(0)
    values = rng.permutation(np.concatenate([np.arange(30_000, 30_600, dtype=np.uint16)] * 2)).reshape(40, 30)
    values[0, 0], values[0, 1] = 0, 65_535
    pixels = read_image(picture(Image.fromarray(values)), "equalized")
    levels = np.sort(pixels.ravel()) / 255
    assert np.abs(levels - np.linspace(0, 1, levels.size)).max() < 0.01


def test_eight_bits_are_equalised_as_opencv_does():
    import cv2

    rng = np.random.default_rng(1)
    for _ in range(20):
        image = np.clip(rng.gamma(2, 25, (50, 40)), 0, 255).astype(np.uint8)
        assert np.array_equal(read_image(picture(Image.fromarray(image)), "equalized"), cv2.equalizeHist(image))


# DICOM --------------------------------------------------------------------------------------------------------------


def sided(orientation: list[str], upright: np.ndarray) -> np.ndarray:
    """Stored pixels whose rows and columns run towards those sides of the patient, pixel by pixel."""
    height, width = upright.shape
    step = {"L": (0, 1), "R": (0, -1), "F": (1, 0), "H": (-1, 0)}  # towards a side: down and to the right, upright
    across, down = (step[way] for way in orientation)
    rows, columns = (height, width) if down[0] else (width, height)
    first = height - 1 if -1 in (across[0], down[0]) else 0, width - 1 if -1 in (across[1], down[1]) else 0
    places = [[(first[0] + r * down[0] + c * across[0], first[1] + r * down[1] + c * across[1])
               for c in range(columns)] for r in range(rows)]  # fmt: skip
    return np.array([[upright[place] for place in line] for line in places])


@pytest.mark.parametrize("orientation", ["L F", "R F", "L H", "R H", "F L", "F R", "H L", "H R"])
def test_the_patients_left_is_on_the_right(orientation: str):
    upright = SHADE.astype(np.uint16) * 16
    stored = sided(orientation.split(), upright)
    assert np.array_equal(read_image(dicom(stored, PatientOrientation=orientation.split())), read_image(dicom(upright)))


def test_a_window_that_shows_nothing_is_not_applied_and_said():
    values = SHADE.astype(np.uint16) * 12 + 400  # 400 to 3,460
    notes: list[str] = []
    assert np.array_equal(read_image(dicom(values, WindowCenter=50, WindowWidth=350), notes=notes), SHADE)
    assert notes == ["WindowCenter and WindowWidth would leave the picture blank: not applied"]


def test_a_bit_of_undeclared_graphics_is_no_picture():
    values = SHADE.astype(np.uint16) * 16
    drawn = values.copy()
    drawn[10:20, 5:12] |= 1 << 12
    assert np.array_equal(read_image(dicom(drawn)), SHADE)


def test_thirty_two_bits():
    values = SHADE.astype("<u4") * 1_000_000
    data = dicom(SHADE.astype(np.uint16), BitsAllocated=32, BitsStored=32, HighBit=31, PixelData=values.tobytes())
    assert np.abs(read_image(data).astype(int) - SHADE).max() <= 1


def test_lateral_by_code_and_by_axes_and_decubitus():
    for tags in (
        {"ViewCodeSequence": Sequence([coded("lateral")])},
        {"PatientOrientation": ["A", "F"]},
        {"ViewPosition": "LATERAL"},
    ):
        with pytest.raises(ImageError, match="accept: lateral"):
            read_image(dicom(**tags))
        assert read_image(dicom(**tags), accept=["lateral"]).shape == (16, 16)
    assert read_image(dicom(ViewPosition="LLD")).shape == (16, 16)


def coded(meaning: str) -> Dataset:
    item = Dataset()
    item.CodeMeaning = meaning
    return item


MISSING = """
import sys
for name in {blocked}:
    sys.modules[name] = None
from gkmvlp.data_modules.pipeline.images import ImageError, read_image
try:
    read_image(sys.argv[1])
except ImageError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("syntax", "blocked", "package"),
    [
        ("JPEG lossless SV1", ["gdcm"], "python-gdcm"),
        ("JPEG extended", ["gdcm"], "python-gdcm"),
        ("JPEG-LS", ["gdcm", "jpeg_ls"], "pyjpegls"),
    ],
)
def test_a_missing_codec_names_syntax_and_package(tmp_path: Path, syntax: str, blocked: list[str], package: str):
    path = tmp_path / "chest.dcm"
    path.write_bytes(write_way(np.tile(SHADE, (2, 3)), PLAIN | {"syntax": syntax}))
    words = [sys.executable, "-c", MISSING.format(blocked=blocked), str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1
    assert f"({SYNTAXES[syntax]}) needs a codec that is missing: pip install" in done.stdout
    assert package in done.stdout


def test_a_missing_codec_of_jpeg_2000(monkeypatch: pytest.MonkeyPatch):
    """Pillow decodes some of it and cannot be taken out: no codec is made to be there instead."""
    nothing = SimpleNamespace(available_plugins=())
    monkeypatch.setattr("gkmvlp.data_modules.pipeline.dicom_pixels.get_decoder", lambda syntax: nothing)
    data = write_way(np.tile(SHADE, (2, 3)), PLAIN | {"syntax": "J2K"})
    with pytest.raises(ImageError, match=r"JPEG 2000 .* missing: pip install pylibjpeg pylibjpeg-openjpeg$"):
        read_image(data)


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


@pytest.mark.parametrize("kind", [np.uint16, np.float32])
def test_a_tiff_whose_white_is_zero_is_no_negative(kind):
    """PhotometricInterpretation 0 (WhiteIsZero) of the same numbers is 255 minus the picture of 1 (BlackIsZero)."""
    values = SHADE.astype(kind) * kind(200)
    pixels = []
    for photometric in (0, 1):
        buffer = BytesIO()
        Image.fromarray(values).save(buffer, "TIFF", tiffinfo={262: photometric})
        data = bytearray(buffer.getvalue())
        count = struct.unpack_from("<H", data, first := struct.unpack_from("<I", data, 4)[0])[0]
        for entry in range(first + 2, first + 2 + 12 * count, 12):  # Pillow writes a photometric of its own
            if struct.unpack_from("<H", data, entry)[0] == 262:
                struct.pack_into("<H", data, entry + 8, photometric)
        pixels.append(read_image(bytes(data)).astype(int))
    assert np.abs(pixels[0] + pixels[1] - 255).max() <= 1
    assert np.abs(pixels[1] - SHADE).max() <= 1


def framed(frames: list[bytes], **tags) -> bytes:
    """A DICOM of encapsulated JPEGs."""
    padded = [frame + b"\0" * (len(frame) % 2) for frame in frames]
    baseline = FileMetaDataset()
    baseline.TransferSyntaxUID = JPEGBaseline8Bit
    baseline.MediaStorageSOPClassUID, baseline.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.3"
    tags |= {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "Rows": 40, "Columns": 30}
    return dicom(file_meta=baseline, PixelData=encapsulate(padded), **tags)


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


def rle(values=RAMP * 16, cut: int = 0, more: bytes = b"", **tags) -> bytes:
    """A DICOM in RLE, whose last segment lacks its last bytes or has more behind them."""
    planes = [(values >> 8 & 0xFF).astype(np.uint8).tobytes(), (values & 0xFF).astype(np.uint8).tobytes()]
    segments = [b"".join(bytes([15]) + plane[at : at + 16] for at in range(0, len(plane), 16)) for plane in planes]
    segments[1] = segments[1][: len(segments[1]) - cut] + more
    starts = [64, 64 + len(segments[0])]
    header = struct.pack("<16L", 2, *starts, *[0] * 13)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = RLELossless
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.3"
    return dicom(values, file_meta=meta, PixelData=encapsulate([header + b"".join(segments)]), **tags)


def test_runs_that_fill_the_picture_are_read():
    assert np.array_equal(read_image(rle()), read_image(dicom()))
    assert np.array_equal(read_image(rle(more=b"\0")), read_image(dicom()))  # an even length


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ({"Columns": 15}, "the runs give 256 pixels, Columns x Rows 15 x 16 are 240"),
        ({"Columns": 17}, "the runs give 256 pixels, Columns x Rows 17 x 16 are 272"),
        ({"cut": 17}, "the runs give 240 pixels, Columns x Rows 16 x 16 are 256"),
        ({"more": bytes([240, 7])}, "the runs give 273 pixels, Columns x Rows 16 x 16 are 256"),
        ({"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}, "2 segments, BitsAllocated 8 needs 1"),
    ],
)
def test_runs_that_do_not_fill_the_picture_are_named(broken, told):
    with pytest.raises(ImageError, match=re.escape(told)) as error:
        read_image(rle(**broken))
    assert "\n" not in str(error.value)


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


@pytest.mark.parametrize("tags", [{}, {"PixelRepresentation": 1}])
@pytest.mark.parametrize("is_progressive", [False, True])
def test_a_jpeg_in_a_dicom_is_the_picture_whatever_sign_is_told(tags, is_progressive):
    buffer = BytesIO()
    Image.fromarray(SHADE).save(buffer, "JPEG", quality=100, progressive=is_progressive)
    assert np.abs(read_image(framed([buffer.getvalue()], **tags)).astype(int) - SHADE).max() <= 2


BROKEN = r"""
import sys
from io import BytesIO
import numpy as np
from PIL import Image
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless
from gkmvlp.data_modules.pipeline.images import ImageError, read_image
from gkmvlp.data_modules.synthetic.dicom_ways import PLAIN, write_way
from pydicom import dcmread
from pydicom.encaps import encapsulate, generate_frames
shade = np.rint(np.add.outer(np.arange(64), np.arange(48)) * 255 / 110).astype(np.uint8)
for syntax in ("JPEG baseline", "JPEG lossless SV1", "JPEG-LS", "J2K"):
    for change in ("rows", "columns", "half", "tail", "head", "empty", "colour"):
        dataset = dcmread(BytesIO(write_way(shade, PLAIN | {"syntax": syntax, "bits": "8 in 8"})))
        frame = next(iter(generate_frames(dataset.PixelData, number_of_frames=1)))
        if change == "colour":
            if syntax not in ("JPEG baseline", "J2K"):
                continue
            buffer = BytesIO()
            Image.fromarray(shade).convert("RGB").save(buffer, "JPEG" if "baseline" in syntax else "JPEG2000")
            frame = buffer.getvalue()
        dataset.Rows *= 2 if change == "rows" else 1
        dataset.Columns -= 8 if change == "columns" else 0
        frame = {"half": frame[: len(frame) // 2], "tail": frame[:-60], "head": b"\0\0" + frame[2:],
                 "empty": b"\0\0"}.get(change, frame)
        dataset.PixelData = encapsulate([frame + b"\0" * (len(frame) % 2)])
        file = BytesIO()
        dataset.save_as(file)
        try:
            read_image(file.getvalue())
        except ImageError as error:
            print(f"{syntax}, {change}: {error}")
        else:
            print(f"{syntax}, {change}: READ")
"""


def test_a_broken_codestream_is_one_line_and_ends_no_process():
    """Codecs that are given what they cannot take write to stderr, read beyond their buffers, or call ``abort``."""
    done = subprocess.run([sys.executable, "-c", BROKEN], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 4 * 7 - 2
    assert not [line for line in lines if not ("cannot be decoded" in line or "the codestream has" in line)]
    lossless = sum("JPEG lossless" in line for line in lines)  # which GDCM alone decodes, and complains of
    assert len(done.stderr.splitlines()) <= lossless


@pytest.mark.parametrize("spelling", ["MONOCHROM2", "MONOCRHOME2", "MONO 2"])
def test_misspelt_monochrome_keeps_its_number(spelling):
    assert np.array_equal(read_image(dicom(PhotometricInterpretation=spelling)), read_image(dicom()))
    bright = read_image(dicom(PhotometricInterpretation=spelling.replace("2", "1")))
    assert np.array_equal(bright, read_image(dicom(PhotometricInterpretation="MONOCHROME1")))


def test_a_slope_beyond_all_measure_is_none():
    assert np.array_equal(read_image(dicom(RescaleSlope="1e300", RescaleIntercept="0")), read_image(dicom()))


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


@pytest.mark.parametrize("bits", [0, 17, 65_535])
def test_a_table_of_impossible_bits_is_shown_by_its_greatest_entry(bits: int):
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [4096, 0, bits])
    item.add_new("LUTData", "OW", np.arange(4096, dtype="<u2").tobytes())
    window = dicom(WindowCenter=2048, WindowWidth=4096)
    assert np.array_equal(read_image(dicom(VOILUTSequence=Sequence([item]))), read_image(window))


def tiff_of(value_HW: np.ndarray, *more: tuple[int, int]) -> bytes:
    """A grey TIFF of one strip; ``more`` are further tags with their numbers."""
    height, width = value_HW.shape
    tags = [(256, width), (257, height), (258, 8 * value_HW.itemsize), (259, 1), (262, 1), (273, 8), (277, 1),
            (278, height), (279, value_HW.nbytes), *more]  # fmt: skip
    entries = b"".join(struct.pack("<HHLL", tag, 4, 1, number) for tag, number in tags)
    start = struct.pack("<L", 8 + value_HW.nbytes)
    return b"II*\0" + start + value_HW.tobytes() + struct.pack("<H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize(
    ("kind", "step", "first"), [("u4", 16_843_009, 0), ("i4", 1000, -100_000), ("i2", 100, -12_000), ("i1", 1, -128)]
)
def test_a_tiff_is_read_with_the_sign_that_it_says(kind: str, step: int, first: int):
    """SampleFormat (TIFF 6.0, section 19): 1 unsigned, 2 signed."""
    value = (SHADE.astype(np.int64) * step + first).astype(f"<{kind}")
    data = tiff_of(value, (339, 1 if kind[0] == "u" else 2))
    assert np.abs(read_image(data).astype(int) - SHADE).max() <= 1


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


def test_a_tiff_that_tells_of_no_sign_has_none():
    """SampleFormat's default is 1, unsigned (TIFF 6.0, section 19)."""
    value = SHADE.astype("<u4") * 16_843_009
    assert np.abs(read_image(tiff_of(value)).astype(int) - SHADE).max() <= 1


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


def test_rows_and_columns_that_are_exchanged_skew_no_picture():
    shade = np.add.outer(np.arange(96), 20 * np.arange(120)).astype(np.uint16)
    assert read_image(dicom(shade)).shape == (96, 120)
    with pytest.raises(ImageError, match=r"Rows and Columns \(120 and 96\) are exchanged"):
        read_image(dicom(shade, Rows=120, Columns=96))


@pytest.mark.parametrize(
    "keyword", ["PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"]
)
def test_pixels_that_are_not_square_are_refused(keyword: str):
    plain = read_image(dicom())
    for sides in (["2", "2"], ["100", "101"], ["0", "1"], ["1"]):
        assert np.array_equal(read_image(dicom(**{keyword: sides})), plain)
    with pytest.raises(ImageError, match=f"{keyword}: pixels are 1 high and 2 wide, not square; resample"):
        read_image(dicom(**{keyword: ["1", "2"]}))


def test_values_that_extend_a_sign_have_one_whatever_is_told():
    notes: list[str] = []
    values = (RAMP.astype(np.int32) * 16 - 2048).astype("<i2").view("<u2")
    assert np.array_equal(read_image(dicom(values), notes=notes), read_image(dicom()))
    assert notes == ["PixelRepresentation tells of no sign, the values extend one: read with it"]


@pytest.mark.parametrize("kind", ["JPEG", "JPEG2000"])
def test_two_pictures_in_fragments_are_not_the_first_of_them(kind: str):
    """NumberOfFrames is absent, and so is a table of offsets."""
    streams = [picture(image, kind) for image in (NOISE, NOISE.transpose(Image.Transpose.ROTATE_90))]
    streams = [stream[max(stream.find(b"\xff\x4f\xff\x51"), 0) :] for stream in streams]
    syntax = JPEGBaseline8Bit if kind == "JPEG" else SYNTAXES["J2K"]

    def file(*frames: bytes) -> bytes:
        dataset = dcmread(BytesIO(dicom(RAMP.repeat(4, 0).repeat(4, 1), BitsAllocated=8, BitsStored=8, HighBit=7)))
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.PixelData = encapsulate(list(frames), has_bot=False)
        dataset["PixelData"].is_undefined_length, dataset["PixelData"].VR = True, "OB"
        buffer = BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        return buffer.getvalue()

    assert read_image(file(streams[0])).shape == (64, 64)
    with pytest.raises(ImageError, match="PixelData hold 2 frames, not one"):
        read_image(file(*streams))


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


def region(meaning: str) -> Dataset:
    """An item of AnatomicRegionSequence."""
    item = Dataset()
    item.CodeMeaning = meaning
    return item


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"ViewPosition": "RAO"}, "ViewPosition RAO is not frontal: no regions of the atlas"),
        ({"ViewPosition": "AP SUPINE"}, None),
        ({"ViewPosition": "XYZ"}, "ViewPosition XYZ is spelled in no known way: no regions of the atlas"),
        ({"ViewPosition": "PA", "PatientOrientation": ["A", "F"]}, "ViewCodeSequence, PatientOrientation or Image"),
        ({"SeriesDescription": "Chest lateral"}, "no ViewPosition, and a description that names a lateral view"),
        ({"SeriesDescription": "Chest PA and lateral"}, None),
        ({"BodyPartExamined": "HAND"}, "BodyPartExamined is HAND, no chest"),
        ({"BodyPartExamined": "PORT CHEST"}, None),
        ({"AnatomicRegionSequence": [region("Foot")]}, "AnatomicRegionSequence is FOOT, no chest"),
        ({"AnatomicRegionSequence": [region("Chest")]}, None),
        ({"PresentationIntentType": "FOR PROCESSING"}, "PresentationIntentType is FOR PROCESSING: raw values"),
        ({"WindowCenter": 2040, "WindowWidth": 4080, "VOILUTFunction": "SIGMOIDAL"}, "VOILUTFunction SIGMOIDAL is not"),
    ],
)
def test_what_makes_a_reading_doubtful_is_said(tags, said: str | None):
    notes: list[str] = []
    assert np.array_equal(read_image(dicom(**tags), notes=notes), read_image(dicom()))
    assert [note[: len(said or "")] for note in notes] == ([] if said is None else [said])


def test_image_orientation_turns_where_patient_orientation_is_absent_and_dummies_do_not():
    plain, notes = read_image(dicom()), list[str]()
    assert np.array_equal(read_image(dicom(ImageOrientationPatient=[-1, 0, 0, 0, 0, -1])), plain[:, ::-1])
    assert np.array_equal(read_image(dicom(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]), notes=notes), plain)
    assert not notes
    with pytest.raises(ImageError, match="a lateral view"):
        read_image(dicom(ImageOrientationPatient=[0, 1, 0, 0, 0, -1]))


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


@pytest.mark.parametrize("code", ["399198007", "R-10236"])
def test_a_lateral_view_is_known_by_its_code_whatever_language_names_it(code: str):
    item = Dataset()
    item.CodeValue, item.CodeMeaning = code, "seitlich"
    with pytest.raises(ImageError, match="a lateral view"):
        read_image(dicom(ViewCodeSequence=Sequence([item])))


def test_colours_are_said_and_what_a_lossy_format_makes_of_grey_is_none():
    photo = np.dstack([SHADE, 255 - SHADE, SHADE])
    for image, is_coloured in ((Image.fromarray(photo), True), (Image.fromarray(SHADE).convert("RGB"), False)):
        for kind in ("JPEG", "PNG"):
            notes: list[str] = []
            read_image(picture(image, kind), notes=notes)
            assert notes == ["has colours: their brightness is read as grey"] * is_coloured


def test_black_and_white_alone_is_said():
    notes: list[str] = []
    read_image(picture(Image.fromarray(SHADE).convert("1")), notes=notes)
    assert notes == ["has black and white alone: what lay between them is lost"]


def test_pixels_that_are_no_numbers_are_said():
    value_HW, notes = SHADE.astype(np.float32), list[str]()
    value_HW[0, :3] = np.nan, np.inf, -np.inf
    shown_HW = read_image(picture(Image.fromarray(value_HW), "TIFF"), notes=notes)
    assert notes == ["holds pixels that are no finite numbers: shown as the least or the greatest"]
    assert shown_HW[0, :3].tolist() == [0, 255, 0]

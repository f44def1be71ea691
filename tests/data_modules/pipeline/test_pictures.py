"""PNG, JPG and TIFF: bits, modes, transparency, orientation, sign and colours."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from gkmvlp.data_modules.pipeline.images import ImageError, read_image
from tests.data_modules.pipeline.small_files import RAMP, SHADE, picture


def test_wide_and_coloured_pngs():
    wide = read_image(picture(Image.fromarray((RAMP * 200).astype(np.uint16))))
    assert np.array_equal(wide, RAMP)
    grey = Image.fromarray(RAMP.astype(np.uint8))
    for mode in ("L", "RGB", "RGBA", "LA", "P"):
        assert np.abs(read_image(picture(grey.convert(mode))).astype(int) - RAMP).max() <= 1, mode


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


def lying(upright: np.ndarray, orientation: int) -> np.ndarray:
    """A picture as it is stored with that orientation: where its row 0 and column 0 lie upright (CIPA DC-008)."""
    row0, column0 = {
        1: ("top", "left"), 2: ("top", "right"), 3: ("bottom", "right"), 4: ("bottom", "left"),
        5: ("left", "top"), 6: ("right", "top"), 7: ("right", "bottom"), 8: ("left", "bottom"),
    }[orientation]  # fmt: skip
    stored = upright if row0 in ("top", "bottom") else upright.T
    stored = stored[::-1] if row0 in ("bottom", "right") else stored
    stored = stored[:, ::-1] if column0 in ("bottom", "right") else stored
    return np.ascontiguousarray(stored)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int):
    upright = SHADE.copy()
    upright[3:9, 20:27] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = BytesIO()
    Image.fromarray(lying(upright, orientation)).save(buffer, "PNG", exif=exif)
    notes: list[str] = []
    assert np.array_equal(read_image(buffer.getvalue(), notes=notes), upright)
    assert len(notes) == (orientation > 1)


def wide_tiff(channels_HWC: np.ndarray, orientation: int = 1, is_apart: bool = False) -> bytes:
    """An uncompressed RGB TIFF of sixteen bits, its channels pixel by pixel or each by itself."""
    height, width, _ = channels_HWC.shape
    planes = np.moveaxis(channels_HWC, 2, 0) if is_apart else channels_HWC[None]
    parts = [plane.astype("<u2").tobytes() for plane in planes]
    sizes, begins = [len(part) for part in parts], np.cumsum([8, *map(len, parts)]).tolist()
    tags = [(256, [width]), (257, [height]), (258, [16] * 3), (259, [1]), (262, [2]), (273, begins[:-1]),
            (274, [orientation]), (277, [3]), (278, [height]), (279, sizes), (284, [1 + is_apart])]  # fmt: skip
    entries, behind = b"", begins[-1] + 2 + 12 * len(tags) + 4
    beyond = b""
    for tag, numbers in tags:
        kind, code = (4, "I") if tag in (256, 257, 273, 278, 279) else (3, "H")
        value = struct.pack(f"<{len(numbers)}{code}", *numbers)
        if len(value) > 4:
            value, beyond = struct.pack("<I", behind + len(beyond)), beyond + value
        entries += struct.pack("<HHI", tag, kind, len(numbers)) + value.ljust(4, b"\0")
    head = b"II*\0" + struct.pack("<I", begins[-1])
    return head + b"".join(parts) + struct.pack("<H", len(tags)) + entries + bytes(4) + beyond


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_of_wide_channels_is_turned_once(orientation: int):
    upright = SHADE.copy()
    upright[3:9, 20:27] = 255
    stored = lying(upright, orientation).astype(np.uint16) * 257
    notes: list[str] = []
    assert np.array_equal(read_image(wide_tiff(np.stack([stored] * 3, -1), orientation), notes=notes), upright)
    assert len(notes) == (orientation > 1)


def test_a_tiff_whose_wide_channels_lie_apart_is_named():
    channels = np.stack([SHADE.astype(np.uint16) * 257] * 3, -1)
    assert np.array_equal(read_image(wide_tiff(channels)), SHADE)
    with pytest.raises(ImageError, match="PlanarConfiguration: the TIFF keeps its channels apart; save it as grey"):
        read_image(wide_tiff(channels, is_apart=True))


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


def test_a_tiff_that_tells_of_no_sign_has_none():
    """SampleFormat's default is 1, unsigned (TIFF 6.0, section 19)."""
    value = SHADE.astype("<u4") * 16_843_009
    assert np.abs(read_image(tiff_of(value)).astype(int) - SHADE).max() <= 1


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

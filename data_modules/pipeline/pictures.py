"""JPG, PNG and what else Pillow opens: one grey picture of eight or sixteen bits, the right way up."""

import math
import re
from functools import partial
from io import BytesIO
from typing import IO, Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gkmvlp.data_modules.pipeline.intensity import Codes, Stored, plain, to_codes
from gkmvlp.data_modules.pipeline.jpeg_end import require_whole_jpeg
from gkmvlp.errors import DataError
from gkmvlp.geometry import UPRIGHT, Letterbox, ResizeMode, Turn

# What Pillow is asked to open. Of the others some hand the file to a program that runs what stands in it (EPS), some
# have no mark that tells them from any other file.
_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "DIB", "GIF", "WEBP", "JPEG2000", "PPM", "PCX", "SGI")
_WIDE_MODES = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
_CLEAR_MODES = ("P", "PA", "RGBA", "LA")
_PNG = b"\x89PNG\r\n\x1a\n"
# PNG colour types of more than one channel (ISO 15948, 11.2.2): colour, grey with alpha, colour with alpha.
_MANY_CHANNELS = (2, 4, 6)
# How many times larger than what is shown of it a reduced picture stays: the rest is averaged over areas. At 2 the grey
# levels of radiographs differ three times as much.
_GAP = 3.0
_WIDTH, _HEIGHT, _BITS_PER_SAMPLE, _PHOTOMETRIC, _ORIENTATION, _SAMPLE_FORMAT = 256, 257, 258, 262, 0x0112, 339
_COMPRESSION, _YCBCR = 259, 6
_PLANES, _APART = 284, 2  # PlanarConfiguration and its value where each channel is stored by itself (TIFF 6.0)
_UNSIGNED, _SIGNED = 1, 2  # values of SampleFormat (TIFF 6.0, section 19)
TURNED = "lies otherwise by EXIF Orientation: turned upright"
NO_NUMBERS = "holds pixels that are no finite numbers: shown as the least or the greatest"
TWO_LEVELS = "has black and white alone: what lay between them is lost"
COLOURED = "has colours: their brightness is read as grey"
# By how many levels channels differ, in which share of a picture at least, before it counts as coloured; by how many
# pixels a side that is judged.
_COLOURED_BY, _COLOURED_SHARE, _LOOKED_AT = 16, 0.01, 64
# How the stored picture is turned so that it stands upright, by the value of EXIF Orientation (CIPA DC-008).
_TURNS = {
    2: Turn(mirrors=True),
    3: Turn(mirrors=True, inverts=True),
    4: Turn(inverts=True),
    5: Turn(exchanges_axes=True),
    6: Turn(exchanges_axes=True, mirrors=True),
    7: Turn(exchanges_axes=True, mirrors=True, inverts=True),
    8: Turn(exchanges_axes=True, inverts=True),
}
# Chunks of a PNG that an orientation can stand in; they may follow the pixels, which are decoded to reach them.
_PNG_TELLS = re.compile(rb"eXIf|tEXt|zTXt|iTXt")


def read_picture(data: bytes, notes: list[str]) -> tuple[Stored, Turn]:
    """The upright picture of a file's bytes and how it was turned; that it had to be goes to ``notes``.

    Raises:
        DataError: If it has several frames or nothing but transparency, or is a JPEG that ends before its picture.
        PIL.UnidentifiedImageError: If it is no picture.
    """
    with Image.open(BytesIO(data), formats=_FORMATS) as picture:
        frames = getattr(picture, "n_frames", 1)
        if frames > 1 and picture.format != "MPO":  # MPO: a thumbnail beside the picture
            raise DataError(f"the {picture.format} has {frames} frames, not one; export the one that is meant")
        turn = _turn(picture)
        if turn != UPRIGHT:
            notes.append(TURNED)
        if _has_wide_channels(picture, data) or _is_plain_ycbcr(picture):
            if getattr(picture, "tag_v2", {}).get(_PLANES, 1) == _APART:  # OpenCV takes them for side by side
                raise DataError("PlanarConfiguration: the TIFF keeps its channels apart; save it as grey")
            codes_HW = _grey_by_opencv(data, notes)
            left_to_do = UPRIGHT if picture.format == "TIFF" else turn  # OpenCV turns a TIFF by itself
            return plain(left_to_do.picture(codes_HW)), turn
        picture.load()  # which turns a TIFF by itself, and then no longer names an orientation
        left_to_do = _turn(picture)
        if picture.mode in _WIDE_MODES:
            value_HW = _with_sign(np.asarray(picture), picture)
            if getattr(picture, "tag_v2", {}).get(_PHOTOMETRIC) == 0:  # white is zero: Pillow turns eight bits alone
                value_HW = -value_HW if value_HW.dtype.kind == "f" else ~value_HW
            notes += [NO_NUMBERS] if not np.isfinite(value_HW).all() else []
            is_plain = value_HW.dtype in (np.uint8, np.uint16)
            codes_HW = value_HW.astype(f"=u{value_HW.itemsize}") if is_plain else to_codes(value_HW)[0]
        else:
            notes += [COLOURED] if _is_coloured(picture) else []
            notes += [TWO_LEVELS] if picture.mode == "1" else []
            codes_HW = _with_sign(np.asarray(_grey(picture), np.uint8), picture)
            if picture.format in ("JPEG", "MPO"):
                require_whole_jpeg(data, codes_HW, _decode_jpeg)
    return plain(left_to_do.picture(codes_HW)), turn


def read_reduced(
    data: bytes, notes: list[str], side: int, fit: ResizeMode
) -> tuple[Stored, Turn, tuple[int, int]] | None:
    """A JPG far larger than the square, decoded at a half, a quarter or an eighth of its size.

    libjpeg leaves out the frequencies that the smaller picture cannot hold, and most of the work of decoding with them.

    Args:
        data: A file's bytes.
        notes: Gets a line where the picture had to be turned.
        side: Side of the square in pixels that it is for.
        fit: How it is fitted to that.

    Returns:
        The picture, at least ``_GAP`` times the size that is shown of it, how it was set upright, and the width and
        height that it has whole.
        None where it must be read whole: it is no JPG, not so large, or so even that all its pixels have to be seen.

    Raises:
        DataError: If it ends before its picture does.
        PIL.UnidentifiedImageError: If it is no picture.
    """
    with Image.open(BytesIO(data), formats=_FORMATS) as picture:
        if picture.format != "JPEG":
            return None
        turn, stored_size = _turn(picture), picture.size
        width, height = (int(length) for length in turn.size(*stored_size))
        frame = Letterbox.fit(width, height, side, fit)
        wanted = turn.size(width * frame.scale_x, height * frame.scale_y)
        draft = math.ceil(_GAP * wanted[0]), math.ceil(_GAP * wanted[1])
        picture.draft(None, draft)
        if picture.size == stored_size:
            return None
        part = 2.0 ** round(math.log2(picture.width / stored_size[0]))
        # what is left of a pixel at the right and lower edge is rounded up by libjpeg: less than half of one is cut
        columns, rows = (max(round(length * part), 1) for length in stored_size)
        is_coloured = _is_coloured(picture)
        codes_HW = np.asarray(_grey(picture), np.uint8)
        require_whole_jpeg(data, codes_HW, partial(_decode_jpeg, draft=draft))
        codes_HW = codes_HW[:rows, :columns]
    stored = plain(turn.picture(codes_HW))
    if stored.is_blank():
        return None
    notes += [TURNED] * (turn != UPRIGHT) + [COLOURED] * is_coloured
    return stored, turn, (width, height)


def _decode_jpeg(data: bytes, draft: tuple[int, int] | None = None) -> Codes:
    """Grey (H, W) of a JPG as it is stored, at the part of its size that is the next larger to ``draft``."""
    with Image.open(BytesIO(data), formats=("JPEG",)) as picture:
        if draft is not None:
            picture.draft(None, draft)
        return np.asarray(_grey(picture), np.uint8)


def turn_of(file: IO[bytes]) -> tuple[Turn, tuple[float, float]]:
    """How the picture in an open file is set upright, and the width and height that it is stored with."""
    file.seek(0)
    if file.read(8) == _PNG and _PNG_TELLS.search(file.read()) is None:
        return UPRIGHT, (0, 0)
    file.seek(0)
    with Image.open(file, formats=_FORMATS) as picture:
        tags = getattr(picture, "tag_v2", {})  # Pillow gives a TIFF the size that it has upright
        return _turn(picture), (tags.get(_WIDTH, picture.width), tags.get(_HEIGHT, picture.height))


def _turn(picture: Image.Image) -> Turn:
    return _TURNS.get(picture.getexif().get(_ORIENTATION, 1), UPRIGHT)


def _grey(picture: Image.Image) -> Image.Image:
    """Eight bits of grey. Transparency is dropped: radiographs saved with it, or with a palette, are opaque."""
    if picture.mode not in _CLEAR_MODES:
        return picture.convert("L")
    clear = picture.convert("RGBA")
    grey = clear.convert("RGB").convert("L")
    low, high = grey.getextrema()
    if low == high and len(set(clear.getchannel("A").getextrema())) > 1:
        raise DataError("the picture lies in its transparency (alpha) alone; save it as plain grey, without alpha")
    return grey


def _with_sign(value_HW: NDArray[Any], picture: Image.Image) -> NDArray[Any]:
    """Values (H, W) of a TIFF with the sign that it says they have: Pillow takes 8 bits for unsigned, 32 for signed.

    Eight bits with a sign become levels from 0, as they are in a DICOM. A TIFF that does not tell has no sign.
    """
    tags = getattr(picture, "tag_v2", None)
    if tags is None:
        return value_HW
    has_sign = tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))[0]
    if has_sign == _UNSIGNED and value_HW.dtype == np.int32:
        return value_HW.view(np.uint32)
    return value_HW ^ np.uint8(128) if has_sign == _SIGNED and picture.mode == "L" else value_HW


def _has_wide_channels(picture: Image.Image, data: bytes) -> bool:
    """Whether it has several channels of sixteen bits, of which Pillow keeps the upper eight."""
    if data[:8] == _PNG:
        return data[24] == 16 and data[25] in _MANY_CHANNELS
    bits = getattr(picture, "tag_v2", {}).get(_BITS_PER_SAMPLE, (8,))
    return len(bits) > 1 and max(bits) == 16


def _is_plain_ycbcr(picture: Image.Image) -> bool:
    """Whether it is an uncompressed TIFF in YCbCr, which Pillow (12.3) takes for four bytes a pixel."""
    tags = getattr(picture, "tag_v2", {})
    return tags.get(_PHOTOMETRIC) == _YCBCR and tags.get(_COMPRESSION, 1) == 1


def _is_coloured(picture: Image.Image) -> bool:
    """Whether channels differ by more than a lossy format makes them."""
    if picture.mode not in ("RGB", "RGBA", "P", "PA", "CMYK", "YCbCr"):
        return False
    step = max(min(picture.size) // _LOOKED_AT, 1)
    colour = np.asarray(picture.convert("RGB").reduce(step), np.int16)
    return float(np.quantile(np.ptp(colour, axis=2), 1 - _COLOURED_SHARE)) > _COLOURED_BY


def _grey_by_opencv(data: bytes, notes: list[str]) -> Codes:
    """Grey (H, W) of a picture with several channels, with all their bits."""
    channels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if channels is None:
        raise DataError("its channels cannot be decoded: fetch it again, or save it as grey")
    if channels.ndim == 2:
        return cast(Codes, channels)
    limit = _COLOURED_BY * (1 if channels.dtype == np.uint8 else 257)
    is_coloured = np.quantile(np.ptp(channels[::8, ::8, :3].astype(np.int32), axis=2), 1 - _COLOURED_SHARE) > limit
    notes += [COLOURED] if is_coloured else []
    alpha_HW = channels[..., 3] if channels.shape[2] == 4 else None
    grey_HW = cast(Codes, cv2.cvtColor(np.ascontiguousarray(channels[..., :3]), cv2.COLOR_BGR2GRAY))
    if alpha_HW is not None and np.ptp(grey_HW) == 0 and np.ptp(alpha_HW) > 0:
        raise DataError("the picture lies in its transparency (alpha) alone; save it as plain grey, without alpha")
    return grey_HW

"""JPG, PNG and what else Pillow opens: one grey picture of eight or sixteen bits, the right way up."""

from collections.abc import Callable
from io import BytesIO
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gkmvlp.data_modules.pipeline.levels import Codes, Stored, plain, to_codes
from gkmvlp.errors import DataError

_WIDE_MODES = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
_CLEAR_MODES = ("P", "PA", "RGBA", "LA")
_PNG = b"\x89PNG\r\n\x1a\n"
# PNG colour types of more than one channel (ISO 15948, 11.2.2): colour, grey with alpha, colour with alpha.
_MANY_CHANNELS = (2, 4, 6)
_BITS_PER_SAMPLE, _ORIENTATION = 258, 0x0112
TURNED = "lies otherwise by EXIF Orientation: turned upright"
# How the stored picture is turned so that it stands upright, by the value of EXIF Orientation (CIPA DC-008).
_TURNS: dict[int, Callable[[Codes], Codes]] = {
    2: np.fliplr,
    3: lambda codes_HW: np.rot90(codes_HW, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda codes_HW: np.rot90(codes_HW, -1),
    7: lambda codes_HW: np.rot90(np.transpose(codes_HW), 2),
    8: np.rot90,
}


def read_picture(data: bytes, notes: list[str]) -> Stored:
    """The picture of a file's bytes; that it had to be turned goes to ``notes``.

    Raises:
        DataError: If it has several frames, or nothing but transparency.
        PIL.UnidentifiedImageError: If it is no picture.
    """
    with Image.open(BytesIO(data)) as picture:
        frames = getattr(picture, "n_frames", 1)
        if frames > 1 and picture.format != "MPO":  # MPO: a thumbnail beside the picture
            raise DataError(f"the {picture.format} has {frames} frames, not one; export the one that is meant")
        turn = _TURNS.get(picture.getexif().get(_ORIENTATION, 1))
        if turn is not None:
            notes.append(TURNED)
        if _has_wide_channels(picture, data):
            codes_HW: Codes = _grey_of_wide(data)
            return plain(_turned(codes_HW, turn))
        picture.load()  # which turns a TIFF by itself, and then no longer names an orientation
        turn = _TURNS.get(picture.getexif().get(_ORIENTATION, 1))
        if picture.mode in _WIDE_MODES:
            value_HW = np.asarray(picture)
            is_plain = value_HW.dtype in (np.uint8, np.uint16)
            codes_HW = value_HW.astype(f"=u{value_HW.itemsize}") if is_plain else to_codes(value_HW)[0]
        else:
            codes_HW = np.asarray(_grey(picture), np.uint8)
    return plain(_turned(codes_HW, turn))


def _turned(codes_HW: Codes, turn: Callable[[Codes], Codes] | None) -> Codes:
    return codes_HW if turn is None else cast(Codes, np.ascontiguousarray(turn(codes_HW)))


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


def _has_wide_channels(picture: Image.Image, data: bytes) -> bool:
    """Whether it has several channels of sixteen bits, of which Pillow keeps the upper eight."""
    if data[:8] == _PNG:
        return data[24] == 16 and data[25] in _MANY_CHANNELS
    bits = getattr(picture, "tag_v2", {}).get(_BITS_PER_SAMPLE, (8,))
    return len(bits) > 1 and max(bits) == 16


def _grey_of_wide(data: bytes) -> NDArray[np.uint16]:
    """Sixteen bits of grey (H, W) of a picture with several channels."""
    channels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if channels is None:
        raise DataError("its sixteen-bit channels cannot be decoded: fetch it again, or save it as grey")
    if channels.ndim == 2:
        return np.asarray(channels, np.uint16)
    alpha_HW = channels[..., 3] if channels.shape[2] == 4 else None
    grey_HW = np.asarray(cv2.cvtColor(np.ascontiguousarray(channels[..., :3]), cv2.COLOR_BGR2GRAY), np.uint16)
    if alpha_HW is not None and np.ptp(grey_HW) == 0 and np.ptp(alpha_HW) > 0:
        raise DataError("the picture lies in its transparency (alpha) alone; save it as plain grey, without alpha")
    return grey_HW

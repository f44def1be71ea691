"""What a page takes from strangers: bytes, pixels, frames, uploads and readings a minute. Refused before decoding."""

import struct
import zlib
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from io import BytesIO

from gkmvlp.data_modules.pipeline.accept import is_dicom
from gkmvlp.data_modules.pipeline.images import ImageError

MB = 1_000_000
PIXELS = 80 * MB  # of one image: 8,900 a side; the largest detectors have a fifth of that
CLIENTS = 1_000  # who are counted at a time
LONGEST_QUESTION, LONGEST_NAME = 300, 80  # characters
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_GROUP_LENGTH = b"\x02\0\0\0"  # its tag, little endian: the first of a meta header
_PREAMBLE = 132


@dataclass(frozen=True)
class Limits:
    """Limits of a page.

    Attributes:
        upload_bytes: Of a file.
        pixels: Of an image.
        per_minute: Readings and questions of one client in a minute, and as many uploads.
    """

    upload_bytes: int = 64 * MB
    pixels: int = PIXELS
    per_minute: int = 60


def require_image(data: bytes, name: str, limits: Limits) -> None:
    """Refuses what is no PNG, JPG or DICOM of one frame and sensible size, by its head alone.

    Args:
        data: The file.
        name: What the error calls it.
        limits: What is allowed.

    Raises:
        ImageError: With what was expected.
    """
    if len(data) > limits.upload_bytes:
        raise ImageError(f"{name} has {len(data) / MB:.0f} MB; at most {limits.upload_bytes / MB:.0f} are read here")
    if is_dicom(data):
        _require_dicom(data, name, limits)
    elif data.startswith((_PNG, _JPEG)):
        _require_pixels(*_picture_size(data, name, limits), 1, name, limits)
    else:
        kind = "is empty" if not data else "is a PDF" if data.startswith(b"%PDF") else "is something else"
        raise ImageError(f"cannot read {name}: a PNG, a JPG or a DICOM was expected, and it {kind}")


def _picture_size(data: bytes, name: str, limits: Limits) -> tuple[int, int]:
    """Width and height that a PNG or JPG states; nothing is decoded."""
    import warnings

    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(BytesIO(data)) as picture:
                return picture.size
    except Image.DecompressionBombError as error:
        bomb, most = 2 * (Image.MAX_IMAGE_PIXELS or 0) / MB, limits.pixels / MB
        raise ImageError(
            f"{name} says that it has more than {bomb:.0f} million pixels; at most {most:.0f} are read here"
        ) from error
    except Exception as error:  # Pillow raises what the broken bytes happen to lead to
        raise ImageError(f"cannot read {name}: its head is broken; a whole PNG, JPG or DICOM was expected") from error


def _require_dicom(data: bytes, name: str, limits: Limits) -> None:
    """Rows, columns and frames of a DICOM, before its pixels are touched."""
    from gkmvlp.data_modules.pipeline.dicom_header import integer, open_dicom
    from gkmvlp.data_modules.pipeline.quiet import reader_settings

    _require_inflated(data, name, limits)
    try:
        with reader_settings:
            dataset = open_dicom(data, stop_before_pixels=True)
            rows, columns = (integer(dataset, keyword) or 0 for keyword in ("Rows", "Columns"))
            frames = integer(dataset, "NumberOfFrames") or 1
    except Exception as error:  # pydicom raises what the broken bytes happen to lead to
        raise ImageError(f"cannot read {name}: its head is broken; a whole PNG, JPG or DICOM was expected") from error
    _require_pixels(columns, rows, frames, name, limits)


def _require_pixels(width: int, height: int, frames: int, name: str, limits: Limits) -> None:
    if frames > 1:
        raise ImageError(f"{name} has {frames:,} frames; one was expected: export the one that is meant")
    if width * height > limits.pixels:
        raise ImageError(
            f"{name} says that it has {width * height / MB:,.0f} million pixels; "
            f"at most {limits.pixels / MB:.0f} are read here"
        )


def _require_inflated(data: bytes, name: str, limits: Limits) -> None:
    """Refuses a deflated DICOM that would grow beyond the limit: pydicom inflates it whole, whatever its size."""
    if data[_PREAMBLE : _PREAMBLE + 4] != _GROUP_LENGTH or _DEFLATED not in data[:2048]:
        return
    # the group length (0002,0000), UL of four bytes, says where the meta header ends
    (length,) = struct.unpack("<I", data[_PREAMBLE + 8 : _PREAMBLE + 12])
    inflating = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        start = inflating.decompress(data[_PREAMBLE + 12 + length :], 4 * limits.upload_bytes)
    except zlib.error as error:
        raise ImageError(f"cannot read {name}: it says that it is deflated and is not; fetch it again") from error
    if len(start) >= 4 * limits.upload_bytes:
        raise ImageError(f"{name} inflates to more than {4 * limits.upload_bytes / MB:.0f} MB, which is not read here")


@dataclass
class Rate:
    """How often each client was let in during the last minute.

    Attributes:
        per_minute: How often it may be.
        clients: Client -> times in seconds, the latest used last; the oldest clients are forgotten.
    """

    per_minute: int
    clients: OrderedDict[str, deque[float]] = field(default_factory=OrderedDict)

    def admit(self, client: str, now: float) -> float:
        """Counts one more; 0 where it is let in, else the seconds until the next would be.

        Args:
            client: Its address.
            now: A clock that never goes back, in seconds.
        """
        times = self.clients.setdefault(client, deque())
        self.clients.move_to_end(client)
        while len(self.clients) > CLIENTS:
            self.clients.popitem(last=False)
        while times and now - times[0] >= 60:
            times.popleft()
        if len(times) >= self.per_minute:
            return 60 - (now - times[0])
        times.append(now)
        return 0.0

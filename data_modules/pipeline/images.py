"""One reader for JPG, PNG and DICOM radiographs: eight bits, one channel, air dark, the patient's right on the left.

``voi`` shows what the file asks for (the window or VOI LUT of a DICOM, the stored values of an 8-bit picture),
``minmax`` stretches the whole range, ``equalized`` equalises the histogram as the JPGs of MIMIC-CXR are.
"""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeVar

from PIL import UnidentifiedImageError

from gkmvlp.data_modules.pipeline.accept import ACCEPT, Accept, RefusedError, is_dicom
from gkmvlp.data_modules.pipeline.intensity import Intensity, Pixels, Stored, show
from gkmvlp.data_modules.pipeline.pictures import read_picture, read_reduced
from gkmvlp.data_modules.pipeline.quiet import reader_settings
from gkmvlp.data_modules.pipeline.transforms import FittedImage, letterbox
from gkmvlp.errors import DataError
from gkmvlp.geometry import UPRIGHT, ResizeMode, Turn
from gkmvlp.texts import is_address, printable

__all__ = [
    "ACCEPT",
    "Accept",
    "ImageError",
    "Intensity",
    "Pixels",
    "read_image",
    "read_shown",
    "read_square",
    "read_turned",
]

# First bytes of files that bear the name of a picture and are none, and what to do about them.
_OTHER_KINDS: tuple[tuple[tuple[bytes, ...], str], ...] = (
    ((b"\x1f\x8b", b"PK\3\4", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!"), "it is packed, unpack it"),
    ((b"%PDF",), "it is a PDF, export the picture in it"),
    ((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "it is a TIFF of a rare kind, save it as a grey PNG"),
    ((b"version https://git-lfs",), "it is a Git LFS pointer, get the file with git lfs pull"),
    ((b"\x89HDF",), "it is an HDF5 file, export the picture in it"),
    ((b"\x93NUMPY",), "it is an array of NumPy, give the array to Python's predict or save it as a grey PNG"),
    ((b"NRRD", b"ObjectType", b"NDims"), "it is a volume (NRRD, MetaImage), export one radiograph of it"),
    (
        (b"8BPS", b"%!PS", b"\xc5\xd0\xd3\xc6", b"\xd7\xcd\xc6\x9a"),
        "it is a drawing or has layers, save it as PNG",
    ),
    ((b"\xff\x0a", b"\0\0\0\x0cJXL "), "it is a JPEG XL, save it as PNG"),
    ((b"{\\rtf", b"\xd0\xcf\x11\xe0"), "it is a document, export the picture in it"),
    ((b"<", b"{"), "it is a page or message of a server, fetch it again"),
)
# Marks that do not stand at the beginning: HEIC and films (ISO 14496-12), NIfTI 1 and 2, tar.
_LATER: tuple[tuple[slice, tuple[bytes, ...], str], ...] = (
    (slice(4, 8), (b"ftyp",), "it is a HEIC, AVIF or film, save the picture as PNG"),
    (slice(344, 347), (b"n+1", b"ni1"), "it is a volume (NIfTI), export one radiograph of it"),
    (slice(4, 7), (b"n+2",), "it is a volume (NIfTI), export one radiograph of it"),
    (slice(257, 262), (b"ustar",), "it is packed, unpack it"),
)
_Read = TypeVar("_Read")
SMALLEST = 8  # pixels a side; less is a pixel that somebody tracks, or an icon


class ImageError(DataError):
    """A file that holds no readable radiograph, or none that is let in.

    A DataLoader rebuilds an exception of its workers from a text that ends in the traceback's last line; only that
    line is kept, so that the user sees one line whether workers are used or not.

    Attributes:
        reason: What it is counted by: ``unreadable image``, or that of a picture that ``accept`` would let in.
    """

    def __init__(self, message: str, reason: str = "unreadable image") -> None:
        lines = message.strip().splitlines() or [""]
        super().__init__(lines[-1].removeprefix(f"{type(self).__module__}.{type(self).__qualname__}: "))
        self.reason = reason


_REASONS: dict[Accept, str] = {
    "lateral": "lateral view",
    "modality": "modality is no radiography",
    "blank": "blank image",
}


def read_image(
    source: str | Path | bytes,
    intensity: Intensity = "voi",
    name: str = "",
    accept: Collection[str] = (),
    notes: list[str] | None = None,
) -> Pixels:
    """Pixels (H, W) uint8 of one radiograph, air dark: ``read_turned`` without the turn."""
    return read_turned(source, intensity, name, accept, notes)[0]


def read_turned(
    source: str | Path | bytes,
    intensity: Intensity = "voi",
    name: str = "",
    accept: Collection[str] = (),
    notes: list[str] | None = None,
) -> tuple[Pixels, Turn]:
    """Reads one radiograph.

    Args:
        source: Path of a file, or its bytes.
        intensity: ``voi``, ``minmax`` or ``equalized`` (see the module).
        name: What an error calls the bytes.
        accept: What is read although it is no frontal radiograph: ``lateral``, ``modality``, ``blank``.
        notes: Gets a line for each thing that was not taken as the file says, such as a window that shows nothing.

    Returns:
        Pixels (H, W) uint8, air dark, and how they were set upright: boxes of the stored picture are turned likewise.

    Raises:
        ImageError: If the file is missing, empty, cut off, no single grey picture, or not let in; the file is named.
    """
    remarks = [] if notes is None else notes

    def read(data: bytes) -> tuple[Pixels, Turn]:
        shown, turn = _read(data, (intensity,), accept, remarks)
        return shown[intensity], turn

    return _named(source, name, read)


def read_shown(
    source: str | Path | bytes,
    intensities: Collection[Intensity],
    name: str = "",
    accept: Collection[str] = (),
    notes: list[str] | None = None,
) -> dict[Intensity, Pixels]:
    """``read_image`` in several intensities, decoded once.

    Args:
        source: Path of a file, or its bytes.
        intensities: Those that are asked for, each once.
        name: What an error calls the bytes.
        accept: What is read although it is no frontal radiograph.
        notes: Gets a line for each thing that was not taken as the file says.

    Returns:
        Intensity -> pixels (H, W) uint8.

    Raises:
        ImageError: As ``read_image``.
    """
    remarks = [] if notes is None else notes
    return _named(source, name, lambda data: _read(data, intensities, accept, remarks)[0])


def read_square(
    source: str | Path | bytes,
    side: int,
    fit: ResizeMode,
    intensity: Intensity = "voi",
    name: str = "",
    accept: Collection[str] = (),
    notes: list[str] | None = None,
) -> FittedImage:
    """Reads one radiograph into a model's square: ``letterbox(read_image(...))``, for large JPGs several times faster.

    A JPG far larger than the square is decoded at a part of its size (``pictures.read_reduced``); the frame is that of
    the whole picture. Grey levels of radiographs then differ by less than 0.5 of 255 on average, equalized by less than
    1.5, as ``tests/data_modules/pipeline/test_reduced.py`` holds. ``minmax`` hangs on single pixels: all are read.

    Args:
        source: Path of a file, or its bytes.
        side: Side S of the square in pixels.
        fit: How it is fitted to the square (see ``gkmvlp.geometry``).
        intensity: See ``read_image``, as for all that follows.
        name: What an error calls the bytes.
        accept: What is read although it is no frontal radiograph.
        notes: Gets a line for each thing that was not taken as the file says.

    Returns:
        Pixels (S, S) uint8, the frame, and the turn.

    Raises:
        ImageError: As ``read_image``.
    """
    remarks = [] if notes is None else notes

    def read(data: bytes) -> FittedImage:
        reduced = None if intensity == "minmax" or is_dicom(data) else read_reduced(data, remarks, side, fit)
        if reduced is None:
            shown, turn = _read(data, (intensity,), accept, remarks)
            return FittedImage(*letterbox(shown[intensity], side, fit), turn)
        stored, turn, size = reduced
        return FittedImage(*letterbox(show(stored, intensity), side, fit, size), turn)

    return _named(source, name, read)


def _named(source: str | Path | bytes, name: str, read: Callable[[bytes], _Read]) -> _Read:
    """What ``read`` makes of a file's bytes; whatever stops it becomes an ``ImageError`` that names the file."""
    if isinstance(source, str) and not source:
        raise ImageError("the path of the image is empty: name a file")
    label = printable(name or (str(source) if not isinstance(source, bytes) else "image bytes"))
    try:
        data = source if isinstance(source, bytes) else Path(source).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        if is_address(str(source)):
            raise ImageError(f"cannot read {label}: an address, download it and name the file") from error
        if isinstance(error, IsADirectoryError):
            raise ImageError(f"cannot read {label}: it is a folder; name the files in it") from error
        raise ImageError(f"cannot read {label}: {getattr(error, 'strerror', None) or error}") from error
    if not data:
        raise ImageError(f"cannot read {label}: the file is empty; fetch it again")
    try:
        with reader_settings:
            return read(data)
    except RefusedError as error:
        raise ImageError(f"{label} is refused: {error}", _REASONS[error.accept]) from error
    except UnidentifiedImageError as error:
        raise ImageError(f"cannot read {label}: neither a JPG, a PNG nor a DICOM; {_remedy(data)}") from error
    except DataError as error:
        raise ImageError(f"cannot read {label}: {error}") from error
    # Codecs raise whatever they like (RuntimeError, AttributeError, SyntaxError ...) on broken input.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(f"cannot read {label}: {reason}; a whole JPG, PNG or grey DICOM was expected") from error


def _remedy(data: bytes) -> str:
    """What to do about a file that is no picture."""
    later = next((remedy for place, marks, remedy in _LATER if data[place].startswith(marks)), None)
    start = data[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    return later or next((remedy for starts, remedy in _OTHER_KINDS if start.startswith(starts)), "fetch it again")


def _read(
    data: bytes, intensities: Collection[Intensity], accept: Collection[str], notes: list[str]
) -> tuple[dict[Intensity, Pixels], Turn]:
    if not is_dicom(data):
        stored, turn = read_picture(data, notes)
        _require_picture(stored, accept)
        return {intensity: show(stored, intensity) for intensity in intensities}, turn
    from gkmvlp.data_modules.pipeline.dicom import read_stored
    from gkmvlp.data_modules.pipeline.dicom_header import open_dicom
    from gkmvlp.data_modules.pipeline.dicom_view import TURNED, turn_of

    dataset = open_dicom(data)
    stored = read_stored(dataset, accept, notes)
    _require_picture(stored, accept)
    turn = turn_of(dataset)
    notes += [TURNED] if turn != UPRIGHT else []
    return {intensity: turn.picture(show(stored, intensity)) for intensity in intensities}, turn


def _require_picture(stored: Stored, accept: Collection[str]) -> None:
    height, width = stored.codes_HW.shape
    if min(height, width) < SMALLEST:
        raise DataError(f"{width} x {height} pixels are no radiograph; {SMALLEST} a side or more were expected")
    if "blank" not in accept and stored.is_blank():
        raise RefusedError("the picture is blank: all but a hundredth of it is one grey", "blank")

"""What an encapsulated frame of pixel data says of itself, before any codec sees it (PS3.5, A.4 and annex G)."""

import struct
from typing import NamedTuple

from pydicom.encaps import generate_fragments
from pydicom.uid import (
    UID,
    JPEG2000Lossless,
    JPEG2000TransferSyntaxes,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSTransferSyntaxes,
    RLELossless,
)

from gkmvlp.errors import DataError

_JPEG, _JPEG_2000 = b"\xff\xd8", b"\xff\x4f\xff\x51"
_JP2 = b"jP  "
_BEGINNINGS = (_JPEG + b"\xff", _JPEG_2000)  # of a codestream: JPEG and JPEG-LS, JPEG 2000
_FRAMES = {0xC0: JPEGBaseline8Bit, 0xC1: JPEGExtended12Bit, 0xC2: JPEGBaseline8Bit, 0xC3: JPEGLossless,
           0xF7: JPEGLSLossless}  # fmt: skip
# Kinds of frame that several transfer syntaxes share.
_KINDS = {0xC3: (JPEGLossless, JPEGLosslessSV1), 0xF7: JPEGLSTransferSyntaxes}


class Codestream(NamedTuple):
    """What an encapsulated frame says of itself.

    Attributes:
        syntax: Transfer syntax.
        bits: Bits a sample; None where the frame does not tell, as RLE does not.
        is_signed: Whether samples have a sign.
        size: Rows and columns; zeros where they are not told.
    """

    syntax: UID
    bits: int | None = None
    is_signed: bool = False
    size: tuple[int, int] = (0, 0)


def read_codestream(frame: bytes, named: UID) -> Codestream:
    """What a codestream says; what it does not tell stays as the transfer syntax that is named.

    Raises:
        DataError: If it has several components, whatever the attributes say.
    """
    if frame[4:8] == _JP2:  # a JP2 file, which has its codestream in a box (ISO 15444-1, annex I)
        frame = frame[max(frame.find(_JPEG_2000), 0) :]
    if frame.startswith(_JPEG_2000):
        return _jpeg_2000(frame, named)
    if frame.startswith(_JPEG):
        return _jpeg(frame, named)
    is_rle = frame[1:4] == b"\0\0\0" and 0 < frame[0] < 16 and frame[4:8] == b"\x40\0\0\0"
    return Codestream(RLELossless if is_rle and named.is_little_endian and not named.is_compressed else named)


def _jpeg_2000(frame: bytes, named: UID) -> Codestream:
    """The sizes follow the marker (ISO 15444-1, A.5.1)."""
    width, height, left, top = (int.from_bytes(frame[at : at + 4], "big") for at in range(8, 24, 4))
    _need_one_component(int.from_bytes(frame[40:42], "big"))
    syntax = named if named in JPEG2000TransferSyntaxes else JPEG2000Lossless
    return Codestream(syntax, (frame[42] & 0x7F) + 1, bool(frame[42] & 0x80), (height - top, width - left))


def _jpeg(frame: bytes, named: UID) -> Codestream:
    """Segments up to the frame header are passed over (ISO 10918-1, B.1)."""
    place = 2
    while place + 9 < len(frame) and frame[place] == 0xFF:
        marker = frame[place + 1]
        if marker in _FRAMES:
            height, width = (int.from_bytes(frame[at : at + 2], "big") for at in (place + 5, place + 7))
            _need_one_component(frame[place + 9])
            syntax = named if named in _KINDS.get(marker, ()) else _FRAMES[marker]
            return Codestream(syntax, frame[place + 4], size=(height, width) if height else (0, 0))
        place += 1 if marker == 0xFF else 2 + int.from_bytes(frame[place + 2 : place + 4], "big")
    return Codestream(named)


def _need_one_component(components: int) -> None:
    if components != 1:
        raise DataError(f"PixelData: the codestream has {components} components, not one; export it grey")


def is_codestream(value: bytes) -> bool:
    """Whether bytes begin as a JPEG, a JPEG-LS or a JPEG 2000 does."""
    return value.startswith(_BEGINNINGS) or value[4:8] == _JP2


def require_one_codestream(value: bytes) -> None:
    """Checks that one fragment alone begins a picture: codecs show the first, whatever NumberOfFrames leaves out."""
    count = sum(fragment.startswith(_BEGINNINGS) for fragment in generate_fragments(value))
    if count > 1:
        raise DataError(f"PixelData hold {count} frames, not one; export the one that is meant")


def require_whole_runs(frame: bytes, rows: int, columns: int, allocated: int) -> None:
    """Checks that the runs of an RLE frame fill the picture (PS3.5, annex G): codecs cut off or skew it in silence."""
    count, *starts = struct.unpack_from("<16L", frame.ljust(64, b"\0"))
    if count != allocated // 8:
        reason = f"{count} segments, BitsAllocated {allocated} needs {allocated // 8}"
        raise DataError(f"PixelData in RLE: {reason}; export it again")
    ends = [*starts[1:count], len(frame)]
    for start, end in zip(starts[:count], ends, strict=True):
        pixels = _run_lengths(frame[start:end])
        if pixels < rows * columns or pixels - rows * columns >= min(rows, columns):
            reason = f"the runs give {pixels:,} pixels, Columns x Rows {columns} x {rows} are {rows * columns:,}"
            raise DataError(f"PixelData in RLE: {reason}; export it again")


def _run_lengths(segment: bytes) -> int:
    """Bytes that a segment of PackBits decodes to; what pads it to an even length gives none."""
    total = place = 0
    while place < len(segment):
        head = segment[place]
        if head < 128:
            total += min(head + 1, len(segment) - place - 1)
            place += head + 2
        else:
            total += 257 - head if head > 128 and place + 1 < len(segment) else 0
            place += 2 if head > 128 else 1
    return total

"""JPEGs whose data end before their picture does: decoders fill up the rest and say nothing. H x W pixels."""

import re
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from gkmvlp.errors import DataError

_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # but for those within entropy-coded data (ISO 10918-1, B.1.1.5)
_START, _END, _SCAN, _INTERVAL = 0xD8, 0xD9, 0xDA, 0xDD
_SEQUENTIAL, _PROGRESSIVE = (0xC0, 0xC1), 0xC2  # frames in Huffman codes
_COEFFICIENTS = 64  # of a block
_SHORTEST_SCAN = 8  # bytes of a scan header
# Codes that no picture asked for. Behind a whole one they are passed over; in one that was cut they fill blocks.
_SURPLUS = bytes((37 * place * place + 91 * place + 13) % 255 for place in range(96))
# The same in each of the eight intervals that a decoder may wait for, where a picture has intervals.
_SURPLUS_BY_INTERVAL = b"".join(_SURPLUS + bytes((0xFF, 0xD0 + interval % 8)) for interval in range(16)) + _SURPLUS
_TOLD = "the JPEG ends before its picture does"
Decode = Callable[[bytes], NDArray[np.unsignedinteger]]


def require_whole_jpeg(data: bytes, code_HW: NDArray[np.unsignedinteger], decode: Decode, bits: int = 8) -> None:
    """Checks that a JPEG has all passes and each block of its last one, by its stream.

    What is missing of a sequential one is decoded as the middle of all grey levels: one whose last pixel has that grey
    is decoded again with codes behind its end, and so is every progressive one, in which missing blocks do not show.

    Args:
        data: The JPEG.
        code_HW: What it was decoded to, as the file has it.
        decode: How.
        bits: Bits a sample.

    Raises:
        DataError: If it was cut.
    """
    segments = list(_segments(data))
    frame = next((each for each in segments if each[0] in (*_SEQUENTIAL, _PROGRESSIVE)), None)
    if frame is None:
        return
    is_progressive = frame[0] == _PROGRESSIVE
    scans = [_scan_header(data, place) for kind, place in segments if kind == _SCAN]
    if not _have_all_passes(scans, _components(data, frame[1]), is_progressive):
        raise DataError(f"{_TOLD}: passes are missing, without which it is blurred; fetch it again")
    middle = 1 << (bits - 1)  # half of it in CMYK
    if not is_progressive and code_HW[-1, -1] not in (middle, middle // 2):
        return
    if _is_read_on(data, segments, code_HW, decode):
        raise DataError(f"{_TOLD}: the rest would be shown grey; fetch it again")


def _is_read_on(
    data: bytes, segments: list[tuple[int, int]], code_HW: NDArray[np.unsignedinteger], decode: Decode
) -> bool:
    """Whether codes behind the picture change it."""
    end = next((place for kind, place in segments if kind == _END), None)
    if end is None:  # decoders refuse it
        return False
    has_intervals = any(kind == _INTERVAL for kind, _ in segments)
    surplus = _SURPLUS_BY_INTERVAL if has_intervals else _SURPLUS
    try:
        picture = data[:end].rstrip(b"\xff")  # which may stand before any marker (B.1.1.2)
        return not np.array_equal(decode(picture + surplus + data[end:]), code_HW)
    except Exception:  # codes that mean nothing were read; GDCM stops at intervals behind a whole picture as well
        return not has_intervals


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Kind of each whole segment up to the end of the picture, and where its marker begins."""
    place = 0
    while marker := _MARKER.search(data, place):
        kind, place = data[marker.start() + 1], marker.end()
        if kind not in (_START, _END):
            place += int.from_bytes(data[place : place + 2], "big")
            if place > len(data) or (kind == _SCAN and place < marker.end() + _SHORTEST_SCAN):  # behind the picture
                return
        yield kind, marker.start()
        if kind == _END:
            return


def _components(data: bytes, place: int) -> set[int]:
    """Ids of the components of a frame (ISO 10918-1, B.2.2)."""
    return {*data[place + 10 : place + 10 + 3 * data[place + 9] : 3]}


def _scan_header(data: bytes, place: int) -> tuple[set[int], slice, int]:
    """Components of a scan, its coefficients, and how many of their bits it leaves to later ones (B.2.3)."""
    count = data[place + 4]
    first, last, bits = data[place + 5 + 2 * count : place + 8 + 2 * count]
    return {*data[place + 5 : place + 5 + 2 * count : 2]}, slice(first, last + 1), bits & 0x0F


def _have_all_passes(scans: list[tuple[set[int], slice, int]], components: set[int], is_progressive: bool) -> bool:
    """Whether each coefficient of each component has been sent to its last bit."""
    if not is_progressive:
        return components <= set().union(*(sent for sent, _, _ in scans))
    left = {component: np.ones(_COEFFICIENTS, np.int64) for component in components}
    for sent, part, bits in scans:
        for component in sent & components:
            left[component][part] = bits
    return not any(left_64.any() for left_64 in left.values())

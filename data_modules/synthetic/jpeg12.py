"""JPEG of twelve bits (ISO 10918-1, extended sequential process), which none of our codecs writes.

N blocks of 8 x 8 coefficients. Huffman codes are of one length: the files are large, and whole.
"""

import numpy as np
from numpy.typing import NDArray

# Runs of up to 15 zeros before a number of 1 to 14 bits, end of block, sixteen zeros (F.1.2.2.1).
_AC = (0x00, 0xF0, *((run << 4) | size for run in range(16) for size in range(1, 15)))
_DC = tuple(range(16))
_AC_LENGTH, _DC_LENGTH = 8, 5
# Places of a block from low to high frequencies (A.3.6): by diagonals, whose direction alternates.
_ZIGZAG = sorted(range(64), key=lambda k: (k // 8 + k % 8, k // 8 if (k // 8 + k % 8) % 2 else k % 8))


def encode(sample_HW: NDArray[np.integer], step: int = 2) -> bytes:
    """A JPEG file.

    Args:
        sample_HW: Samples (H, W) in 0..4095.
        step: What all coefficients are rounded to; the error of a sample is about a quarter of it.
    """
    height, width = sample_HW.shape
    coefficient_N64 = np.rint(_transformed(sample_HW) / step).astype(np.int64)
    bits = _entropy_coded(coefficient_N64[:, _ZIGZAG])
    bits += "1" * (-len(bits) % 8)
    scan = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")
    frame = bytes([12]) + height.to_bytes(2, "big") + width.to_bytes(2, "big") + bytes([1, 1, 0x11, 0])
    tables = _table(0x00, _DC, _DC_LENGTH) + _table(0x10, _AC, _AC_LENGTH)
    return b"".join(
        (b"\xff\xd8", _segment(0xDB, bytes([0] + [step] * 64)), _segment(0xC1, frame), _segment(0xC4, tables),
         _segment(0xDA, bytes([1, 1, 0, 0, 63, 0])), scan, b"\xff\xd9")
    )  # fmt: skip


def _transformed(sample_HW: NDArray[np.integer]) -> NDArray[np.float64]:
    """Cosine transform of the 8 x 8 blocks, row by row (N, 64) (A.3.3)."""
    height, width = sample_HW.shape
    shifted = np.pad(sample_HW.astype(np.float64) - 2048, ((0, -height % 8), (0, -width % 8)), "edge")
    block = shifted.reshape(shifted.shape[0] // 8, 8, -1, 8).transpose(0, 2, 1, 3).reshape(-1, 8, 8)
    place, frequency = np.arange(8), np.arange(8)[:, None]
    cosine = np.cos((2 * place + 1) * frequency * np.pi / 16) * np.where(frequency == 0, np.sqrt(0.5), 1.0) / 2
    return np.asarray(cosine @ block @ cosine.T, np.float64).reshape(-1, 64)


def _entropy_coded(zigzag_N64: NDArray[np.int64]) -> str:
    """Huffman codes and numbers of all blocks as a text of 0 and 1 (F.1.2)."""
    parts: list[str] = []
    last = 0
    for first, *others in zigzag_N64.tolist():
        size, number = _number(first - last)
        parts += [format(_DC.index(size), f"0{_DC_LENGTH}b"), number]
        last, run = first, 0
        end = max((k + 1 for k, value in enumerate(others) if value), default=0)
        for value in others[:end]:
            if value == 0:
                run += 1
                continue
            size, number = _number(value)
            parts += [format(_AC.index(0xF0), "08b")] * (run // 16)
            parts += [format(_AC.index((run % 16) << 4 | size), "08b"), number]
            run = 0
        parts += [format(_AC.index(0x00), "08b")] * (end < 63)
    return "".join(parts)


def _number(value: int) -> tuple[int, str]:
    """How many bits a number takes, and these: a negative one less 1, without its sign."""
    size = abs(value).bit_length()
    return size, format(value if value > 0 else value + (1 << size) - 1, f"0{size}b") if size else ""


def _table(kind: int, symbols: tuple[int, ...], length: int) -> bytes:
    counts = [len(symbols) if each == length else 0 for each in range(1, 17)]
    return bytes([kind, *counts, *symbols])


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content

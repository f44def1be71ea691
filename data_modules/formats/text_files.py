"""The text of a file, whatever its compression (gz, bz2, xz or zst) and encoding.

Text is UTF-8, or UTF-16 or UTF-32 where the file's first bytes say so or every second one is zero; bytes that are none
of it are read as Windows-1252.
"""

import bz2
import codecs
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from gkmvlp.data_modules.formats.plain_text import as_western, one_line
from gkmvlp.errors import DataError

_UNPACK: dict[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": gzip.decompress,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ": lzma.decompress,
    b"\x28\xb5\x2f\xfd": lambda data: bytes(pa.CompressedInputStream(pa.BufferReader(data), "zstd").read()),
}
# UTF-32 first: its mark begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_text(path: Path, remedy: str = "use the official file") -> str:
    """A text file in any of the encodings that tables come in.

    Raises:
        DataError: If it is missing or broken.
    """
    text = as_western(decode(path, read_bytes(path, remedy), remedy))
    return text if "\n" in text.strip() else text.replace("\r", "\n")  # lines as old Macs, and Excel on them, end them


def read_bytes(path: Path, remedy: str) -> bytes:
    """A file's bytes, unpacked.

    Raises:
        DataError: If it is missing or broken.
    """
    try:
        data = path.read_bytes()
        for mark, unpack in _UNPACK.items():
            if data.startswith(mark):
                return unpack(data)
    # Unpacking raises OSError, EOFError, zlib.error, LZMAError; paths ValueError.
    except Exception as error:
        raise DataError(f"cannot read {path}: {one_line(error)}; {remedy}") from error
    return data


def decode(source: object, data: bytes, remedy: str) -> str:
    """Bytes as text without NUL; bytes that are no UTF-8 become surrogates.

    Raises:
        DataError: If they begin as UTF-16 or UTF-32 and are not.
    """
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), _guess(data))
    try:
        return data.decode(encoding).replace("\0", "")
    except UnicodeDecodeError as error:
        if encoding.startswith("utf-8"):
            return data.decode(encoding, "surrogateescape").replace("\0", "")
        raise DataError(f"cannot read {source}: it begins as {encoding} and ends otherwise; {remedy}") from error


def _guess(data: bytes) -> str:
    """UTF-16 without its mark has a zero in nearly every second byte of Western text."""
    sample = np.frombuffer(data[: min(len(data), 4096) // 2 * 2], np.uint8).reshape(-1, 2)
    high, low = (sample == 0).mean(0) if len(sample) else (0.0, 0.0)
    return "utf-16-le" if low > 0.4 > high else "utf-16-be" if high > 0.4 > low else "utf-8"

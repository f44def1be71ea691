"""What is refused unless a user lets it in, and which files are DICOMs: known without pydicom, which loads slowly."""

from collections.abc import Collection
from typing import Literal, cast

from gkmvlp.errors import DataError, UsageError

Accept = Literal["lateral", "modality", "blank"]
ACCEPT: tuple[Accept, ...] = ("lateral", "modality", "blank")

_MARK = slice(128, 132)
# First bytes of a file without preamble: group 2 or 8, little endian or (8 only) big endian.
_STARTS = (b"\x02\x00", b"\x08\x00", b"\x00\x08")


class RefusedError(DataError):
    """A picture that is readable and most likely not meant; ``accept`` lets it in."""

    def __init__(self, reason: str, accept: Accept) -> None:
        super().__init__(f"{reason}; take it out, or let it in with accept: {accept}")
        self.accept: Accept = accept


def accepted(words: str | Collection[str]) -> frozenset[Accept]:
    """What is let in, of ``ACCEPT``; a bare string is one word.

    Raises:
        UsageError: If there is no such word.
    """
    listed = frozenset([words] if isinstance(words, str) else words)
    if unknown := sorted(map(str, listed - {*ACCEPT})):
        raise UsageError(f"accept {unknown[0]!r}: of {', '.join(ACCEPT)} expected")
    return cast("frozenset[Accept]", listed)


def is_dicom(data: bytes) -> bool:
    """Whether the first bytes of a file, 132 or more, are those of a DICOM with or without preamble and meta header."""
    return b"DICM" in (data[_MARK], data[:4]) or (data[:2] in _STARTS and len(data) > 8 and 0 in data[2:4])

"""Options that name a file to write: the suffix says what is written, and another is refused."""

import argparse
from collections.abc import Callable
from pathlib import Path


def file_of(*suffixes: str) -> Callable[[str], Path]:
    """The ``type`` of an option whose file has one of the suffixes.

    Args:
        *suffixes: Like ``.parquet``.
    """

    def read(word: str) -> Path:
        if (path := Path(word)).suffix.lower() not in suffixes:
            raise argparse.ArgumentTypeError(f"{word}: a name that ends in {' or '.join(suffixes)} was expected")
        return path

    return read

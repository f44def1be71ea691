"""Files that are written whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Where the new content of a file is written: a name beside it, which takes its place when all is written.

    After an error, such as that of a full disk, the file is as it was before, and nothing lies beside it.

    Args:
        path: The file; its folder must be there.
    """
    part = path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)

"""One fit writes into a folder at a time."""

import contextlib
import errno
import fcntl
import os
from pathlib import Path
from types import TracebackType

from gkmvlp.errors import ConfigError


class FolderLock:
    """Held by the process that writes into a folder; the system lets go of it where that process is killed.

    The folder itself is locked, so that nothing is left in it. One that was not there is made, and is gone again at the
    end if nothing was written into it.

    Args:
        folder: The folder.

    Raises:
        ConfigError: If another process holds it.
    """

    def __init__(self, folder: Path) -> None:
        self._made = [each for each in (folder, *folder.parents) if not each.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        self._descriptor: int | None = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.release()
            if error.errno != errno.EWOULDBLOCK:  # a file system that knows no locks
                return
            raise ConfigError(
                f"another fit writes into {folder}: wait for its end, or name another folder by "
                "--trainer.default_root_dir"
            ) from error

    def release(self) -> None:
        """Lets go of it; a second call does nothing."""
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)  # workers that live on hold the descriptor too
            os.close(self._descriptor)
            self._descriptor = None
        with contextlib.suppress(OSError):  # something lies in it
            for folder in self._made:
                folder.rmdir()

    def __enter__(self) -> "FolderLock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

"""One fit writes into a folder at a time."""

import errno
import fcntl
import os
from pathlib import Path

from gkmvlp.errors import ConfigError


class FolderLock:
    """Held by the process that writes into a folder; the system lets go of it where that process is killed.

    The folder itself is locked, so that nothing is left in it.

    Args:
        folder: A folder that is there.

    Raises:
        ConfigError: If another process holds it.
    """

    def __init__(self, folder: Path) -> None:
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

"""One fit writes into a folder at a time."""

import contextlib
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
            is_ours = _is_at(self._descriptor, folder)  # another that just ended may have removed what was opened
        except BlockingIOError:
            is_ours = False
        except OSError:  # a file system that knows no locks
            os.close(self._descriptor)
            self._descriptor = None
            return
        if not is_ours:
            self._made = []  # the other's to remove
            self.release()
            raise ConfigError(
                f"another fit writes into {folder}: wait for its end, or name another folder by "
                "--trainer.default_root_dir"
            )

    def release(self) -> None:
        """Lets go of it; a second call does nothing."""
        with contextlib.suppress(OSError):  # something lies in it
            for folder in self._made:  # while it is held: nobody else takes what is about to be gone
                folder.rmdir()
        self._made = []
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)  # workers that live on hold the descriptor too
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> "FolderLock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _is_at(descriptor: int, folder: Path) -> bool:
    """Whether a folder that was opened lies at its place still."""
    try:
        return os.path.samestat(os.fstat(descriptor), folder.stat())
    except FileNotFoundError:
        return False

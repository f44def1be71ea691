"""The folder of uploads: how much may wait there, and that nothing stays."""

import time
from dataclasses import dataclass
from pathlib import Path

AGE = 300  # seconds that an upload may wait to be read


@dataclass(frozen=True)
class Uploads:
    """Files that browsers sent and that nobody has read yet.

    Those of a connection that broke off are among them: Gradio knows nothing of these, and removes all others itself.

    Attributes:
        folder: Where they lie.
        most_bytes: All of them together, without the one that is let in last.
    """

    folder: Path
    most_bytes: int

    def have_room(self) -> bool:
        """Removes what waited too long, and says whether one more may come."""
        held = 0
        for file in self.folder.rglob("*"):
            try:
                told = file.lstat()
                if not file.is_file():
                    continue
                if time.time() - told.st_mtime > AGE:
                    file.unlink()
                else:
                    held += told.st_size
            except FileNotFoundError:  # it was read meanwhile
                continue
        return held <= self.most_bytes

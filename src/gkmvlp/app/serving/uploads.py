"""The folder of uploads: how much may wait there, and that nothing stays."""

import os
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
        found = os.walk(self.folder)  # passes over folders that are gone when it comes to them: their file was read
        for file in (Path(folder, name) for folder, _, names in found for name in names):
            try:
                told = file.lstat()
                if time.time() - told.st_mtime > AGE:
                    file.unlink()
                else:
                    held += told.st_size
            except FileNotFoundError:  # it was read meanwhile
                continue
        return held <= self.most_bytes

"""Where a result comes from: command, commit, time, memory of the process tree."""

import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from gkmvlp.local_paths import without_absolute
from gkmvlp.metrics.results.group_result import GroupedResult
from gkmvlp.metrics.results.metric_result import MetricResult, Results

_INTERVAL = 0.2  # seconds between two samples of the memory


def created() -> str:
    """The time now, ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def command() -> str:
    """The running command as one types it, the program by its name alone; ``PATH`` for places of this machine."""
    name = Path(sys.argv[0]).name
    words = [without_absolute(word) for word in sys.argv[1:]]
    return shlex.join(["gkmvlp" if name == "__main__.py" else name, *words])


def commit() -> str | None:
    """Commit of the checkout that this package runs from, ``-dirty`` with uncommitted changes; None outside one.

    An environment may lie in the folder of another repository, to which this file then does not belong.
    """
    file = Path(__file__).resolve()
    try:
        _git(file.parent, "ls-files", "--error-unmatch", file.name)
        return _git(file.parent, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*") or None
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(folder: Path, *words: str) -> str:
    """What a git command prints."""
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def tree_rss_bytes(root: int) -> int:
    """Resident memory of a process and all its descendants, in bytes (Linux).

    Pages that processes share are counted in each, so this is an upper bound of what the tree takes.
    """
    parents, sizes = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # The name in the second field may hold blanks and brackets; the rest follows the last bracket.
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # the process ended meanwhile
                continue
            parents[int(entry.name)] = int(fields[1])
            sizes[int(entry.name)] = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    family = {root}
    grown = True
    while grown:
        more = {child for child, parent in parents.items() if parent in family} - family
        family |= more
        grown = bool(more)
    return sum(sizes.get(process, 0) for process in family)


class ProcessTreePeak:
    """Context manager: highest resident memory of this process and its descendants while it was open, and its time.

    Attributes:
        bytes: The peak so far.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._start = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def seconds(self) -> float:
        """Wall-clock time since it was made, until now."""
        return time.monotonic() - self._start

    def _sample(self) -> None:
        self.bytes = max(self.bytes, tree_rss_bytes(os.getpid()))

    def _watch(self) -> None:
        while not self._stop.wait(_INTERVAL):
            self._sample()

    def __enter__(self) -> "ProcessTreePeak":
        self._sample()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._sample()


def results_of(figures: Sequence[MetricResult], cost: ProcessTreePeak, groups: Sequence[GroupedResult] = ()) -> Results:
    """Figures with where they come from and what they cost, ready to be written."""
    return Results(created(), command(), commit(), cost.seconds, cost.bytes, list(figures), list(groups))

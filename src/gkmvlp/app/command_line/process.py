"""What the process of a command has around it: exit codes, streams that take everything, SIGTERM."""

import contextlib
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import NoReturn

from gkmvlp.errors import UsageError

INTERRUPTED = 130  # 128 + SIGINT, what shells report
TERMINATED = 143  # 128 + SIGTERM
CLOSED = 141  # 128 + SIGPIPE


# what Lightning reads as it is imported, and torchrun's number of processes
_RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK", "WORLD_SIZE")


class Terminated(SystemExit):
    """SIGTERM came; what a command has begun to write is taken back on the way out."""


@contextlib.contextmanager
def ending_at_sigterm() -> Iterator[None]:
    """SIGTERM ends what runs inside as Ctrl-C does; commands that end in another way set handlers of their own."""
    if threading.current_thread() is not threading.main_thread():  # others get no signals
        yield
        return

    def end(*_: object) -> NoReturn:
        raise Terminated(TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def require_ranks() -> None:
    """Checks what launchers put into the environment, which Lightning takes for whole numbers.

    Raises:
        UsageError: If a rank or a number of processes is no whole number.
    """
    for name in _RANKS:
        if (word := os.environ.get(name)) is not None and not word.isdecimal():
            raise UsageError(f"{name}={word!r} in the environment: a whole number was expected; mend or unset it")


def leave_stdout() -> None:
    """Lets go of a stream that takes no more, or Python would complain of it once more at its end."""
    with contextlib.suppress(OSError, ValueError):  # ValueError: it is closed, or no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def make_streams_safe() -> None:
    """Streams that take every name of a file, and that are there: a program may be called with them closed."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  for as long as the program runs
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")

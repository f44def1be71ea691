"""A command that waits for another hands its signals on."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import Popen
from types import FrameType


@contextmanager
def forwarding(process: "Popen[bytes]") -> Iterator[list[signal.Signals]]:
    """Signals go to a command that this one waits for, which ends in order and says how it goes on.

    A terminal sends SIGINT to both; what the other gets then is one SIGINT and one SIGTERM, which is one stop.

    Yields:
        The signals that came, in order.
    """
    came: list[signal.Signals] = []

    def handle(number: int, frame: FrameType | None) -> None:
        came.append(signal.Signals(number))
        process.send_signal(signal.SIGTERM)

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""Handlers of signals for a while; a command that waits for another hands its signals on."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from subprocess import Popen
from types import FrameType


@contextmanager
def handling(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """SIGTERM and SIGINT go to a handler inside; the handlers of before are back afterwards."""
    if threading.current_thread() is not threading.main_thread():  # others get no signals
        yield
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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

    with handling(handle):
        yield came

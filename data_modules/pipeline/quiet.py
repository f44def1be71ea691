"""Settings of other libraries that hold while images are read, and for no longer: a user's own settings come back."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import cv2
from PIL import Image, PngImagePlugin


class ReaderSettings:
    """Warning filters and limits of pydicom and Pillow, in force while at least one thread reads.

    Warning filters belong to the whole process. Threads that read side by side therefore share one change of them:
    the first reader makes it, the last one takes it back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers = 0
        self._changes = ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if self._readers == 0:
                self._changes.enter_context(_changed())
            self._readers += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._readers -= 1
            if self._readers == 0:
                self._changes.close()


@contextmanager
def _changed() -> Iterator[None]:
    """The settings themselves."""
    longest = PngImagePlugin.MAX_TEXT_CHUNK
    with warnings.catch_warnings():
        # pydicom warns about each oddity of a file that is then reported in one line, or read well.
        warnings.filterwarnings("ignore", module="pydicom")
        # highdicom, which writes DICOMs, does so with a value in its warning.
        warnings.filterwarnings("ignore", module="highdicom")
        # A radiograph of 100 million pixels is no attack; Pillow still refuses twice as many.
        warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
        # Some exports keep a report of megabytes beside whole pixels; Pillow refuses texts of more than one megabyte.
        PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY
        try:
            yield
        finally:
            PngImagePlugin.MAX_TEXT_CHUNK = longest


reader_settings = ReaderSettings()


@contextmanager
def one_opencv_thread() -> Iterator[None]:
    """OpenCV without threads of its own: the callers are threads that share the cores among themselves."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(0)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def one_opencv_thread_a_worker(worker: int = 0) -> None:
    """For worker processes, which share the cores among themselves; 0, since 1 would join threads a fork has lost.

    Args:
        worker: Number of the worker, as a DataLoader tells it.
    """
    cv2.setNumThreads(0)

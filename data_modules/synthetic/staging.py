"""How a look-alike corpus is written: ids by hash, the same bytes for the same seed, and nothing half-written."""

import gzip
import io
import json
import multiprocessing
import shutil
import signal
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from gkmvlp.data_modules.pipeline.quiet import one_opencv_thread_a_worker
from gkmvlp.errors import DataError
from gkmvlp.phantom.generate import GENERATOR_VERSION

# Rises with every change of the files that is not one of the pixels.
WRITER_VERSION = "1"
TRUTH = "_truth"
_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


def digest(*parts: object) -> str:
    """64 hex digits that stand for the parts."""
    return sha256("|".join(map(str, parts)).encode()).hexdigest()


def share(*parts: object) -> float:
    """A number in [0, 1) that depends on the parts alone."""
    return int(digest(*parts)[:8], 16) / 16**8


def uuid(*parts: object) -> str:
    """36 characters in the form of a UUID."""
    code = digest(*parts)
    return "-".join((code[:8], code[8:12], code[12:16], code[16:20], code[20:32]))


def dicom_id(*parts: object) -> str:
    """44 characters: five groups of eight hex digits."""
    code = digest("dicom", *parts)
    return "-".join(code[start : start + 8] for start in range(0, 40, 8))


def numbers(count: int, first: int, span: int, *parts: object) -> list[int]:
    """``count`` different numbers in [first, first + span), in random order; a longer list starts with a shorter one.

    Args:
        count: How many.
        first: Smallest number.
        span: How many numbers there are to draw from.
        parts: What the draw depends on.
    """
    drawn: dict[int, None] = {}
    attempt = 0
    while len(drawn) < count:
        drawn[first + int(digest(attempt, *parts)[:15], 16) % span] = None
        attempt += 1
    return list(drawn)


def equalized_jpg(image_HW: NDArray[np.uint8]) -> bytes:
    """The image as MIMIC-CXR-JPG ships it: stretched to 0-255, histogram-equalised, JPEG of quality 95.

    Equalisation is OpenCV's: grey level -> round(255 * (cdf - first) / (pixels - first)), first the cdf at the lowest
    level that occurs.

    Args:
        image_HW: Pixels (H, W) uint8.
    """
    low, high = int(image_HW.min()), int(image_HW.max())
    stretched_HW = ((image_HW.astype(np.float64) - low) / max(high - low, 1) * 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(equalize(stretched_HW)).save(file, "JPEG", quality=95)
    return file.getvalue()


def equalize(image_HW: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Histogram equalisation of an image (H, W) uint8."""
    cdf = np.bincount(image_HW.ravel(), minlength=256).cumsum()
    first = int(cdf[cdf > 0][0])
    if first == image_HW.size:
        return image_HW
    scale = np.float32(255) / np.float32(image_HW.size - first)
    table: NDArray[np.uint8] = np.rint((cdf - first).clip(0).astype(np.float32) * scale).astype(np.uint8)
    equalized_HW: NDArray[np.uint8] = table[image_HW]
    return equalized_HW


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table, gzipped where the name says so; LF, no quotes (no cell has a comma)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(",".join(map(str, row)) + "\n" for row in (columns, *rows))
    path.write_bytes(gzip.compress(text.encode(), mtime=0) if path.suffix == ".gz" else text.encode())


def write_zip(path: Path, members: Mapping[str, str]) -> None:
    """A zip archive of texts with fixed dates."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            archive.writestr(member, text.encode())


def in_parallel(
    function: Callable[[_Task], _Result], tasks: Sequence[_Task], workers: int, label: str
) -> Iterator[_Result]:
    """Results in the order of the tasks, with a progress bar on a terminal.

    Args:
        function: A function of a module, so that other processes can import it.
        tasks: What it is called with.
        workers: Processes; 1 runs in this one.
        label: What the bar says.
    """
    if workers <= 1:
        yield from tqdm(map(function, tasks), total=len(tasks), desc=label, disable=None)
        return
    # forked, for a fresh interpreter would load torch first; and before tqdm starts a thread
    with multiprocessing.get_context("fork").Pool(workers, _begin_worker) as pool:
        yield from tqdm(pool.imap(function, tasks, chunksize=4), total=len(tasks), desc=label, disable=None)
        # no SIGTERM, as the block's end sends it: one that is still beginning would not heed it, and be waited for
        pool.close()
        pool.join()


def _begin_worker() -> None:
    """Signals of a pool's process: SIGTERM ends it at once, Ctrl-C is the matter of the one that waits for it.

    The handler that it was forked with runs between two steps of the interpreter. A process that goes to wait for the
    pool's queue as SIGTERM comes would never run it, and the pool would wait for that process without end.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    one_opencv_thread_a_worker()


def _is_complete(root: Path, name: str, trees: Sequence[str], wanted: Mapping[str, object]) -> bool:
    """Whether ``root`` holds the very corpus; an error where it holds another."""
    marker = root / TRUTH / f"{name}.json"
    if not marker.is_file():
        for tree in trees:
            if (root / tree).exists():
                raise DataError(
                    f"{root / tree}: expected no such folder, found one that is no corpus of phantoms: "
                    "name another folder"
                )
        return False
    marks = json.loads(marker.read_text())
    if marks != dict(wanted):
        other = {key: value for key, value in marks.items() if wanted.get(key) != value}
        raise DataError(
            f"{marker}: the folder holds another corpus, expected {dict(wanted)}, found {other}: name another folder"
        )
    return True


@contextmanager
def staged(root: Path, name: str, trees: Sequence[str], settings: Mapping[str, object]) -> Iterator[Path | None]:
    """A folder to write a corpus in; what is in it gets its place in ``root`` once the block ends without an error.

    Args:
        root: Where the corpus goes.
        name: Name of the marker in ``_truth`` that says that the corpus is complete.
        trees: Folders that the corpus consists of, beside ``_truth``.
        settings: Seed, sizes; kept in the marker with the versions of generator and writer.

    Yields:
        The folder, or None where ``root`` holds this corpus already.

    Raises:
        DataError: If ``root`` holds another corpus or files that are none, or cannot be written.
    """
    wanted = {"generator": GENERATOR_VERSION, "writer": WRITER_VERSION, **settings}
    if _is_complete(root, name, trees, wanted):
        yield None
        return
    partial = root / f".partial-{name}"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        (partial / TRUTH).mkdir(parents=True)
        (root / TRUTH).mkdir(exist_ok=True)
    except OSError as error:
        raise DataError(f"{root}: cannot be written ({error.strerror}): name another folder") from error
    try:
        yield partial
        for tree in trees:
            (partial / tree).rename(root / tree)
        for path in sorted((partial / TRUTH).iterdir()):
            path.replace(root / TRUTH / path.name)
        finished = partial / f"{name}.json"
        finished.write_text(json.dumps(wanted) + "\n")
        finished.replace(root / TRUTH / finished.name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)

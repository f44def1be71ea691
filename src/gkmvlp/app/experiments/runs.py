"""Several runs: side by side, and none twice."""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any

from gkmvlp.app.running.configs import by_name

STAMP = "run.sha256"  # in the folder of a complete run: what it was made of
Call = tuple[str, Path, Sequence[str]]  # config, the run's folder, its words
Work = Callable[[str, Path, Sequence[str]], object]  # makes a run


def side_by_side(work: Callable[..., object], calls: Sequence[Sequence[Any]], jobs: int) -> None:
    """Several calls of one function, ``jobs`` of them at once, each with its share of the cores.

    Args:
        work: A function of a module, as it may run in another process.
        calls: Arguments of each call; the longest first keeps all cores at work.
        jobs: 1 makes the calls here, one after the other; more in processes of their own, the first of which shows its
            progress bars.
    """
    if jobs == 1:
        for call in calls:
            work(*call)
        return
    context = multiprocessing.get_context("spawn")
    bars = context.SimpleQueue()
    for shown in (os.environ.get("GKMVLP_PROGRESS", "0"), *["0"] * (jobs - 1)):
        bars.put(shown)
    with ProcessPoolExecutor(jobs, context, _begin, ((os.cpu_count() or 1) // jobs, bars)) as pool:
        for done in [pool.submit(work, *call) for call in calls]:
            done.result()


def _begin(threads: int, bars: "SimpleQueue[str]") -> None:
    """What a process sets before its first run."""
    import torch

    torch.set_num_threads(max(1, threads))
    os.environ["GKMVLP_PROGRESS"] = bars.get()


def run_missing(work: Work, calls: Sequence[Call], left: str, jobs: int) -> None:
    """Makes the runs that are not there, or were made with other words, another config, backbone or file.

    Args:
        work: Makes one run; a function of a module, as it may run in another process.
        calls: The longest first.
        left: File that a run leaves in its folder.
        jobs: How many go side by side.
    """
    side_by_side(_make, [(work, *call) for call in calls if not _is_complete(*call, left)], jobs)


def _make(work: Work, config: str, folder: Path, words: Sequence[str]) -> None:
    """Makes a run; its stamp is gone until it is complete, and tells of what lay there when it began."""
    stamp = _stamp(config, words)
    (folder / STAMP).unlink(missing_ok=True)
    work(config, folder, words)
    (folder / STAMP).write_text(stamp)


def _is_complete(config: str, folder: Path, words: Sequence[str], left: str) -> bool:
    """Whether a run is there, and is this one."""
    stamp = folder / STAMP
    return (folder / left).is_file() and stamp.is_file() and stamp.read_text() == _stamp(config, words)


def _stamp(config: str, words: Sequence[str]) -> str:
    """SHA-256 of a config and what it may include, of words, and of the files and weights that they name."""
    from gkmvlp.checkpoints.references import folder_of

    file = by_name(config)
    digest = sha256(b"\0".join(part.read_bytes() for part in (file, *sorted(file.parent.glob("_base/*.yaml")))))
    for word in words:
        key, _, value = word.partition("=")
        place = folder_of(value) if key == "--model.init_args.backbone" else Path(value)
        named = [part for part in (place / "model.safetensors", place) if os.path.isfile(part)]
        digest.update(b"\0".join([word.encode(), *(part.read_bytes() for part in named), b""]))
    return digest.hexdigest()

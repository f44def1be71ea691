"""Runs of an experiment: made in this process, side by side, and none twice."""

import gc
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any

from gkmvlp.app.running.configs import by_name
from gkmvlp.app.running.run import Run, rendered
from gkmvlp.hardware import usable_cores

FINGERPRINT = "run.sha256"  # in the folder of a complete run: what it was made of
BEGUN = "fit.sha256"  # in the folder of a fit that has not ended: what it is made of
Work = Callable[[Run], object]  # makes a run


def run_in_process(*words: str) -> None:
    """One ``fit``, ``validate`` or ``test`` in this process; prints its words and its time.

    Raises:
        SystemExit: With 143 or 130 if a signal stopped it: what would follow needs a whole run.
    """
    from gkmvlp.app.running.lightning_cli import run

    print("$ gkmvlp", *words, flush=True)
    start = time.monotonic()
    if code := run(list(words)):
        raise SystemExit(code)
    gc.collect()
    print(f"  {time.monotonic() - start:.0f} s", flush=True)


def fit(run: Run) -> None:
    """Fits a run; one that was stopped, and would be the same again, goes on from its last checkpoint."""
    begun, fingerprint = run.folder / BEGUN, _fingerprint(run)
    last = run.best_checkpoint.with_name("last.ckpt")
    is_same = begun.is_file() and begun.read_text() == fingerprint
    if is_same and last.is_file() and last.stat().st_mtime_ns >= begun.stat().st_mtime_ns:  # not one of a fit before
        run = run.with_checkpoint(last)
    else:
        run.folder.mkdir(parents=True, exist_ok=True)
        begun.write_text(fingerprint)
    run_in_process(*run.words("fit"))
    begun.unlink()


def test(run: Run) -> None:
    """Tests a run, whose weights a backbone or a checkpoint gives."""
    run_in_process(*run.words("test"))


def fit_and_test(run: Run) -> Path:
    """Fits a run and tests the checkpoint that validation chose (see ``Run.tested_checkpoint``).

    Returns:
        The folder of the predictions.
    """
    fit(run)
    test(run.with_checkpoint(run.tested_checkpoint()))
    return run.folder / "predictions"


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
    with ProcessPoolExecutor(jobs, context, _begin, (len(usable_cores()) // jobs, bars)) as pool:
        for done in [pool.submit(work, *call) for call in calls]:
            done.result()


def _begin(threads: int, bars: "SimpleQueue[str]") -> None:
    """What a process sets before its first run."""
    import torch

    torch.set_num_threads(max(1, threads))
    os.environ["GKMVLP_PROGRESS"] = bars.get()


def run_missing(work: Work, runs: Sequence[Run], output: str, jobs: int) -> None:
    """Makes the runs that are not there, or were made with other overrides, another config, backbone or file.

    Args:
        work: Makes one run; a function of a module, as it may run in another process.
        runs: The longest first.
        output: File that a run leaves in its folder.
        jobs: How many go side by side.
    """
    side_by_side(_make, [(work, run) for run in runs if not _is_complete(run, output)], jobs)


def _make(work: Work, run: Run) -> None:
    """Makes a run; its fingerprint is gone until it is complete, and tells of what lay there when it began."""
    fingerprint = _fingerprint(run)
    (run.folder / FINGERPRINT).unlink(missing_ok=True)
    work(run)
    (run.folder / FINGERPRINT).write_text(fingerprint)


def _is_complete(run: Run, output: str) -> bool:
    """Whether a run is there, and is this one."""
    file = run.folder / FINGERPRINT
    return (run.folder / output).is_file() and file.is_file() and file.read_text() == _fingerprint(run)


def _fingerprint(run: Run) -> str:
    """SHA-256 of a config and what it may include, of overrides, and of the files and weights that they name."""
    from gkmvlp.checkpoints.references import folder_of

    config = by_name(run.config)
    digest = sha256(b"\0".join(part.read_bytes() for part in (config, *sorted(config.parent.glob("_base/*.yaml")))))
    for key, value in run.values().items():
        text = rendered(value)
        place = folder_of(text) if key == "model.init_args.backbone" else Path(text)
        files = (place / "model.safetensors", place / "adapter_model.safetensors", place)
        named = [part for part in files if os.path.isfile(part)]
        digest.update(b"\0".join([f"--{key}={text}".encode(), *(part.read_bytes() for part in named), b""]))
    return digest.hexdigest()

"""Loading a backbone folder, in a process of its own after its imports: seconds and anonymous memory (Linux)."""

import multiprocessing
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from gkmvlp.app.benchmarks.setup import architecture_of
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.models.config import Architecture

INTERVAL = 0.002  # seconds between two samples of the memory


@dataclass(frozen=True)
class Loaded:
    """What loading a folder costs."""

    seconds: float  # by the clock
    processor_seconds: float  # which other work on the machine stretches less
    peak_bytes: int  # anonymous memory at its highest, less that before: pages of files can be dropped at any time
    size_bytes: int  # of the model's tensors


def measure_loading(config: str) -> Loaded:
    """Loads a backbone of fresh weights whose files were just written, and so are in the cache of the system.

    Args:
        config: ``base``, ``small``, or a pre-training config.
    """
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "backbone"
        _write(architecture_of(config), folder)
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=spawn) as pool:
            return pool.submit(_load, folder).result()


def _write(architecture: Architecture, folder: Path) -> None:
    """Writes a fresh backbone whose vocabulary has its full size."""
    made_up = (f"w{number} w{number}" for number in range(architecture.text.vocab_size))
    backbones.save(backbones.build(architecture, made_up), folder)


def _load(folder: Path) -> Loaded:
    """Loads in the process that this runs in."""
    before, peak, done = _anonymous_bytes(), 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(INTERVAL):
            peak = max(peak, _anonymous_bytes())

    watching = threading.Thread(target=watch)
    watching.start()
    clock, processor = time.perf_counter(), time.process_time()
    backbone = backbones.load(folder)
    seconds, processor_seconds = time.perf_counter() - clock, time.process_time() - processor
    done.set()
    watching.join()
    peak = max(peak, _anonymous_bytes()) - before
    return Loaded(seconds, processor_seconds, peak, sum(t.nbytes for t in backbone.model.state_dict().values()))


def _anonymous_bytes() -> int:
    """Anonymous memory of this process that is resident."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon:"))
    return int(line.split()[1]) * 1024

"""Files are written whole or not at all, also where the disk is full."""

import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gkmvlp.data_modules.pipeline.detected_regions import write_regions
from gkmvlp.data_modules.pipeline.ledger import write_json
from gkmvlp.metrics.results.metric_result import write_text
from gkmvlp.metrics.results.predictions import write_table

BOXES = np.random.default_rng(0).uniform(0, 99, (64, 29, 4))
WRITERS: dict[str, Callable[[Path], object]] = {
    "text": lambda path: write_text(path, "x" * 100_000),
    "table": lambda path: write_table(path, pd.DataFrame({"x": BOXES.ravel()}), {}),
    "json": lambda path: write_json(path, BOXES.tolist()),
    "regions": lambda path: write_regions(path, [str(n) for n in range(64)], BOXES, BOXES[..., 0] / 99, {}),
}


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file may grow beyond 1,000 bytes, as on a disk without room."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("kind", WRITERS)
def test_a_full_disk_leaves_the_file_as_it_was_and_nothing_beside_it(kind: str, full_disk: None, tmp_path: Path):
    file = tmp_path / "file"
    with pytest.raises((OSError, ValueError)):
        WRITERS[kind](file)
    assert list(tmp_path.iterdir()) == []
    file.write_text("before")
    with pytest.raises((OSError, ValueError)):
        WRITERS[kind](file)
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]

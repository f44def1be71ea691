"""Memory of a data set's rows: in the process that makes them, and in each worker that reads them all (Linux).

What a process takes once, whatever it makes and reads, is not of the rows: as many are made and read before.
"""

import gc
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import numpy as np

from gkmvlp.anatomy import REGIONS
from gkmvlp.data_modules.pipeline.sample_table import SampleTable
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.entities import ENTITIES

_REPORT = "The heart is normal in size. Lungs are clear. No pleural effusion or pneumothorax. "  # four make 330 letters


@dataclass(frozen=True)
class RowMemory:
    """Bytes that all rows together take."""

    rows: int
    own_bytes: int  # anonymous memory of the process that made them: pages of files can be dropped at any time
    worker_bytes: int  # memory that a forked worker does not share, the most of all
    file_bytes: int  # mapped by all


def measure_rows(rows: int = 200_000, workers: int = 8) -> RowMemory:
    """Makes rows of reports as MIMIC-CXR has them, in a process of its own, and has forked workers read them all.

    Args:
        rows: How many.
        workers: How many processes read them.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(_measure, rows, workers).result()


def _measure(rows: int, workers: int) -> RowMemory:
    warm = SampleTable.of(_made(rows))
    _read(warm)
    gc.collect()
    before = _private_bytes("Anonymous")
    table = SampleTable.of(_made(rows))
    gc.collect()
    own = max(_private_bytes("Anonymous") - before, 0)  # it may have found room that the first rows left
    fork = multiprocessing.get_context("fork")
    told: SimpleQueue[int] = fork.SimpleQueue()
    processes = [fork.Process(target=_work, args=(warm, table, told)) for _ in range(workers)]
    for process in processes:
        process.start()
    most = max(told.get() for _ in processes)
    for process in processes:
        process.join()
    return RowMemory(rows, own, most, table.size_bytes)


def _work(warm: SampleTable, table: SampleTable, told: "SimpleQueue[int]") -> None:
    _read(warm)
    gc.collect()  # it writes to every page of the interpreter
    before = _private_bytes("Private_Dirty")
    _read(table)
    told.put(_private_bytes("Private_Dirty") - before)


def _read(table: SampleTable) -> None:
    for row in range(len(table)):
        table[row]


def _made(count: int) -> Iterator[Sample]:
    for row in range(count):
        fields = {
            "study_id": f"s{row}",
            "text": f"{4 * _REPORT}{row}",
            "status": np.zeros(len(ENTITIES), np.int8),
            "place": np.zeros((len(ENTITIES), len(REGIONS)), bool),
        }
        path = f"/data/mimic-cxr-jpg/2.1.0/files/p10/p{row:08}/s{row:08}/{row:044x}.jpg"
        yield Sample(f"{row:044x}", f"p{row}", path, "PA", "train", fields=fields)


def _private_bytes(kind: str) -> int:
    """What the system counts under a name for this process."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(f"{kind}:")) * 1024

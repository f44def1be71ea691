"""Rows take next to no memory in workers."""

import pytest

from gkmvlp.app.benchmarks.rows import measure_rows


@pytest.mark.slow
def test_a_million_rows_and_eight_workers_fit_into_300_mb():
    """By what 60,000 rows more take in the process that made them, and in workers that read them all.

    A difference: some megabytes of a worker are the interpreter's, however few rows it reads.
    """
    few, many = (measure_rows(rows=rows, workers=2) for rows in (20_000, 80_000))
    rows = many.rows - few.rows
    own, worker = (max(most - least, 0) / rows for most, least in (
        (many.own_bytes, few.own_bytes), (many.worker_bytes, few.worker_bytes),
    ))  # fmt: skip
    assert 1_000_000 * (own + 8 * worker) < 300e6

"""Rows take next to no memory in workers."""

from gkmvlp.app.benchmarks.rows import measure_rows


def test_a_million_rows_and_eight_workers_fit_into_300_mb():
    """By the bytes of a row in the process that made them, and in workers that read them all."""
    measured = measure_rows(rows=20_000, workers=2)
    assert 1_000_000 * (measured.own_bytes + 8 * measured.worker_bytes) / measured.rows < 300e6

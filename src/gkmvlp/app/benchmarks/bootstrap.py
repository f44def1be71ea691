"""How long the intervals of a large test set take: ``python -m gkmvlp.app.benchmarks.bootstrap``."""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from gkmvlp.metrics.bootstrap import RESAMPLES, Resamples, auroc_curve, interval, nanmean
from gkmvlp.metrics.results.plain_table import write_table


def bench(images: int, labels: int) -> float:
    """Seconds for the intervals of ``labels`` AUROCs over ``images`` images of as many patients / 2, on one core."""
    generator = np.random.default_rng(0)
    score_NL = generator.normal(size=(images, labels))
    target_NL = (generator.random((images, labels)) < 0.1).astype(float)
    patient_N = pd.Series(np.arange(images) // 2)
    start = time.perf_counter()
    resamples = Resamples(pd.Series(np.zeros(images, int)), patient_N)
    unit_N = resamples.unit_of(pd.Series(np.zeros(images, int)), patient_N)
    columns = zip(score_NL.T, target_NL.T, strict=True)
    curves_LV = [auroc_curve(score_N, target_N, unit_N, resamples.counts_VG) for score_N, target_N in columns]
    interval(nanmean(np.stack(curves_LV)))
    return time.perf_counter() - start


def main() -> None:
    """Time the bootstrap at the size of the ChestX-ray14 test set."""
    parser = argparse.ArgumentParser(description="Time the bootstrap of AUROCs: 25,000 images x 14 labels.")
    parser.add_argument("--out", type=Path, help="write a table for docs/results")
    arguments = parser.parse_args()
    seconds = bench(25_000, 14)
    print(f"{RESAMPLES} resamples, 25000 images x 14 labels: {seconds:.1f} s (at most 30 s on one core)")
    if arguments.out:
        columns = ["resamples", "images", "patients", "labels", "seconds", "target"]
        row = [RESAMPLES, 25_000, 12_500, 14, round(seconds, 1), "at most 30 s"]
        how = "OMP_NUM_THREADS=1 python -m gkmvlp.app.benchmarks.bootstrap"
        write_table(arguments.out, "Bootstrap", columns, [row], command=how, seconds=seconds)


if __name__ == "__main__":
    main()

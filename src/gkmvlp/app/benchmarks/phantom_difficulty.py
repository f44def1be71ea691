"""How hard the phantoms are for a reader of single pixels: ``python -m gkmvlp.app.benchmarks.phantom_difficulty``.

Logistic regression on standardised pixels, its L2 strength chosen per entity on a fifth of the training patients, on a
16x16 thumbnail and on 64x64 pixels. Limits: macro AUROC below 0.75 and 0.85; no entity above 0.95 on the thumbnail.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gkmvlp.errors import ConfigError
from gkmvlp.metrics.results.plain_table import write_table
from gkmvlp.phantom.generate import GENERATOR_VERSION, draw_phantom
from gkmvlp.phantom.plan import FINDINGS

LIMITS = {16: 0.75, 64: 0.85}
ENTITY_LIMIT = 0.95
STRENGTHS = (1e-5, 1e-4, 1e-3, 1e-2)

Array = NDArray[np.float32]


def letterbox(image_HW: NDArray[np.uint8], side: int) -> Array:
    """The image (H, W) in the middle of a black square, reduced to (side, side)."""
    height, width = image_HW.shape
    longer = max(height, width)
    square = np.zeros((longer, longer), np.float32)
    top, left = (longer - height) // 2, (longer - width) // 2
    square[top : top + height, left : left + width] = image_HW
    return np.asarray(cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA), np.float32)


def draw_set(seed: int, first: int, count: int) -> tuple[dict[int, Array], NDArray[np.bool_]]:
    """Pixels by side {side: (N, side * side)} and which findings are there (N, F)."""
    phantoms = [draw_phantom(seed, index) for index in range(first, first + count)]
    pixels = {side: np.stack([letterbox(p.image_HW, side).ravel() for p in phantoms]) for side in LIMITS}
    return pixels, np.array([[p.shows(name) for name in FINDINGS] for p in phantoms])


def _rotate(train_ND: Array, test_ND: Array) -> tuple[Array, Array]:
    """Standardises, then turns onto the training rows' span: the L2-penalised optimum is the same, in N dimensions."""
    mean_D, deviation_D = train_ND.mean(0), train_ND.std(0) + 1e-3
    train_ND, test_ND = (train_ND - mean_D) / deviation_D, (test_ND - mean_D) / deviation_D
    if train_ND.shape[0] >= train_ND.shape[1]:
        return train_ND, test_ND
    _, _, axes_ND = np.linalg.svd(train_ND, full_matrices=False)
    return train_ND @ axes_ND.T, test_ND @ axes_ND.T


def pixel_aurocs(
    train_ND: Array, train_NF: NDArray[np.bool_], test_ND: Array, test_NF: NDArray[np.bool_]
) -> list[float]:
    """Test AUROC of each finding by logistic regression on all training patients.

    Args:
        train_ND: Pixels.
        train_NF: Which findings are there; the last fifth of the rows chooses the strength.
        test_ND: Pixels of the test patients.
        test_NF: Their findings.

    Raises:
        ConfigError: If scikit-learn is not installed.
    """
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.metrics import roc_auc_score
    except ImportError as error:
        raise ConfigError("the difficulty needs scikit-learn: pip install 'gkmvlp[test]'") from error
    train_ND, test_ND = _rotate(train_ND, test_ND)
    cut = len(train_ND) * 4 // 5

    def score(strength: float, rows: slice, there_N: NDArray[np.bool_], on: Array, truth_N: NDArray[np.bool_]) -> float:
        model = LogisticRegression(C=strength, max_iter=200, tol=1e-3).fit(train_ND[rows], there_N[rows])
        return float(roc_auc_score(truth_N, model.decision_function(on)))

    aurocs = []
    for finding in range(train_NF.shape[1]):
        there_N, truth_N = train_NF[:, finding], test_NF[:, finding]
        best = max(STRENGTHS, key=lambda c: score(c, slice(0, cut), there_N, train_ND[cut:], there_N[cut:]))
        aurocs.append(score(best, slice(0, len(train_ND)), there_N, test_ND, truth_N))
    return aurocs


def measure(train: int, test: int, seed: int) -> dict[str, Any]:
    """Draws both sets and measures.

    Args:
        train: Training patients, a fifth of which chooses the strength.
        test: Test patients.
        seed: Seed of the corpus.

    Returns:
        Counts, generator version, prevalences and AUROCs by side and entity.
    """
    train_pixels, train_NF = draw_set(seed, 0, train)
    test_pixels, test_NF = draw_set(seed, train, test)
    report: dict[str, Any] = {"generator_version": GENERATOR_VERSION, "train": train, "test": test, "seed": seed}
    report["prevalence"] = dict(zip(FINDINGS, np.concatenate([train_NF, test_NF]).mean(0).tolist(), strict=True))
    report["normal"] = float((~np.concatenate([train_NF, test_NF]).any(1)).mean())
    for side, limit in LIMITS.items():
        aurocs = pixel_aurocs(train_pixels[side], train_NF, test_pixels[side], test_NF)
        entry = {"macro": float(np.mean(aurocs)), "limit": limit, "entities": dict(zip(FINDINGS, aurocs, strict=True))}
        report[f"pixels_{side}"] = entry
    within = all(report[f"pixels_{side}"]["macro"] < limit for side, limit in LIMITS.items())
    report["within_limits"] = within and max(report["pixels_16"]["entities"].values()) <= ENTITY_LIMIT
    return report


def as_table(report: dict[str, Any]) -> str:
    """The report as lines for people."""
    lines = [f"{'':24}{'share':>7}{'16x16':>8}{'64x64':>8}"]
    small, large = report["pixels_16"], report["pixels_64"]
    for name in FINDINGS:
        share = report["prevalence"][name]
        lines.append(f"{name:24}{share:7.3f}{small['entities'][name]:8.3f}{large['entities'][name]:8.3f}")
    lines.append(f"{'macro':24}{'':7}{small['macro']:8.3f}{large['macro']:8.3f}")
    lines.append(f"{'limit':24}{'':7}{small['limit']:8.3f}{large['limit']:8.3f}")
    lines.append(f"{'no finding':24}{report['normal']:7.3f}   within limits: {report['within_limits']}")
    return "\n".join(lines)


def record(report: dict[str, Any], path: Path, seconds: float) -> None:
    """Writes the report as a table for docs/results."""
    small, large = report["pixels_16"], report["pixels_64"]
    rows: list[list[object]] = [["macro", "", small["macro"], large["macro"]]]
    rows.append(["limit", "", f"below {small['limit']}", f"below {large['limit']}"])
    rows += [[name, report["prevalence"][name], small["entities"][name], large["entities"][name]] for name in FINDINGS]
    note = (
        f"Generator version {report['generator_version']}, {report['train']} training and {report['test']} test "
        f"patients of seed {report['seed']}; {report['normal']:.3f} of them without a finding. AUROC of logistic "
        f"regression on standardised pixels; no entity may exceed {ENTITY_LIMIT} on the thumbnail. "
        f"Within the limits: {'yes' if report['within_limits'] else 'no'}."
    )
    command = f"python -m gkmvlp.app.benchmarks.phantom_difficulty --train {report['train']} --test {report['test']}"
    columns = ("entity", "share", "16x16 thumbnail", "64x64 pixels")
    write_table(path, "How hard the phantoms are for single pixels", columns, rows, command=command, seconds=seconds,
                note=note)  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="gkmvlp.app.benchmarks.phantom_difficulty", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--train", type=int, default=1500, help="training patients")
    parser.add_argument("--test", type=int, default=600, help="test patients")
    parser.add_argument("--seed", type=int, default=7, help="seed of the corpus")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    parser.add_argument("--record", type=Path, help="also write a table here: docs/results/phantoms.json")
    chosen = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    start = time.monotonic()
    report = measure(chosen.train, chosen.test, chosen.seed)
    if chosen.json:
        chosen.json.write_text(json.dumps(report, indent=1) + os.linesep)
    if chosen.record:
        record(report, chosen.record, time.monotonic() - start)
    print(as_table(report))


if __name__ == "__main__":
    main()

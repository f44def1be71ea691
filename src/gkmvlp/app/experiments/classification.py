"""Classification from a backbone, by a linear probe on it, and from scratch, at several shares of the labels."""

from collections.abc import Sequence
from pathlib import Path

from gkmvlp.app.experiments.conditions import fit_and_test, merge, seed_words, start_words
from gkmvlp.app.experiments.runs import run_missing


def classification_arms(
    config: str,
    out: Path,
    backbone: str,
    seeds: Sequence[int],
    fractions: Sequence[float],
    options: Sequence[str],
    jobs: int = 1,
) -> list[Path]:
    """Every arm with every seed and share of the labels; a run that is complete is not run again.

    Args:
        config: ``zoo://NAME`` or a file.
        out: Folder of all runs; each gets its own below ``classification/``.
        backbone: Folder of the backbone.
        seeds: Seeds of initialisation, order and dropout.
        fractions: Shares of the training patients whose labels are used.
        options: Further words.
        jobs: How many runs go side by side.

    Returns:
        The merged predictions files below ``out/predictions``: ``classification-<share>.parquet`` of each share, and
        ``classification-zero_shot.parquet``: the demo has a ``zero_shot.parquet`` of its pre-training beside it.
    """
    starts = start_words(backbone)
    arms = {
        **starts,
        "linear_probe": [*starts["pretrained"], "--model.init_args.linear_probe=true"],
    }  # the longest first
    calls: list[tuple[str, Path, list[str]]] = []
    merged: dict[Path, list[Path]] = {}
    for share in fractions:
        target = out / "predictions" / f"classification-{share:g}.parquet"
        for name, words in arms.items():
            for seed in seeds:
                folder = out / "classification" / f"{name}-{share:g}-{seed}"
                fraction = f"--data.init_args.train_fraction={share}"
                calls.append((config, folder, [*options, *seed_words(seed), fraction, *words]))
                merged.setdefault(target, []).append(folder / "predictions" / "classification.parquet")
    run_missing(fit_and_test, calls, "predictions/classification.parquet", jobs)
    for target, parts in merged.items():
        merge(parts, target)
    # zero-shot is the backbone's: the same in every run from it, but the split is named by all that is in it
    name = f"linear_probe-{max(fractions):g}-{seeds[0]}"
    zero_shot = out / "predictions" / "classification-zero_shot.parquet"
    merge([out / "classification" / name / "predictions" / "zero_shot.parquet"], zero_shot)
    return [*merged, zero_shot]

"""Classification from a backbone, by a linear probe on it, and from scratch, at several shares of the labels."""

from collections.abc import Sequence
from pathlib import Path

from gkmvlp.app.experiments.conditions import initializations, merge
from gkmvlp.app.experiments.runs import fit_and_test, run_missing
from gkmvlp.app.running.run import Overrides, Run, data_overrides, merged, model_overrides


def classification_conditions(
    config: str,
    out: Path,
    backbone: str,
    seeds: Sequence[int],
    fractions: Sequence[float],
    overrides: Overrides,
    jobs: int = 1,
    without: str = "scratch",
) -> list[Path]:
    """Every condition with every seed and share of the labels; a run that is complete is not run again.

    Args:
        config: ``zoo://NAME`` or a file.
        out: Folder of all runs; each gets its own below ``classification/``.
        backbone: Folder of the backbone.
        seeds: Seeds of initialisation, order and dropout.
        fractions: Shares of the training patients whose labels are used.
        overrides: Of every run.
        jobs: How many runs go side by side.
        without: What the condition without a backbone is called (see ``initializations``).

    Returns:
        The merged predictions files below ``out/predictions``: ``classification-<share>.parquet`` of each share, and
        ``classification-zero_shot.parquet``: the demo has a ``zero_shot.parquet`` of its pre-training beside it.
    """
    probe = model_overrides(backbone=backbone, linear_probe=True)
    conditions = {**initializations(backbone, without), "linear_probe": probe}  # the longest first
    runs: list[Run] = []
    parts: dict[Path, dict[Path, str]] = {}
    for share in fractions:
        target = out / "predictions" / f"classification-{share:g}.parquet"
        for name, condition in conditions.items():
            for seed in seeds:
                folder = out / "classification" / f"{name}-{share:g}-{seed}"
                changed = merged(overrides, data_overrides(train_fraction=share), condition)
                runs.append(Run(config, folder, changed, seed))
                parts.setdefault(target, {})[folder / "predictions" / "classification.parquet"] = name
    run_missing(fit_and_test, runs, "predictions/classification.parquet", jobs)
    # zero-shot is the backbone's: the same in every run from it, but the split is named by all that is in it
    name = f"linear_probe-{max(fractions):g}-{seeds[0]}"
    zero_shot = [out / "classification" / name / "predictions" / "zero_shot.parquet"]
    merged_files = [merge(list(files), target, list(files.values())) for target, files in parts.items()]
    return [*merged_files, merge(zero_shot, out / "predictions" / "classification-zero_shot.parquet")]

"""Cross-validation on real data: a short second pre-training for each fold, and the folds' predictions in one file."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd

from gkmvlp.app.experiments.chestxray14_pairs import build_pairs
from gkmvlp.app.experiments.runs import fit, run_missing
from gkmvlp.app.running.run import Overrides, Run, data_overrides, merged, model_overrides
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.inspection import audit
from gkmvlp.metrics.results.partial import named, part_of
from gkmvlp.metrics.results.predictions import read_predictions, write_predictions

FOLDS = 5
STAGE: Overrides = {  # one short stage from a backbone that has learned already
    **model_overrides(**{"architecture": None, "optimizer.lr": 3e-4}),
    "trainer.max_epochs": 4,
}


def pairs_stage(data: Path, backbone: str, folder: Path, split_of: Callable[[str], str], overrides: Overrides) -> Path:
    """A second pre-training on the real pairs of ChestX-ray14; one that is complete is not repeated.

    Args:
        data: Folder of ChestX-ray14.
        backbone: Where it starts.
        folder: The run's folder.
        split_of: Patient id -> ``train``, ``validate`` (chooses the checkpoint), or ``test`` (left out).
        overrides: Further ones.

    Returns:
        Folder of the backbone.
    """
    table = build_pairs(data).table
    table = table.assign(split=[split_of(patient) for patient in table["patient_id"]])
    folder.mkdir(parents=True, exist_ok=True)
    table[table["split"].ne("test")].to_csv(folder / "pairs.csv", index=False)
    places = data_overrides(table=folder / "pairs.csv", image_root=data, dataset_name="chestxray14-pairs")
    changed = merged(places, model_overrides(backbone=backbone), STAGE, overrides)
    run_missing(fit, [Run("zoo://pretrain-pairs", folder, changed)], "backbone/config.json", 1)
    return folder / "backbone"


def split_in(rows: DataModule) -> Callable[[str], str]:
    """Patient id -> split of a checked DataModule, ``test`` for those that it does not know."""
    known = {sample.patient_id: sample.split for sample in rows.samples}
    return lambda patient: known.get(patient, "test")


def require_unseen(data: DataModule, backbone: Path) -> None:
    """Stops where the backbone has seen a test patient of a checked DataModule (``gkmvlp data audit``).

    Raises:
        DataError: If it has.
    """
    audit.require_clean(audit.audit([data], backbones.load(backbone).info, str(backbone), images="none"))


def merge_folds(parts: Mapping[int, Path], target: Path) -> Path:
    """The predictions of all folds in one file, with a column that says which fold a row is of.

    Args:
        parts: Fold -> predictions file; all of one task and data set.
        target: The file to write.
    """
    tables, splits, meta = [], [], dict[str, Any]()
    for fold, part in sorted(parts.items()):
        table, meta = read_predictions(part)
        tables.append(table.assign(fold=fold))
        splits.append(meta["split"])
    digest = sha256("\n".join(splits).encode()).hexdigest()[:12]
    partial = sum(part_of(split) is not None for split in splits)
    split = named(f"{len(parts)}folds@{digest}", f"{partial} of {len(parts)} folds in part" if partial else None)
    write_predictions(target, pd.concat(tables, ignore_index=True), {**meta, "split": split})
    return target

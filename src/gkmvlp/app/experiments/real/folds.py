"""Cross-validation on real data: no test patient is in a backbone, and the folds' predictions stand in one file."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd

from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.inspection import audit
from gkmvlp.metrics.results.partial import named, part_of
from gkmvlp.metrics.results.predictions import read_predictions, write_predictions

FOLDS = 5


def require_unseen(data: DataModule, backbone: str) -> None:
    """Stops where the backbone has seen a test patient of a checked DataModule (``gkmvlp data audit``).

    Raises:
        DataError: If it has.
    """
    audit.require_clean(audit.audit([data], backbones.load(backbone).info, backbone, images="none"))


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

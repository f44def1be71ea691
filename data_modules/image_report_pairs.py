"""Anybody's images with reports: one table of paths, texts and patients."""

from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.pipeline.report_labels import Labeled, count_notes, label_one
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.data_modules.pipeline.splits import SPLITS, hash_fold, hash_split, require_disjoint
from gkmvlp.errors import ConfigError, DataError

_NEEDED = ("image", "report", "patient_id")
_OTHER_NAMES = {"val": "validate", "valid": "validate", "validation": "validate", "dev": "validate"}


class ImageReportPairs(DataModule):
    """Your own radiographs with reports; yields ``StudyBatch``.

    The table has one row an image and the columns image (path), report (text) and patient_id; study_id, view and split
    are read where they are there. Without a split column patients are split 80/10/10 by a hash of their id. A study's
    report is labelled once, by the package's labeler.

    Args:
        table: CSV (also .gz) or Parquet file.
        image_root: Folder that image paths start from; the folder of the table without it.
        num_folds: Number of folds for cross-validation by patient; 0 is the split above.
        fold: The fold that is the test split; the next one is the validation split.
        **kwargs: What every DataModule takes.
    """

    data_name: ClassVar[str] = "pairs"
    location_key: ClassVar[str] = "table"

    def __init__(
        self, table: str, image_root: str | None = None, num_folds: int = 0, fold: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if num_folds and not (num_folds >= 3 and 0 <= fold < num_folds):
            raise ConfigError(f"num_folds: {num_folds}, fold: {fold}: expected num_folds >= 3, 0 <= fold < num_folds")
        self.table, self.num_folds, self.fold = table, num_folds, fold
        self.image_root = Path(image_root) if image_root else Path(table).parent
        self._split_label = f"fold{fold}of{num_folds}" if num_folds else "hash"

    @property
    def split_label(self) -> str:
        """``table`` where the table says it, else ``hash`` or ``fold<k>of<n>``."""
        return self._split_label

    def texts(self) -> list[str]:
        """Training reports, each study once."""
        return list({sample.fields["study_id"]: sample.fields["text"] for sample in self.rows("train")}.values())

    def read_samples(self) -> list[Sample]:
        """All rows with an image file and a report."""
        table = read_pairs(Path(self.table))
        self.split_source = self.table
        if "split" in table and not self.num_folds:
            self._split_label = "table"
            table["split"] = _official_names(table["split"], self.table)
        else:
            table["split"] = [self._split_of(patient) for patient in table["patient_id"]]
        require_disjoint({name: rows["patient_id"] for name, rows in table.groupby("split")}, self.table)
        for reason, column in (("row without an image path", "image"), ("row without a patient_id", "patient_id")):
            empty = table[column] == ""
            self.ledger.drop(reason, table["study_id"][empty])
            table = table[~empty]
        paths = [self.image_root / image for image in table["image"]]
        present = pd.Series([path.is_file() for path in paths], table.index, dtype=bool)
        self.ledger.drop("image file is missing", table["image"][~present])
        table = table.assign(path=[str(path) for path in paths])[present]
        return self._samples(table)

    def _split_of(self, patient_id: str) -> str:
        if not self.num_folds:
            return hash_split(patient_id)
        place = (hash_fold(patient_id, self.num_folds) - self.fold) % self.num_folds
        return {0: "test", 1: "validate"}.get(place, "train")

    def _samples(self, table: pd.DataFrame) -> list[Sample]:
        labeled: dict[str, Labeled] = {}
        samples = []
        for row in table.itertuples(index=False):
            report = labeled.get(row.study_id)
            if report is None:
                raw = row.report.encode(errors="surrogateescape")
                report = labeled[row.study_id] = label_one(row.study_id, raw, plain=True)
            if report.text:
                fields = {
                    "study_id": row.study_id,
                    "text": report.text,
                    "status": report.status_E,
                    "place": report.place_ER,
                }
                samples.append(Sample(row.image, row.patient_id, row.path, row.view, row.split, fields=fields))
        count_notes(labeled.values(), self.ledger)
        return samples


def read_pairs(path: Path) -> pd.DataFrame:
    """The table as text columns image, report, patient_id, study_id, view and, where it is there, split.

    Raises:
        DataError: If the file is missing or broken, lacks a column, or names an image twice.
    """
    if not path.is_file():
        raise DataError(f"no table {path}: a CSV or Parquet file with the columns {', '.join(_NEEDED)} was expected")
    try:
        if path.suffix == ".parquet":
            table = pd.read_parquet(path).fillna("").astype(str)
        else:
            # Bytes that are not UTF-8 travel as they are; the report reader counts them.
            table = pd.read_csv(path, dtype=object, keep_default_na=False, encoding_errors="surrogateescape")
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"cannot read {path}: {' '.join(str(error).split())}") from error
    missing = [name for name in _NEEDED if name not in table]
    if missing:
        raise DataError(f"{path} has no column {missing[0]!r}, only {', '.join(table.columns)}: rename or add it")
    twice = table["image"][table["image"].duplicated() & (table["image"] != "")]
    if len(twice):
        raise DataError(f"{path} names image {twice.iloc[0]} twice: one row an image was expected")
    if "study_id" not in table:
        table["study_id"] = table["image"]
    if "view" not in table:
        table["view"] = ""
    return table


def _official_names(split: pd.Series, source: str) -> list[str]:
    names = [_OTHER_NAMES.get(name.strip().lower(), name.strip().lower()) for name in split]
    strange = sorted(set(names) - set(SPLITS))
    if strange:
        raise DataError(f"{source} has split {strange[0]!r}: train, validate or test was expected")
    return names

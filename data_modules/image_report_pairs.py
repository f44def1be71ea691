"""Anybody's images with reports: one table of paths, texts and patients."""

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote

import numpy as np
import pandas as pd

from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.formats.cells import NOTHING, as_written
from gkmvlp.data_modules.formats.files import is_file, named_otherwise
from gkmvlp.data_modules.formats.patient_ids import NOBODY, as_id, count_doubtful, require_patients
from gkmvlp.data_modules.formats.people import count_untold, sex_of, years
from gkmvlp.data_modules.formats.plain_text import shown
from gkmvlp.data_modules.formats.schema import Schema
from gkmvlp.data_modules.formats.tables import read_shards, read_table
from gkmvlp.data_modules.pipeline.ledger import Ledger
from gkmvlp.data_modules.pipeline.report_labels import count_notes, label_one
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.data_modules.pipeline.splits import hash_fold, hash_split, require_disjoint, standard_split
from gkmvlp.errors import ConfigError, DataError

_NEEDED = ("image", "report", "patient_id")
_OPTIONAL = ("study_id", "view", "split")
_GROUPS = ("sex", "age", "source")
# What a spreadsheet writes for a formula that it cannot compute; a report that begins with "-" or "=" becomes one.
_FAILED = ("#n/a", "#name?", "#value!", "#ref!", "#div/0!", "#null!", "#num!", "#spill!", "#calc!", "#field!")
# What people write, beside ``NOTHING``, for a cell without a value.
_UNKNOWN = (*NOTHING, *_FAILED, "-", "--", "?", "unknown", "unk")
_REMEDY = "rename, add or mend it"
# A line that begins, or goes on, with the cell of an image: a row of the table inside a text.
_ROW = re.compile(
    r"""\n(?:[^\n]*[,;\t|]"?)?[^\s,;|"]+\.(?:png|jpe?g|dcm|dicom|tiff?|bmp)"?[,;\t|\r\n]""", re.IGNORECASE
)


class ImageReportPairs(DataModule):
    """Your own radiographs with reports; yields ``StudyBatch``.

    The table has one row an image and the columns image (path), report (text) and patient_id; study_id, view and split
    are read where they are there. Without a split column patients are split 80/10/10 by a hash of their id. A study's
    report is labelled once, by the package's labeler; study ids count within a patient, and texts that differ inside a
    study stay with their images.

    Args:
        table: CSV (also .gz) or Parquet file, or a folder of Parquet files.
        image_root: Folder that image paths start from; the folder of the table without it.
        num_folds: Number of folds for cross-validation by patient; 0 is the split above.
        fold: The fold that is the test split; the next one is the validation split.
        group_columns: Columns of the table that tell sex, age (years) and source (hospital, scanner), by which figures
            are told of groups, as in {sex: Sex, age: Age}; without it those of these names, where they are there.
        **kwargs: What every DataModule takes.
    """

    data_name: ClassVar[str] = "pairs"
    location_key: ClassVar[str] = "table"
    landmarks: ClassVar[tuple[str, ...]] = ("*.csv", "*.csv.gz", "*.tsv", "*.parquet")

    def __init__(
        self,
        table: str,
        image_root: str | None = None,
        num_folds: int = 0,
        fold: int = 0,
        group_columns: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if num_folds and not (num_folds >= 3 and 0 <= fold < num_folds):
            raise ConfigError(f"num_folds: {num_folds}, fold: {fold}: expected num_folds >= 3, 0 <= fold < num_folds")
        if strange := sorted(set(group_columns or ()) - set(_GROUPS)):
            raise ConfigError(f"group_columns: {strange[0]}: one of {', '.join(_GROUPS)} was expected")
        self.table, self.num_folds, self.fold, self.group_columns = table, num_folds, fold, group_columns
        self.image_root = Path(image_root) if image_root else Path(table).parent
        self._split_label = f"fold{fold}of{num_folds}" if num_folds else "hash"

    @property
    def split_label(self) -> str:
        """``table`` where the table says it, else ``hash`` or ``fold<k>of<n>``."""
        return self._split_label

    def texts(self) -> list[str]:
        """Training reports, each study once."""
        rows = self.rows("train")
        return list(dict(zip(rows.values("study_id"), rows.values("text"), strict=True)).values())

    def read_samples(self) -> Iterator[Sample]:
        """All rows with an image file and a report."""
        table = read_pairs(Path(self.table), self.group_columns)
        self.split_source = self.table
        if "split" in table and not self.num_folds:
            self._split_label = "table"
            table["split"] = _official_names(table["split"], self.table)
        else:
            table["split"] = [self._split_of(patient) for patient in table["patient_id"]]
        count_doubtful(table["patient_id"], table[as_written("patient_id")], self.ledger)
        count_untold(table["sex"], table["age"], self.ledger)
        people = table[table["patient_id"] != ""].groupby("split")["patient_id"]
        require_disjoint({str(name): names for name, names in people}, self.table)
        for reason, column in (("row without an image path", "image"), ("row without a patient_id", "patient_id")):
            empty = table[column] == ""
            places = [f"row {row + 1}" for row in table.index[empty]]
            self.ledger.drop(f"{reason} in {self.table}", places)
            table = table[~empty]
        paths = [self._path_of(image) for image in table["image"]]
        missing = [image for image, path in zip(table["image"], paths, strict=True) if not is_file(path)]
        if missing:
            other = named_otherwise(self.image_root, missing)
            paths = [other.get(image, path) for image, path in zip(table["image"], paths, strict=True)]
        present = [is_file(path) for path in paths]
        self.ledger.drop(
            "image file is missing", [path for path, there in zip(paths, present, strict=True) if not there]
        )
        if paths and not any(present):
            told = "; ".join(self.ledger.lines())
            raise DataError(f"{self.table}, column image: {told}; set data.init_args.image_root to the images' folder")
        table = table.assign(path=paths)[np.array(present, bool)]
        _require_once(table["image"], table["path"], self.table)  # however the file is written
        return self._samples(name_studies(table, self.ledger))

    def _path_of(self, image: str) -> str:
        """Where an image lies.

        The path may be written as on Windows or as in an address (%20), or begin with the folders of another machine.
        """
        path = str(self.image_root / image)
        if is_file(path) or not any(mark in image for mark in "\\/%"):
            return path
        begins_elsewhere = image.startswith("/") or "\\" in image or "://" in image
        for spelling in (image, unquote(image)):
            parts = [part for part in spelling.replace("\\", "/").split("/") if part]
            for first in range(len(parts) if begins_elsewhere else 1):
                if is_file(other := str(self.image_root.joinpath(*parts[first:]))):
                    return other
        return path

    def _split_of(self, patient_id: str) -> str:
        if not self.num_folds:
            return hash_split(patient_id)
        place = (hash_fold(patient_id, self.num_folds) - self.fold) % self.num_folds
        return {0: "test", 1: "validate"}.get(place, "train")

    def _samples(self, table: pd.DataFrame) -> Iterator[Sample]:
        labeled = {
            row.study: label_one(row.study, row.report.encode(errors="surrogateescape"), plain=True)
            for row in table.drop_duplicates("study").itertuples(index=False)
        }
        count_notes(labeled.values(), self.ledger)
        for row in table.itertuples(index=False):
            report = labeled[row.study]
            if report.text:
                fields = {
                    "study_id": row.study,
                    "text": report.text,
                    "status": report.status_E,
                    "place": report.place_ER,
                }
                yield Sample(
                    row.image, row.patient_id, row.path, row.view, row.split, fields=fields, sex=sex_of(row.sex),
                    age=years(row.age), source=row.source,
                )  # fmt: skip


def read_pairs(path: Path, group_columns: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The table as text columns image, report, patient_id, study_id, view, sex, age, source and, where it is, split.

    A folder of Parquet files is one table; its files name the split (train-00000-of-00002.parquet) where no column
    does. Cells like nan, None, NULL and unknown are empty.

    Args:
        path: The table.
        group_columns: ``sex``, ``age`` or ``source`` -> the column that tells it, which must be there.

    Raises:
        DataError: If the file is missing or broken, lacks a column, or names an image twice.
    """
    named = {column: name for name, column in (group_columns or {}).items()}
    optional = (*_OPTIONAL, *(name for name in _GROUPS if name not in named.values()))
    schema = Schema((*_NEEDED, *named), optional, raw=("report",), ids=("patient_id",), remedy=_REMEDY)
    shards = sorted(path.glob("[!.]*.parquet")) if path.is_dir() else []
    if not shards and not path.is_file():
        raise DataError(f"no table {path}: a CSV or Parquet file with the columns {', '.join(_NEEDED)} was expected")
    table = read_shards(shards, schema) if shards else read_table(path, schema)
    table = table.rename(columns=named)
    for name in (*_NEEDED, *_OPTIONAL, *_GROUPS):
        if name in table:
            nothing = (*_UNKNOWN, *NOBODY) if name == "patient_id" else _UNKNOWN
            cells = ["" if cell.strip().lower() in nothing else cell for cell in table[name].fillna("")]
            cells = [as_id(cell) for cell in cells] if name in ("patient_id", "study_id") else cells
            table[name] = pd.Series(cells, table.index, dtype=object)  # other types hold no bytes that are not UTF-8
    torn = [row for row, report in enumerate(table["report"], 1) if "\n" in report and _ROW.search(report)]
    if torn:
        raise DataError(f"{path}, row {torn[0]}: its report holds rows of the table: close the quote before them")
    if shards and "split" not in table:
        split = [standard_split(re.split(r"[-_.]", stem)[0]) for stem in table["shard"]]
        if None not in split:
            table["split"] = split
    require_patients(list(table["patient_id"]), path, _REMEDY)
    named_images = table["image"][table["image"] != ""]
    _require_once(named_images, named_images, path)
    return table.assign(**{name: "" for name in ("study_id", "view", *_GROUPS) if name not in table})


def _require_once(image: pd.Series, place: pd.Series, source: object) -> None:
    """Checks that no two rows are of one file."""
    twice = image[place.map(os.path.normpath).duplicated()]
    if len(twice):
        raise DataError(f"{source} names image {shown(twice.iloc[0])[1:-1]} twice: one row an image was expected")


def name_studies(table: pd.DataFrame, ledger: Ledger) -> pd.DataFrame:
    """The table with the column ``study``: rows that have it in common are of one patient and have one report.

    A study is what the table calls so within a patient; a row without a study_id is a study of its own. A row without
    a report takes that of its study, if it has one alone; texts that differ make studies of their own.

    Args:
        table: Columns of ``read_pairs``.
        ledger: Counts studies that several patients share, and texts that differ inside one.
    """
    study = table["study_id"].where(table["study_id"] != "", table["image"])
    people = table.groupby(study)["patient_id"].nunique()
    shared = study.isin(people[people > 1].index)
    ledger.mask("study_id stands with several patients (kept apart by patient)", table["image"][shared])
    table = table.assign(report=_reports(table, study, ledger))
    name: dict[tuple[str, str, str], str] = {}
    counts: dict[str, int] = {}
    studies, differ = [], []
    reports: dict[tuple[str, str], str] = {}
    for image, patient, own, is_shared, report in zip(
        table["image"], table["patient_id"], study, shared, table["report"], strict=True
    ):
        words = " ".join(report.split())
        key = patient, own, words
        if key not in name:
            base = f"{patient}/{own}" if is_shared else own
            while base in counts:
                counts[base] += 1
                base = f"{base}#{counts[base]}"
            counts[base] = 1
            name[key] = base
        if reports.setdefault((patient, own), words) != words:
            differ.append(image)
        studies.append(name[key])
    ledger.mask("text differs from the first one of its study (each image keeps its own)", differ)
    return table.assign(study=studies)


def _reports(table: pd.DataFrame, study: pd.Series, ledger: Ledger) -> pd.Series:
    """The report of each row; an empty cell takes that of its study, if it has one alone."""
    of_study: dict[tuple[str, str], set[str]] = defaultdict(set)
    rows = list(zip(table["patient_id"], study, table["report"], strict=True))
    for patient, own, report in rows:
        if report.strip():
            of_study[patient, own].add(report)
    is_taken = [not report.strip() and len(of_study[patient, own]) == 1 for patient, own, report in rows]
    ledger.mask("report is empty (that of its study is read)", table["image"][np.array(is_taken, bool)])
    reports = [
        next(iter(of_study[patient, own])) if taken else report
        for (patient, own, report), taken in zip(rows, is_taken, strict=True)
    ]
    return pd.Series(reports, table.index, dtype=object)


def _official_names(split: pd.Series, source: str) -> list[str]:
    names = [standard_split(name) for name in split]
    if None in names:
        row = names.index(None)
        raise DataError(
            f"{source} has split {shown(split.iloc[row])} in row {row + 1}: train, validate or test was expected"
        )
    return [str(name) for name in names]

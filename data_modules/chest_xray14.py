"""NIH ChestX-ray14 with its 14 labels and its boxes, read from the official layout."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.formats.boxes import CORNERS, clipped_boxes, each_once
from gkmvlp.data_modules.formats.chest_xray14 import (
    LABELS,
    RELEASED,
    find_files,
    find_images,
    label_row,
    read_boxes,
    read_entries,
    read_lists,
)
from gkmvlp.data_modules.pipeline.samples import Counts, Sample
from gkmvlp.data_modules.pipeline.splits import fold_split, hash_split
from gkmvlp.errors import ConfigError, require_choice

# Images and patients of each list, and what the box table holds, counted on the official files.
PUBLISHED: Counts = {
    "train_val": {"images": 86_524, "patients": 28_008},
    "test": {"images": 25_596, "patients": 2_797},
    "boxes": {"boxes": 984, "images": 880},
}
NihSplit = Literal["official"]
_FULL_RELEASE = 100_000


class ChestXray14(DataModule):
    """NIH ChestX-ray14: images under their official stems at any size, with labels and boxes; yields ``BoxBatch``.

    A label is 1 where the table names it, else 0; ``No Finding`` is a row of zeros. Boxes are those of
    ``BBox_List_2017.csv``, all of which lie on test images. Region boxes come from the atlas.

    Args:
        root: Folder that holds the tables and images, or one that holds it as chestxray14 or CXR8.
        split: official: train_val_list.txt and test_list.txt; validation is 10 % of the train_val patients, by hash.
            MRM's lists of 78,468/11,219/22,433 images follow no published rule and are not offered.
        labels: Names out of the 14, in any order; all of them without it.
        fold: Cross-validation by patient over all images instead of the lists: the fold that is the test split;
            validation is 10 % of the other patients, by hash.
        num_folds: Number of folds.
        **kwargs: What every DataModule takes.
    """

    data_name: ClassVar[str] = "chestxray14"
    patient_space: ClassVar[str] = "nih"
    landmarks: ClassVar[tuple[str, ...]] = ("Data_Entry_2017*.csv",)

    def __init__(
        self,
        root: str,
        split: NihSplit = "official",
        labels: list[str] | None = None,
        fold: int | None = None,
        num_folds: int = 5,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        require_choice("data.init_args", NihSplit, split=split)
        if fold is not None and not (num_folds >= 2 and 0 <= fold < num_folds):
            raise ConfigError(f"num_folds: {num_folds}, fold: {fold}: expected num_folds >= 2, 0 <= fold < num_folds")
        self.root, self.split, self.fold, self.num_folds = root, split, fold, num_folds
        self.labels = _known(labels or LABELS)

    @property
    def split_label(self) -> str:
        """``official`` or ``fold<k>of<n>``."""
        return self.split if self.fold is None else f"fold{self.fold}of{self.num_folds}"

    def texts(self) -> list[str]:
        """The labels' names: the data set has no reports."""
        return [name.replace("_", " ") for name in self.labels]

    def read_samples(self) -> list[Sample]:
        """All images of the label table that have a file and, but for folds, a place in a split list."""
        files = find_files(self.root)
        self.split_source = str(files.root)
        table = read_entries(files.entries)
        boxes = read_boxes(files.boxes) if files.boxes is not None else None
        if boxes is None:
            self.ledger.warn(f"no BBox_List_2017.csv in {files.root}: no image has a box")
        table = table.assign(split=self._splits(table, files.root))
        self._count(table, boxes)
        table = self._keep_present(table, files.folders)
        listed = table["split"] != ""
        self.ledger.drop("image is in neither split list", table["image"][~listed])
        return self._samples(table[listed], boxes)

    def _splits(self, table: pd.DataFrame, folder: Path) -> list[str]:
        """Split of each row; "" where neither list names it."""
        patients = table["patient_id"].tolist()
        if self.fold is not None:
            chosen = {patient: fold_split(patient, self.fold, self.num_folds) for patient in set(patients)}
            return [chosen[patient] for patient in patients]
        side = read_lists(folder)
        inner: dict[str, str] = {patient: hash_split(patient, test=0.0) for patient in set(patients)}
        rows = zip(table["image"].tolist(), patients, strict=True)
        return [inner[patient] if side.get(image) == "train_val" else side.get(image, "") for image, patient in rows]

    def _count(self, table: pd.DataFrame, boxes: pd.DataFrame | None) -> None:
        """What the tables hold, to lay beside what was published."""
        side = table["split"].replace({"train": "train_val", "validate": "train_val"})
        self.table_counts = {
            name: {"images": len(rows), "patients": rows["patient_id"].nunique()}
            for name, rows in table.groupby(side)
            if name
        }
        if boxes is not None:
            self.table_counts["boxes"] = {"boxes": len(boxes), "images": boxes["image"].nunique()}
        self.published_counts = PUBLISHED if self.fold is None and len(table) >= _FULL_RELEASE else {}

    def _keep_present(self, table: pd.DataFrame, folders: tuple[Path, ...]) -> pd.DataFrame:
        """Rows whose image lies on the disk, with its path."""
        images, twice = find_images(folders)
        stems = [Path(name).stem for name in table["image"].tolist()]
        table = table.assign(stem=stems, path=[str(images.get(stem, "")) for stem in stems])
        missing = table["path"] == ""
        looked = [str(folders[0] / name) for name in table["image"][missing]]
        self.ledger.drop("image file is missing", looked)
        self.ledger.drop("image has no row in the label table", sorted(images.keys() - set(stems)))
        self.ledger.mask("several files have this stem, the first is read", twice)
        return table[~missing]

    def _samples(self, table: pd.DataFrame, boxes: pd.DataFrame | None) -> list[Sample]:
        boxed = self._boxes(boxes, set(table["image"])) if boxes is not None else {}
        most = max((len(finding) for finding, _ in boxed.values()), default=1)
        none = np.zeros(0, np.int64), np.zeros((0, 4), np.float32)
        samples = []
        for row in table.itertuples(index=False):
            finding, box_N4 = boxed.get(row.image, none)
            fields = {
                "label": label_row(row.labels, self.labels),
                "finding": np.pad(finding, (0, most - len(finding))),
            }
            box_K4 = np.pad(box_N4, ((0, most - len(box_N4)), (0, 0)))
            samples.append(
                Sample(
                    row.stem,
                    row.patient_id,
                    row.path,
                    row.view,
                    row.split,
                    size=(RELEASED, RELEASED),
                    finding_K4=box_K4,
                    fields=fields,
                    sex=row.sex,
                    age=None if np.isnan(row.age) else row.age,
                )
            )
        return samples

    def _boxes(self, boxes: pd.DataFrame, images: set[str]) -> dict[str, tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Official image name -> label indices (N,) and boxes (N, 4) of the chosen labels."""
        boxes = each_once(boxes[boxes["image"].isin(images) & boxes["label"].isin(self.labels)], "image", self.ledger)
        clipped, is_valid = clipped_boxes(
            boxes[CORNERS].to_numpy(np.float32), RELEASED, RELEASED, boxes["image"].tolist(), self.ledger
        )
        boxes = boxes.assign(finding=[self.labels.index(name) for name in boxes["label"]], row=range(len(boxes)))
        return {
            image: (rows["finding"].to_numpy(np.int64), clipped[rows["row"]])
            for image, rows in boxes[is_valid].groupby("image", sort=False)
        }


def _known(names: Sequence[str]) -> tuple[str, ...]:
    """The names, each once and one of the 14."""
    for name in names:
        if name not in LABELS:
            near = difflib.get_close_matches(name, LABELS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(LABELS)} was expected"
            raise ConfigError(f"labels: unknown {name!r}: {hint}")
    return tuple(dict.fromkeys(names))

"""MS-CXR: phrases of radiology reports with the boxes that they speak of, on images of MIMIC-CXR."""

import re
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.formats.boxes import clipped_boxes, each_once
from gkmvlp.data_modules.formats.mimic_cxr import (
    METADATA_TABLE,
    find_image,
    find_table,
    jpg_trees,
    read_table,
    releases,
)
from gkmvlp.data_modules.formats.ms_cxr import find_annotations, read_annotations
from gkmvlp.data_modules.formats.plain_text import shown
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.data_modules.pipeline.splits import standard_split
from gkmvlp.errors import DataError

# Pairs of image and phrase of each category (Boecking et al., ECCV 2022, and the PhysioNet page).
PUBLISHED = {"Atelectasis": 61, "Cardiomegaly": 333, "Consolidation": 117, "Edema": 46, "Lung Opacity": 82,
             "Pleural Effusion": 96, "Pneumonia": 182, "Pneumothorax": 245}  # fmt: skip
_FULL_RELEASE = 1_000
_PLACE = re.compile(r"p(\d+)[/\\]s(\d+)[/\\][^/\\]+$")


class MsCxr(DataModule):
    """MS-CXR 0.1 or 1.1.0 beside MIMIC-CXR-JPG; yields ``PhraseBatch``.

    A row is an image with one phrase of one category, and has the boxes of that phrase alone; the labels of the other
    categories are unknown. Release 0.1 has no split: all of it is test, and its images must not be trained on.

    Args:
        root: Folder that holds ms-cxr/1.1.0 (or 0.1) and mimic-cxr-jpg/2.1.0 (or physionet.org/files).
        annotations: MS_CXR_Local_Alignment JSON or CSV, or its folder, where it is not under root.
        jpg_root: Folder of MIMIC-CXR-JPG, where it is not under root.
        **kwargs: What every DataModule takes.
    """

    data_name: ClassVar[str] = "ms-cxr"
    landmarks: ClassVar[tuple[str, ...]] = ("ms-cxr*", "MS_CXR_Local_Alignment_v*")
    credentialed: bool = True
    patient_space: ClassVar[str] = "mimic"
    labels: ClassVar[tuple[str, ...]] = tuple(PUBLISHED)

    def __init__(self, root: str, annotations: str | None = None, jpg_root: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.root, self.annotations, self.jpg_root = root, annotations, jpg_root
        self.has_split = False

    @property
    def split_label(self) -> str:
        """``official``, or ``all-test`` where the release has no split."""
        return "official" if self.has_split else "all-test"

    def texts(self) -> list[str]:
        """Training phrases, each once."""
        return list({sample.fields["phrase"]: None for sample in self.rows("train")})

    def read_samples(self) -> list[Sample]:
        """All phrases whose image has a file."""
        path = find_annotations(self.root, self.annotations)
        self.split_source = str(path)
        table = each_once(read_annotations(path), "dicom_id", self.ledger)
        self.has_split = "split" in table
        table = table.assign(split=self._splits(table, path))
        if strange := sorted(set(table["category_name"]) - set(self.labels)):
            raise DataError(f"{path} has category {shown(strange[0])}: one of {', '.join(self.labels)} was expected")
        self._count(table)
        trees = jpg_trees(Path(self.root), self.jpg_root)
        images = self._images(table, path, [*trees, *releases(Path(self.root), "mimic-cxr")])
        view = self._views(trees)
        empty = table["label_text"] == ""
        self.ledger.drop("phrase is empty", table["dicom_id"][empty])
        table = table[~empty]
        pairs = list(table.groupby(["dicom_id", "category_name", "label_text"]))
        most = max((len(rows) for _, rows in pairs), default=1)
        number: dict[str, int] = {}
        samples = []
        for (dicom_id, _, _), rows in pairs:
            number[dicom_id] = number.get(dicom_id, -1) + 1
            if dicom_id in images:
                patient, image = images[dicom_id]
                sample_id = f"{dicom_id}_{number[dicom_id]}"
                samples.append(self._sample(sample_id, patient, image, view.get(dicom_id, ""), rows, most))
        return samples

    def _splits(self, table: pd.DataFrame, path: Path) -> list[str]:
        if not self.has_split:
            return ["test"] * len(table)
        names = {name: standard_split(name) for name in table["split"].unique()}
        if strange := sorted(name for name, split in names.items() if split is None):
            raise DataError(f"{path} has split {shown(strange[0])}: train, val or test was expected")
        return [str(names[name]) for name in table["split"]]

    def _count(self, table: pd.DataFrame) -> None:
        """What the table holds, to lay beside what was published: pairs of image and phrase."""
        pairs = table.drop_duplicates(["dicom_id", "category_name", "label_text"])
        counts = {name: int((pairs["category_name"] == name).sum()) for name in self.labels}
        self.table_counts = {"all": {"pairs": len(pairs), **counts}}
        is_full = len(pairs) >= _FULL_RELEASE and not self.has_split
        self.published_counts = {"all": {"pairs": sum(PUBLISHED.values()), **PUBLISHED}} if is_full else {}

    def _images(self, table: pd.DataFrame, source: Path, trees: list[Path]) -> dict[str, tuple[str, str]]:
        """Dicom id -> patient and path of the images that lie on the disk."""
        images: dict[str, tuple[str, str]] = {}
        missing = []
        rows = table.drop_duplicates(["dicom_id", "path"])
        for dicom_id, path in zip(rows["dicom_id"], rows["path"], strict=True):
            place = _PLACE.search(path)
            if place is None or not dicom_id:
                form = "files/p10/p10000001/s50000001/<dicom_id>.jpg"
                raise DataError(f"{source}, column path: {shown(path)}: a path like {form} was expected")
            patient, study = place.groups()
            image, looked = find_image(tuple(trees), patient, study, dicom_id)
            if images.setdefault(dicom_id, (patient, image))[0] != patient:
                raise DataError(f"{source} gives image {shown(dicom_id)} to two patients: use the official file")
            missing += [] if image else [looked]
        self.ledger.drop("image file is missing", missing)
        return {dicom_id: place for dicom_id, place in images.items() if place[1]}

    def _views(self, trees: list[Path]) -> dict[str, str]:
        """Dicom id -> projection, from the table of MIMIC-CXR-JPG."""
        path = find_table(trees, METADATA_TABLE)
        if path is None:
            self.ledger.warn(f"no {METADATA_TABLE} in {trees[0]}: views are not known and read as PA")
            return {}
        table = read_table(path, {"dicom_id": str, "ViewPosition": str})
        return dict(zip(table["dicom_id"], table["ViewPosition"], strict=True))

    def _sample(self, sample_id: str, patient: str, image: str, view: str, rows: pd.DataFrame, most: int) -> Sample:
        first = rows.iloc[0]
        size = float(first["image_width"]), float(first["image_height"])
        box_N4 = rows[["x", "y", "w", "h"]].to_numpy(np.float32, copy=True)
        box_N4[:, 2:] += box_N4[:, :2]
        box_N4, _ = clipped_boxes(box_N4, *size, [sample_id] * len(box_N4), self.ledger)
        index = self.labels.index(first["category_name"])
        label_L = np.full(len(self.labels), np.nan, np.float32)
        label_L[index] = 1
        finding_K = np.zeros(most, np.int64)
        finding_K[: len(box_N4)] = index
        fields = {"label": label_L, "finding": finding_K, "phrase": str(first["label_text"])}
        box_K4 = np.pad(box_N4, ((0, most - len(box_N4)), (0, 0)))
        return Sample(sample_id, patient, image, view, first["split"], size=size, finding_K4=box_K4, fields=fields)

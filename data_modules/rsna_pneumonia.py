"""RSNA Pneumonia Detection Challenge, split by the patients of NIH ChestX-ray14 that its images come from."""

from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.nih_files import patient_of
from gkmvlp.data_modules.rsna_files import find_base, find_images, find_mapping, read_header, read_labels
from gkmvlp.data_modules.samples import Sample
from gkmvlp.data_modules.splits import fold_split, hash_split
from gkmvlp.errors import ConfigError
from gkmvlp.geometry import valid_boxes

RsnaSplit = Literal["patient"]
_BOX = ["x", "y", "width", "height"]


class RsnaPneumonia(DataModule):
    """RSNA Pneumonia Detection Challenge, stage 2 training part; yields ``BoxBatch``.

    ``sample_id`` is the official ``patientId``, which names an image; ``patient_id`` is the NIH patient. The one label
    is Pneumonia: an opacity that may be one, with a box each. The official test images have no labels and are not read.

    Args:
        root: Folder that holds stage_2_train_images and both tables, or a folder rsna_pneumonia that does.
        split: patient 80/10/10 by a hash of the patient.
        patients: nih takes the patient from the mapping to NIH names; image takes each image for a patient.
        mapping: The official mapping JSON, or a CSV rsna_patientId, nih_image, mse, where it is not beside the tables.
        fold: Cross-validation by patient instead of the split: the fold that is the test split; 10 % of the other
            patients validate, by hash.
        folds: Number of folds.
        **kwargs: What every DataModule takes.
    """

    data_name: ClassVar[str] = "rsna-pneumonia"
    labels: ClassVar[tuple[str, ...]] = ("Pneumonia",)

    def __init__(
        self,
        root: str,
        split: RsnaSplit = "patient",
        patients: Literal["nih", "image"] = "nih",
        mapping: str | None = None,
        fold: int | None = None,
        folds: int = 5,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if fold is not None and not (folds >= 2 and 0 <= fold < folds):
            raise ConfigError(f"folds: {folds}, fold: {fold}: at least 2 folds and 0 <= fold < folds were expected")
        self.root, self.split, self.patients, self.mapping = root, split, patients, mapping
        self.fold, self.folds = fold, folds

    @property
    def split_label(self) -> str:
        """The split that was asked for, or ``fold<k>of<n>``; ``-by-image`` where patients are not known."""
        label = self.split if self.fold is None else f"fold{self.fold}of{self.folds}"
        return label if self.patients == "nih" else f"{label}-by-image"

    def texts(self) -> list[str]:
        """The label's name: the data set has no reports."""
        return list(self.labels)

    def read_samples(self) -> list[Sample]:
        """All images with a file, a label and a patient."""
        base = find_base(self.root)
        self.split_source = str(base)
        table, images = read_labels(base), find_images(base)
        rows = dict(tuple(table.groupby("patientId", sort=False)))
        self.ledger.drop("label without an image file", [name for name in rows if name not in images])
        self.ledger.drop("image without a label", [name for name in images if name not in rows])
        patient = self._find_patients(base, [name for name in rows if name in images])
        most = max((int(rows[name]["x"].notna().sum()) for name in patient), default=0)
        return [self._sample(name, patient[name], images[name], rows[name], max(most, 1)) for name in patient]

    def _find_patients(self, base: Path, names: list[str]) -> dict[str, str]:
        """Image -> patient, for the images whose patient is known."""
        if self.patients == "image":
            self.ledger.warn("patients: image: patients are not known and may lie on both sides of the split")
            return {name: name for name in names}
        mapping = find_mapping(base, self.mapping)
        self.ledger.drop(f"not in {mapping.source.name}", [name for name in names if name not in mapping.stem])
        self.ledger.drop(
            f"match in {mapping.source.name} is not sure", [name for name in names if name in mapping.unsure]
        )
        known = (name for name in names if name in mapping.stem and name not in mapping.unsure)
        return {name: patient_of(mapping.stem[name]) for name in known}

    def _split_of(self, patient: str) -> str:
        return hash_split(patient) if self.fold is None else fold_split(patient, self.fold, self.folds)

    def _sample(self, name: str, patient: str, path: Path, rows: pd.DataFrame, most: int) -> Sample:
        view, size = read_header(path)
        box_N4 = rows.loc[rows["x"].notna(), _BOX].to_numpy(np.float32)
        box_N4[:, 2:] += box_N4[:, :2]
        box_N4, valid_N = valid_boxes(box_N4, *size)
        self.ledger.mask("box without an area in the image", [name] * int((~valid_N).sum()))
        finding_K4 = np.zeros((most, 4), np.float32)
        finding_K4[: len(box_N4)] = box_N4
        fields = {
            "label": np.array([rows["Target"].max()], np.float32),
            "finding": np.zeros(most, np.int64),
        }
        return Sample(
            name, patient, str(path), view, self._split_of(patient), size=size, finding_K4=finding_K4, fields=fields
        )

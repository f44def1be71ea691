"""RSNA Pneumonia Detection Challenge, split by the patients of NIH ChestX-ray14 that its images come from."""

from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.formats.boxes import clipped_boxes, each_once, require_pixels
from gkmvlp.data_modules.formats.chest_xray14 import patient_of
from gkmvlp.data_modules.formats.rsna_pneumonia import (
    IMAGES,
    LABELS,
    Header,
    find_base,
    find_images,
    find_mapping,
    read_classes,
    read_headers,
    read_labels,
)
from gkmvlp.data_modules.pipeline.cache_store import cache_folder
from gkmvlp.data_modules.pipeline.samples import Counts, Sample
from gkmvlp.data_modules.pipeline.splits import fold_split, hash_split
from gkmvlp.errors import ConfigError, require_choice

RsnaSplit = Literal["patient", "legacy-mgca", "legacy-detection"]
PatientIdSource = Literal["nih", "image"]
# Counted on the official tables.
PUBLISHED: Counts = {
    "all": {
        "label rows": 30_227,
        "boxes": 9_555,
        "images": 26_684,
        "images with boxes": 6_012,
        "Lung Opacity": 6_012,
        "No Lung Opacity / Not Normal": 11_821,
        "Normal": 8_851,
    }
}
# Images held out by the published splits: 30 % for 18,678/4,003/4,003, two fifths for 16,010/5,337/5,337.
LEGACY = {"legacy-mgca": 8_006, "legacy-detection": 10_674}


class RsnaPneumonia(DataModule):
    """RSNA Pneumonia Detection Challenge, stage 2 training part; yields ``BoxBatch``.

    ``sample_id`` is the official ``patientId``, which names an image; ``patient_id`` is the NIH patient. The one label
    is Pneumonia: an opacity that may be one, with a box each. The official test images have no labels and are not read.

    Args:
        root: Folder that holds stage_2_train_images and both tables, or a folder rsna_pneumonia that does.
        split: patient is 80/10/10 by a hash of the patient. legacy-mgca 18,678/4,003/4,003 (classification) and
            legacy-detection 16,010/5,337/5,337 are by image, as published: patients are on both sides. MRM's
            25,184/1,500/3,000 follow no published rule and are not offered.
        patient_id_source: nih takes the patient from the mapping to NIH names; image takes each image for a patient.
        mapping: The official mapping JSON, or a CSV rsna_patientId, nih_image, mse, where it is not beside the tables.
        fold: Cross-validation by patient instead of the split: the fold that is the test split; 10 % of the other
            patients validate, by hash.
        num_folds: Number of folds.
        **kwargs: What every DataModule takes.
    """

    data_name: ClassVar[str] = "rsna-pneumonia"
    landmarks: ClassVar[tuple[str, ...]] = (f"{LABELS}*",)
    patient_space: ClassVar[str] = "nih"
    labels: ClassVar[tuple[str, ...]] = ("Pneumonia",)

    def __init__(
        self,
        root: str,
        split: RsnaSplit = "patient",
        patient_id_source: PatientIdSource = "nih",
        mapping: str | None = None,
        fold: int | None = None,
        num_folds: int = 5,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        require_choice("data.init_args", RsnaSplit, split=split)
        require_choice("data.init_args", PatientIdSource, patient_id_source=patient_id_source)
        if fold is not None and not (num_folds >= 2 and 0 <= fold < num_folds):
            raise ConfigError(f"num_folds: {num_folds}, fold: {fold}: expected num_folds >= 2, 0 <= fold < num_folds")
        self.root, self.split, self.patient_id_source, self.mapping = root, split, patient_id_source, mapping
        self.fold, self.num_folds = fold, num_folds

    @property
    def split_label(self) -> str:
        """The split that was asked for, or ``fold<k>of<n>``; ``-by-image`` where patients are not known."""
        label = self.split if self.fold is None else f"fold{self.fold}of{self.num_folds}"
        return label if self.patient_id_source == "nih" else f"{label}-by-image"

    def texts(self) -> list[str]:
        """The label's name: the data set has no reports."""
        return list(self.labels)

    def read_samples(self) -> list[Sample]:
        """All images with a file, a label and a patient."""
        base = find_base(self.root)
        self.split_source = str(base / LABELS)
        table, images = read_labels(base), find_images(base)
        self._count(table, read_classes(base))
        table = each_once(table, "patientId", self.ledger)
        rows = table.groupby("patientId", sort=False).indices
        folder = base / IMAGES
        lacking = [f"{folder / str(name)}.dcm" for name in rows if name not in images]
        self.ledger.drop("label without an image file", lacking)
        self.ledger.drop("image without a label", [name for name in images if name not in rows])
        for target, told in ((1, "Target 1 without a box"), (0, "Target 0 with a box")):
            odd = (table["Target"] == target) & (table["x"].isna() if target else table["x"].notna())
            self.ledger.mask(f"{told} (both are kept)", table["patientId"][odd])
        present = {name: images[name] for name in rows if name in images}
        patient = self._find_patients(base, list(present))
        split = self._assign(list(rows), patient)
        cache = cache_folder(self.cache_dir)
        headers = read_headers(present, cache)
        box_N4 = table[["x", "y", "x2", "y2"]].to_numpy(np.float32)
        boxes = {name: box_N4[rows[name]] for name in patient}
        boxes = {name: box_N4[~np.isnan(box_N4[:, 0])] for name, box_N4 in boxes.items()}
        most = max([1, *map(len, boxes.values())])
        self._require_pixels(base / LABELS, boxes, headers)
        target = table.groupby("patientId")["Target"].max().to_dict()
        return [
            Sample(
                name,
                patient[name],
                str(images[name]),
                headers[name].view,
                split[name],
                size=headers[name][1:3],
                finding_K4=self._pad(name, boxes[name], headers[name], most),
                fields={"label": np.array([target[name]], np.float32), "finding": np.zeros(most, np.int64)},
                sex=headers[name].sex,
                age=headers[name].age,
            )
            for name in patient
        ]

    def _count(self, table: pd.DataFrame, classes: dict[str, int]) -> None:
        """What the tables hold, to lay beside what was published."""
        boxed = table["x"].notna()
        images = {"images": table["patientId"].nunique(), "images with boxes": table["patientId"][boxed].nunique()}
        self.table_counts = {"all": {"label rows": len(table), "boxes": int(boxed.sum()), **images, **classes}}
        self.published_counts = PUBLISHED if images["images"] == PUBLISHED["all"]["images"] else {}

    def _find_patients(self, base: Path, names: list[str]) -> dict[str, str]:
        """Image -> patient, for the images whose patient is known."""
        if self.patient_id_source == "image":
            self.ledger.warn("patient_id_source: image: patients are not known and may lie on both sides of the split")
            return {name: name for name in names}
        mapping = find_mapping(base, self.mapping)
        unknown = [name for name in names if name not in mapping.stem]
        unsure = [name for name in names if name in mapping.unsure]
        self.ledger.drop(f"image is not in {mapping.source.name}", unknown)
        if self.is_patient_disjoint:
            self.ledger.drop(f"patient is not sure in {mapping.source.name}", unsure)
            unknown += unsure
        gone = set(unknown)
        return {name: patient_of(mapping.stem[name]) for name in names if name not in gone}

    def _assign(self, names: list[str], patient: dict[str, str]) -> dict[str, str]:
        """Image -> split.

        Args:
            names: All images of the label table, from which the legacy splits are drawn.
            patient: Image -> patient of the images that are used.
        """
        if self.fold is not None:
            return {name: fold_split(person, self.fold, self.num_folds) for name, person in patient.items()}
        if self.split == "patient":
            return {name: hash_split(person) for name, person in patient.items()}
        if len(names) != PUBLISHED["all"]["images"]:
            raise ConfigError(
                f"split: {self.split} is drawn from the {PUBLISHED['all']['images']:,} images of the whole "
                f"{self.split_source}, which holds {len(names):,}; get it whole, or use split: patient"
            )
        split = draw_legacy(names, LEGACY[self.split])
        trained = {person for name, person in patient.items() if split[name] == "train"}
        test = [person for name, person in patient.items() if split[name] == "test"]
        share = sum(person in trained for person in test) / max(len(test), 1)
        self.ledger.warn(f"{self.split}: {share:.1%} of the test images are of patients in training; figures flatter")
        return split

    def _require_pixels(self, table: Path, boxes: dict[str, NDArray[np.float32]], headers: dict[str, Header]) -> None:
        """Checks the boxes of all images together."""
        boxed = [(name, box_N4) for name, box_N4 in boxes.items() if len(box_N4)]
        if boxed:
            sizes = [np.tile(np.array(headers[name][1:3], np.float32), (len(box_N4), 1)) for name, box_N4 in boxed]
            require_pixels(np.concatenate([box_N4 for _, box_N4 in boxed]), np.concatenate(sizes), table)

    def _pad(self, name: str, box_N4: NDArray[np.float32], header: Header, most: int) -> NDArray[np.float32]:
        """Boxes (N, 4) clipped to the image and filled up to (K, 4)."""
        box_K4 = np.zeros((most, 4), np.float32)
        if len(box_N4):  # three images in four have none
            names = [name] * len(box_N4)
            box_K4[: len(box_N4)], _ = clipped_boxes(box_N4, header.width, header.height, names, self.ledger)
        return box_K4


def draw_legacy(names: list[str], held: int) -> dict[str, str]:
    """The split that GLoRIA and MGCA draw: by image, with scikit-learn's ``train_test_split`` of seed 0, twice.

    Args:
        names: All images; their order does not matter.
        held: How many are held out; the first half of them, rounded up, validates.

    Returns:
        Image -> split.
    """
    order = np.array(sorted(names))[np.random.RandomState(0).permutation(len(names))]
    out = order[:held][np.random.RandomState(0).permutation(held)]
    half = (held + 1) // 2
    parts = {"validate": out[:half], "test": out[half:], "train": order[held:]}
    return {str(name): split for split, part in parts.items() for name in part}

"""The gold part of Chest ImaGenome: findings that readers confirmed, with the hand-drawn boxes of their regions."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.formats.mimic_cxr import (
    METADATA_TABLE,
    find_image,
    find_table,
    imagenome_folders,
    jpg_trees,
    read_table,
    releases,
)
from gkmvlp.data_modules.formats.scene_graphs import ENTITY_OF
from gkmvlp.data_modules.formats.schema import Schema
from gkmvlp.data_modules.formats.tables import read_table as read_columns
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.data_modules.pipeline.transforms import Float
from gkmvlp.entities import ENTITIES
from gkmvlp.errors import DataError
from gkmvlp.geometry import valid_boxes

_BOXES, _ATTRIBUTES = "gold_bbox_coordinate_annotations_1000images.csv", "gold_object_attribute_with_coordinates.txt"
_GET = "get Chest ImaGenome on PhysioNet (physionet.org/content/chest-imagenome, credentialed access)"
# By name: in the file x2 stands before y1.
_CORNERS = ("original_x1", "original_y1", "original_x2", "original_y2")
_TOLD = ("patient_id", "study_id", "image_id", "bbox", "relation", "label_name", "categoryID", "context")


class ImaGenomeGold(DataModule):
    """Chest ImaGenome's gold attributes and boxes beside MIMIC-CXR-JPG; yields ``BoxBatch``, all of it test.

    A row is an image. A label is 1 where a region has the finding, 0 where it is only denied, else unknown; the boxes
    of a finding are those of the regions that have it. Its patients must not be trained on (images_to_avoid.csv).

    Args:
        root: Folder that holds chest-imagenome/1.0.0 and mimic-cxr-jpg/2.1.0 (or physionet.org/files).
        jpg_root: Folder of MIMIC-CXR-JPG, where it is not under root.
        **kwargs: What every DataModule takes.
    """

    data_name: ClassVar[str] = "chest-imagenome-gold"
    credentialed: bool = True
    patient_space: ClassVar[str] = "mimic"
    labels: ClassVar[tuple[str, ...]] = tuple(entity.name for entity in ENTITIES if entity.imagenome)

    def __init__(self, root: str, jpg_root: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.root, self.jpg_root = root, jpg_root

    @property
    def split_label(self) -> str:
        """The gold part has no split."""
        return "all-test"

    def texts(self) -> list[str]:
        """None: nothing of it is trained on."""
        return []

    def read_samples(self) -> list[Sample]:
        """All images of the attribute table that have a file and a row of metadata."""
        folder = self._folder()
        self.split_source = str(folder)
        schema = Schema(("image_id", "bbox_name", *_CORNERS), numbers=_CORNERS, remedy=_GET)
        box = self._boxes(read_columns(folder / _BOXES, schema))
        attributes = read_columns(folder / _ATTRIBUTES, Schema(_TOLD, remedy=_GET))
        attributes = attributes[attributes["relation"].isin(("1", "1.0"))]
        trees = jpg_trees(Path(self.root), self.jpg_root)
        metadata = self._metadata(trees)
        trees += releases(Path(self.root), "mimic-cxr")
        images = list(attributes.groupby(["patient_id", "study_id", "image_id"]))
        findings = {name: self._findings(rows) for (_, _, name), rows in images}
        most = max((len(pairs) for _, pairs in findings.values()), default=1)
        samples = []
        for (patient, study, name), _ in images:
            dicom_id = name.removesuffix(".dcm")
            image, looked = find_image(tuple(trees), patient, study, dicom_id)
            if not image:
                self.ledger.drop("image file is missing", [looked])
            elif dicom_id not in metadata:
                self.ledger.drop("image without a metadata row", [dicom_id])
            elif not min(metadata[dicom_id][1:]) > 0:
                self.ledger.drop("image without its size in the metadata table", [dicom_id])
            else:
                view, *size = metadata[dicom_id]
                label_L, pairs = findings[name]
                box_K4 = self._finding_boxes(dicom_id, [region for _, region in pairs], box, (size[0], size[1]), most)
                finding_K = np.array([index for index, _ in pairs] + [0] * (most - len(pairs)), np.int64)
                fields = {"label": label_L, "finding": finding_K}
                samples.append(
                    Sample(
                        dicom_id,
                        patient,
                        image,
                        view,
                        "test",
                        size=(size[0], size[1]),
                        finding_K4=box_K4,
                        fields=fields,
                    )
                )
        return samples

    def _folder(self) -> Path:
        folders = [folder / "gold_dataset" for folder in imagenome_folders(Path(self.root))]
        for folder in folders:
            if (folder / _ATTRIBUTES).is_file():
                return folder
        raise DataError(f"no {_ATTRIBUTES} in {folders[-1]} or chest-imagenome/1.0.0/gold_dataset: {_GET}")

    def _boxes(self, table: pd.DataFrame) -> dict[tuple[str, str], Float]:
        """(Image, region) -> box (4,) xyxy in pixels of the original image."""
        corner_N4 = table[list(_CORNERS)].to_numpy(np.float32)
        ids = (name.removesuffix(".dcm") for name in table["image_id"])
        return dict(zip(zip(ids, table["bbox_name"], strict=True), corner_N4, strict=True))

    def _metadata(self, trees: list[Path]) -> dict[str, tuple[str, float, float]]:
        """Dicom id -> view, width and height, of MIMIC-CXR-JPG."""
        path = find_table(trees, METADATA_TABLE)
        if path is None:
            raise DataError(f"no {METADATA_TABLE} in {trees[0]}: get MIMIC-CXR-JPG, or name it with jpg:")
        columns = {"dicom_id": str, "ViewPosition": str, "Columns": float, "Rows": float}
        rows = read_table(path, columns).itertuples(index=False, name=None)
        return {dicom_id: (view, width, height) for dicom_id, view, width, height in rows}

    def _findings(self, rows: pd.DataFrame) -> tuple[NDArray[np.float32], list[tuple[int, str]]]:
        """Labels (L,) of an image, and (index of the label, region) of every region that has a finding."""
        label_L = np.full(len(self.labels), np.nan, np.float32)
        pairs: dict[tuple[int, str], None] = {}
        columns = rows[["bbox", "label_name", "categoryID", "context"]]
        for region, name, category, context in columns.itertuples(index=False, name=None):
            entity = ENTITY_OF.get(f"{category}|{name}")
            if entity is not None:
                index, is_present = self.labels.index(entity), context == "yes"
                label_L[index] = np.fmax(label_L[index], is_present)
                pairs |= {(index, region): None} if is_present else {}
        return label_L, sorted(pairs)

    def _finding_boxes(
        self, dicom_id: str, regions: list[str], box: dict[tuple[str, str], Float], size: tuple[float, float], most: int
    ) -> Float:
        """Boxes (K, 4) of regions, zeros where a region has none and behind the last."""
        nowhere = np.zeros(4, np.float32)
        self.ledger.mask("region without a box", [dicom_id for name in regions if (dicom_id, name) not in box])
        box_N4 = np.array([box.get((dicom_id, name), nowhere) for name in regions], np.float32).reshape(-1, 4)
        clipped_N4, valid_N = valid_boxes(box_N4, *size)
        self.ledger.mask("box without area in the image", [dicom_id] * int((~valid_N & box_N4.any(1)).sum()))
        return np.pad(clipped_N4, ((0, most - len(clipped_N4)), (0, 0)))

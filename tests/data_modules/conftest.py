"""A MIMIC-CXR tree of six invented patients whose every row is known."""

import gzip
import json
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from gkmvlp.anatomy import REGIONS, atlas

REPORT = " FINAL REPORT\n FINDINGS:  Small left pleural effusion. No pneumothorax.\n \n IMPRESSION:  Left effusion.\n"


@dataclass
class MimicTree:
    """Rows of the tables, and what to write beside them; ``write`` puts them into the official layout."""

    root: Path
    split: dict[str, tuple[str, str, str]] = field(default_factory=dict)  # dicom -> study, subject, split
    views: dict[str, str] = field(default_factory=dict)
    reports: dict[str, bytes] = field(default_factory=dict)
    graphs: dict[str, dict] = field(default_factory=dict)
    size: tuple[int, int] = (48, 64)  # height, width

    @property
    def jpg(self) -> Path:
        return self.root / "mimic-cxr-jpg" / "2.1.0"

    def image(self, dicom: str) -> Path:
        study, subject, _ = self.split[dicom]
        return self.jpg / "files" / f"p{subject[:2]}" / f"p{subject}" / f"s{study}" / f"{dicom}.jpg"

    def write(self) -> None:
        height, width = self.size
        for row, dicom in enumerate(self.split):
            path = self.image(dicom)
            path.parent.mkdir(parents=True, exist_ok=True)
            noise = np.random.default_rng(row).integers(0, 255, self.size).astype(np.uint8)
            Image.fromarray(noise).save(path, quality=95)
        split = ["dicom_id,study_id,subject_id,split"]
        split += [f"{dicom},{study},{subject},{side}" for dicom, (study, subject, side) in self.split.items()]
        table = ["dicom_id,subject_id,study_id,ViewPosition,Rows,Columns"]
        table += [
            f"{dicom},{subject},{study},{self.views.get(dicom, 'PA')},{height},{width}"
            for dicom, (study, subject, _) in self.split.items()
        ]
        for name, lines in (("split", split), ("metadata", table)):
            text = "\n".join(lines) + "\n"
            (self.jpg / f"mimic-cxr-2.0.0-{name}.csv.gz").write_bytes(gzip.compress(text.encode()))
        reports = self.root / "mimic-cxr" / "2.1.0" / "mimic-cxr-reports.zip"
        reports.parent.mkdir(parents=True, exist_ok=True)
        with ZipFile(reports, "w") as file:
            for study, subject, _ in set(self.split.values()):
                text = self.reports.get(study, REPORT.encode())
                file.writestr(f"files/p{subject[:2]}/p{subject}/s{study}.txt", text)
        graphs = self.root / "chest-imagenome" / "1.0.0" / "silver_dataset" / "scene_graph.zip"
        graphs.parent.mkdir(parents=True, exist_ok=True)
        with ZipFile(graphs, "w") as file:
            for dicom in self.split:
                graph = self.graphs.get(dicom, self.graph(dicom))
                file.writestr(f"scene_graph/{dicom}_SceneGraph.json", json.dumps(graph))

    def graph(self, dicom: str, **changed: list[float]) -> dict:
        """A scene graph with all 29 regions in the place of the atlas; ``changed`` gives other corners by region."""
        height, width = self.size
        boxes = {
            name: (box * [width, height, width, height]).tolist() for name, box in zip(REGIONS, atlas(), strict=True)
        }
        names = ("original_x1", "original_y1", "original_x2", "original_y2")
        boxes |= {name.replace("_", " "): box for name, box in changed.items()}
        objects = [{"bbox_name": name, **dict(zip(names, box, strict=True))} for name, box in boxes.items()]
        told = {
            "left lung": True,
            "bbox_name": "left lung",
            "attributes": [
                ["anatomicalfinding|yes|pleural effusion", "nlp|yes|abnormal"],
                ["anatomicalfinding|no|pneumothorax"],
            ],
            "phrases": ["Small left pleural effusion.", "No pneumothorax."],
            "phrase_IDs": [f"{self.split[dicom][0]}|0", f"{self.split[dicom][0]}|1"],
        }
        return {"image_id": dicom, "objects": objects, "attributes": [told, told | {"left lung": False}]}


@pytest.fixture
def mimic(tmp_path: Path) -> MimicTree:
    tree = MimicTree(tmp_path / "mimic")
    for number, side in enumerate(["train", "train", "train", "train", "validate", "test"]):
        tree.split[f"{number:08x}-0-0-0-0"] = (f"5000000{number}", f"1000000{number}", side)
    return tree

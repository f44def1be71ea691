"""Phrases with boxes in the official layout of MS-CXR, on the images of a MIMIC-CXR look-alike."""

import json
from itertools import count
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from gkmvlp.anatomy import Side
from gkmvlp.data_modules.synthetic.staging import TRUTH, digest, staged
from gkmvlp.entities import entity
from gkmvlp.errors import DataError
from gkmvlp.phantom.plan import Finding
from gkmvlp.phantom.writing.noun_phrases import finish, phrase

FOLDER = "ms-cxr"
CATEGORIES = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Lung Opacity", "Pleural Effusion", "Pneumonia",
              "Pneumothorax")  # fmt: skip
# Releases, and the version in the names of their files.
_VERSIONS = {"0.1": "v1.0.0", "1.1.0": "v1.1.0"}
_SPLITS = {"train": "train", "validate": "val", "test": "test"}


def write(root: Path, release: Literal["0.1", "1.1.0"] = "1.1.0") -> None:
    """Writes JSON and CSV, or returns at once where they are there already.

    Args:
        root: Holds a MIMIC-CXR look-alike with its truth; gets ``ms-cxr/<release>``.
        release: 1.1.0 has the column ``split``.

    Raises:
        DataError: If there is no MIMIC-CXR look-alike, or another release.
    """
    marker = root / TRUTH / "corpus.json"
    if not marker.is_file():
        raise DataError(f"no look-alike of MIMIC-CXR in {root}: write it first, the phrases speak of its images")
    settings = {"corpus": FOLDER, "release": release, "of": json.loads(marker.read_text())}
    with staged(root, "ms_cxr_corpus", (FOLDER,), settings) as folder:
        if folder is None:
            return
        target = folder / FOLDER / release
        target.mkdir(parents=True)
        table = _rows(root / TRUTH, has_split=release != "0.1")
        name = f"MS_CXR_Local_Alignment_{_VERSIONS[release]}"
        table.to_csv(target / f"{name}.csv", index=False)
        (target / f"{name}.json").write_text(json.dumps(_as_coco(table, _VERSIONS[release])))


def _rows(truth: Path, has_split: bool) -> pd.DataFrame:
    """The CSV: one row a planted box of a finding that has a category; both boxes of a pair share the phrase."""
    images = pd.read_parquet(truth / "images.parquet").set_index("sample_id")
    findings = pd.read_parquet(truth / "findings.parquet").astype({"side": object, "zone": object})
    findings = findings.where(findings.notna(), None)
    category = findings["entity"].map(lambda name: entity(name).chexpert)
    findings = findings.assign(category=category)[category.isin(CATEGORIES)]
    rows: list[dict[str, Any]] = []
    for (dicom_id, name, label), boxes in findings.groupby(["sample_id", "entity", "category"]):
        image, first = images.loc[dicom_id], boxes.iloc[0]
        patient, study = image["patient_id"], image["study_id"]
        box_K4 = boxes[["x1", "y1", "x2", "y2"]].to_numpy(np.float32)
        side: Side | None = first["side"] if boxes["side"].nunique() < 2 else "bilateral"
        rng = np.random.default_rng(int(digest("ms-cxr", dicom_id, name)[:8], 16))
        sentence = phrase(rng, Finding(str(name), side, first["zone"], first["severity"], box_K4))
        shared = {"dicom_id": dicom_id, "category_name": label, "label_text": finish(sentence.text),
                  "path": f"files/p{patient[:2]}/p{patient}/s{study}/{dicom_id}.jpg"}  # fmt: skip
        size = {"image_width": image["width"], "image_height": image["height"]}
        split = {"split": _SPLITS[image["split"]]} if has_split else {}
        for x1, y1, x2, y2 in np.rint(box_K4).astype(int):
            rows.append(shared | {"x": x1, "y": y1, "w": x2 - x1, "h": y2 - y1} | size | split)
    return pd.DataFrame(rows)


def _as_coco(table: pd.DataFrame, version: str) -> dict[str, Any]:
    """The JSON: images, categories and one annotation a box."""
    rows = json.loads(table.to_json(orient="records"))
    number = dict(zip(table["dicom_id"].unique(), count(1), strict=False))
    per_image = table["dicom_id"].value_counts()
    images = [
        {"id": number[row["dicom_id"]], "file_name": f"{row['dicom_id']}.jpg", "width": row["image_width"],
         "height": row["image_height"], "path": row["path"], "num_annotations": int(per_image[row["dicom_id"]])}
        for row in {row["dicom_id"]: row for row in rows}.values()
    ]  # fmt: skip
    annotations = [
        {"id": index, "image_id": number[row["dicom_id"]], "category_id": CATEGORIES.index(row["category_name"]) + 1,
         "bbox": [row["x"], row["y"], row["w"], row["h"]], "label_text": row["label_text"],
         "width": row["image_width"], "height": row["image_height"], "area": row["w"] * row["h"], "iscrowd": 0}
        | ({"split": row["split"]} if "split" in row else {})
        for index, row in enumerate(rows, 1)
    ]  # fmt: skip
    categories = [{"id": index, "name": name} for index, name in enumerate(CATEGORIES, 1)]
    info = {"version": version.removeprefix("v"), "description": "phantoms"}
    return {"info": info, "licenses": [], "categories": categories, "images": images, "annotations": annotations}

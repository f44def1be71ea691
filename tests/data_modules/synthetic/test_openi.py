"""Phantoms in the layout of Open-i: files as each of the three owners ships them, and what was planted."""

import json
import re
import tarfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gkmvlp.app.cli import main
from gkmvlp.data_modules import OpenI
from gkmvlp.data_modules.synthetic import chest_xray14, openi
from gkmvlp.data_modules.synthetic.openi import draw, kaggle_name, sections_of
from gkmvlp.errors import DataError
from tests.tiny import tree as contents

SEED, PATIENTS, SIZE = 4, 24, 32


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lookalike")
    openi.write(folder, PATIENTS, SEED, SIZE)
    return folder


def test_an_outside_reader_reads_the_official_files(root: Path, tmp_path: Path):
    xrv = pytest.importorskip("torchxrayvision")
    tree = root / "openi"
    with tarfile.open(tmp_path / "reports.tgz", "w:gz") as archive:
        archive.add(tree / "ecgen-radiology", "ecgen-radiology")
    told = pd.read_csv(tree / "indiana_projections.csv").set_index("filename")["projection"]
    names = [path.stem for path in (tree / "NLMCXR_png").iterdir()]
    views = ["PA" if told[kaggle_name(name)] == "Frontal" else "Lateral" for name in names]
    for column in ("View Position", "tsne-view"):
        pd.DataFrame({"imageid": names, column: views}).to_csv(tmp_path / f"{column}.csv", index=False)
    data = xrv.datasets.Openi_Dataset(
        imgpath=str(tree / "NLMCXR_png"),
        xmlpath=str(tmp_path / "reports.tgz"),
        dicomcsv_path=str(tmp_path / "View Position.csv"),
        tsnepacsv_path=str(tmp_path / "tsne-view.csv"),
    )
    assert len(data) == PATIENTS
    seen = set()
    for row in range(len(data)):
        phantom = draw(int(data.csv.iloc[row]["uid"].removeprefix("CXR")), SEED, SIZE)
        item = data[row]
        np.testing.assert_allclose((item["img"][0] / 1024 + 1) / 2 * 255, phantom.image_HW, atol=0.5)
        for name, label in zip(data.pathologies, item["lab"], strict=True):
            if name in ("Cardiomegaly", "Mass", "Nodule", "Pneumothorax", "Edema"):
                assert bool(label) == phantom.shows(name.lower())
                seen.add((name, bool(label)))
    assert len(seen) > 6


def test_reports_say_what_was_written_and_marks_stand_in_them(root: Path):
    marked = 0
    for number in range(1, PATIENTS + 1):
        told = ElementTree.parse(root / "openi" / "ecgen-radiology" / f"{number}.xml")
        section = {part.get("Label"): part.text or "" for part in told.iter("AbstractText")}
        findings, impression = sections_of(draw(number, SEED, SIZE), number, SEED)
        assert (section["FINDINGS"], section["IMPRESSION"]) == (findings, impression)
        assert list(section) == ["COMPARISON", "INDICATION", "FINDINGS", "IMPRESSION"]
        assert "___" not in findings + impression
        marked += "XXXX" in findings + impression
    assert 0.2 < marked / PATIENTS < 0.7


def test_tables_and_annotation_have_the_owners_columns(root: Path):
    tree = root / "openi"
    reports, images = (pd.read_csv(tree / f"indiana_{name}.csv") for name in ("reports", "projections"))
    assert list(reports) == ["uid", "MeSH", "Problems", "image", "indication", "comparison", "findings", "impression"]
    assert list(images) == ["uid", "filename", "projection"]
    assert images["filename"].str.fullmatch(r"\d+_IM-\d{4}-\d{4}\.dcm\.png").all()
    assert images.groupby("uid")["projection"].apply(lambda views: (views == "Frontal").sum()).eq(1).all()
    names = {path.stem for path in (tree / "NLMCXR_png").iterdir()}
    assert all(re.fullmatch(r"CXR\d+(_1)?_IM-\d{4}-\d{4}", name) for name in names)
    assert sum(name.startswith("CXR1_1_IM-") for name in names) >= 1
    annotation = json.loads((tree / "annotation.json").read_text())
    assert list(annotation) == ["train", "val", "test"]
    two = images.groupby("uid").size().eq(2)
    told = reports.set_index("uid")["findings"].dropna()
    assert sum(map(len, annotation.values())) == (two.reindex(told.index)).sum()
    for split, rows in annotation.items():
        assert rows
        for row in rows:
            assert row["split"] == split
            assert row["image_path"] == [f"{row['id']}/0.png", f"{row['id']}/1.png"]
            assert row["report"] == told[int(re.match(r"CXR(\d+)", row["id"])[1])]


def test_truth_names_the_rows_that_are_read(root: Path):
    data = OpenI(str(root), split="patient", image_size=SIZE, num_workers=0)
    data.check()
    images, findings = (pd.read_parquet(root / f"_truth/openi_{name}.parquet") for name in ("images", "findings"))
    assert set(images["sample_id"]) == {row.sample_id for row in data.samples}
    drawn = {f"CXR{number}": draw(number, SEED, SIZE) for number in range(1, PATIENTS + 1)}
    planted = {name: sum(len(finding.box_K4) for finding in phantom.findings) for name, phantom in drawn.items()}
    assert findings.groupby("patient_id").size().to_dict() == {name: n for name, n in planted.items() if n}
    for row in data.samples:
        assert np.array_equal(np.asarray(Image.open(row.image)), drawn[row.patient_id].image_HW)


def test_same_seed_same_bytes_and_other_patients_than_other_look_alikes(root: Path, tmp_path: Path):
    words = ["--root", str(tmp_path), "--patients", str(PATIENTS), "--seed", str(SEED), "--image-size", str(SIZE)]
    assert main(["data", "phantom", *words, "--num-workers", "2", "--layouts", "openi"]) == 0
    assert contents(root / "openi") == contents(tmp_path / "openi")
    with pytest.raises(DataError, match=r"openi_corpus\.json.*another"):
        openi.write(root, PATIENTS + 1, SEED, SIZE)
    with pytest.raises(DataError, match="10 patients"):
        openi.write(tmp_path / "new", 9, SEED, SIZE)
    nih_patients = 30_805  # of the whole ChestX-ray14
    assert chest_xray14.Shot(nih_patients, chest_xray14.MOST_IMAGES, "test").index < openi.FIRST_INDEX

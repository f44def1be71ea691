"""Phantoms in the layout of ChestX-ray14: read by an outside reader, labelled and boxed as they were planted."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gkmvlp.app.cli import main
from gkmvlp.data_modules import ChestXray14, MimicCxr
from gkmvlp.data_modules.synthetic import chest_xray14, mimic_cxr, vqa_rad
from gkmvlp.data_modules.synthetic.chest_xray14 import FIRST_INDEX, MOST_IMAGES, Shot, draw, labels_of, plan_shots
from gkmvlp.data_modules.synthetic.studies import plan_studies
from gkmvlp.entities import entity
from gkmvlp.errors import DataError
from gkmvlp.phantom.plan import Phantom
from tests.tiny import tree as contents

SEED, PATIENTS, SIZE = 4, 30, 32


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("lookalike")
    mimic_cxr.write(folder, 3, SEED, SIZE)
    chest_xray14.write(folder, PATIENTS, SEED, SIZE)
    return folder


@cache
def drawn(shot: Shot) -> Phantom:
    return draw(shot, SEED, SIZE)


def planted(shot: Shot) -> dict[str, np.ndarray]:
    """NIH name -> boxes (K, 4) as fractions of the phantom."""
    phantom = drawn(shot)
    height, width = phantom.image_HW.shape
    boxes: dict[str, list] = {}
    for finding in phantom.findings:
        boxes.setdefault(entity(finding.entity).nih, []).extend(finding.box_K4 / [width, height, width, height])
    return {name: np.array(found) for name, found in boxes.items() if name}


def test_an_outside_reader_reads_the_tree(root):
    xrv = pytest.importorskip("torchxrayvision")
    tree = root / "chestxray14"
    data = xrv.datasets.NIH_Dataset(
        imgpath=str(tree / "images"),
        csvpath=str(tree / "Data_Entry_2017_v2020.csv"),
        bbox_list_path=str(tree / "BBox_List_2017.csv"),
        views=["PA", "AP"],
        unique_patients=False,
        pathology_masks=True,
    )
    shots = {shot.name: shot for shot in plan_shots(PATIENTS, SEED)}
    assert len(data) == len(shots)
    masks = 0
    for row in range(len(data)):
        shot = shots[data.csv.iloc[row]["Image Index"]]
        item, findings = data[row], planted(shot)
        assert {name for name, label in zip(data.pathologies, item["lab"], strict=True) if label} == findings.keys()
        expected = np.asarray(Image.open(tree / "images" / shot.name).convert("L"))
        np.testing.assert_allclose((item["img"][0] / 1024 + 1) / 2 * 255, expected, atol=0.5)
        assert expected.shape == (SIZE, SIZE)
        for label, mask in item["pathology_masks"].items():
            masks += 1
            rows, columns = mask[0].nonzero()
            # the reader keeps the last of several boxes of a label and cuts corner and size to whole pixels
            x1, y1, x2, y2 = findings[data.pathologies[label]][-1] * SIZE
            assert (columns.min(), rows.min()) == (int(x1), int(y1))
            assert (np.ptp(columns) + 1, np.ptp(rows) + 1) == (int(x2 - x1), int(y2 - y1))
    assert masks > 3
    assert data.csv["Patient Age"].between(1, 120).all()


def test_the_data_module_reads_what_was_planted(root):
    data = ChestXray14(str(root), image_size=SIZE, num_workers=0)
    data.check()
    assert data.ledger.dropped == data.ledger.masked == {}
    shots = {shot.name[:-4]: shot for shot in plan_shots(PATIENTS, SEED)}
    assert data.samples
    assert {sample.sample_id for sample in data.samples} == shots.keys()
    boxed = set()
    for sample in data.samples:
        shot = shots[sample.sample_id]
        findings = planted(shot)
        assert {data.labels[index] for index in np.flatnonzero(sample.fields["label"])} == findings.keys()
        assert sample.patient_id == str(shot.patient)
        assert (sample.split == "test") == (shot.side == "test")
        kept = (sample.finding_K4 != 0).any(-1)
        assert shot.side == "test" or not kept.any()
        for index, box in zip(sample.fields["finding"][kept], sample.finding_K4[kept], strict=True):
            boxed.add(data.labels[index])
            assert np.abs(findings[data.labels[index]] * 1024 - box).max(1).min() < 0.01
    assert len(boxed) >= 3


def test_images_give_up_their_aspect_as_in_the_release(root):
    shot = next(s for s in plan_shots(PATIENTS, SEED) if len(set(drawn(s).image_HW.shape)) == 2)
    phantom = drawn(shot)
    released = np.asarray(Image.open(root / "chestxray14/images" / shot.name).convert("L"), float)
    grown = np.asarray(Image.fromarray(phantom.image_HW).resize((SIZE, SIZE), Image.Resampling.BILINEAR), float)
    np.testing.assert_array_equal(released, grown)


def test_files_have_the_oddities_of_the_release(root):
    tree = root / "chestxray14"
    entries = (tree / "Data_Entry_2017_v2020.csv").read_text()
    assert entries.startswith(
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
        "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]\n00000001_000.png,"
    )
    assert {line.count(",") for line in entries.splitlines()} == {10}
    boxes = (tree / "BBox_List_2017.csv").read_text().splitlines()
    assert boxes[0] == "Image Index,Finding Label,Bbox [x,y,w,h],,,"
    assert {line.count(",") for line in boxes[1:]} == {5}
    for side in ("train_val", "test"):
        names = (tree / f"{side}_list.txt").read_text()
        assert not names.endswith("\n")
        assert names.split() == [shot.name for shot in plan_shots(PATIENTS, SEED) if shot.side == side]
    shots = plan_shots(1000, SEED)
    assert 0.17 < sum(shot.side == "test" for shot in shots) / len(shots) < 0.23
    assert 1.3 < len(shots) / 1000 < 1.5
    assert max(shot.number for shot in shots) < MOST_IMAGES
    table = pd.read_csv(tree / "Data_Entry_2017_v2020.csv")
    first = table.groupby("Patient ID")[["Patient Gender"]].nunique()
    assert first["Patient Gender"].max() == 1


def test_truth_has_every_finding_and_leaves_the_others_truth_alone(root):
    truth = pd.read_parquet(root / "_truth/chestxray14_findings.parquet")
    shots = {shot.name[:-4]: shot for shot in plan_shots(PATIENTS, SEED)}
    count = sum(len(finding.box_K4) for shot in shots.values() for finding in drawn(shot).findings)
    assert len(truth) == count
    for row in truth[truth["split"].eq("train_val")].itertuples():
        if nih := entity(row.entity).nih:
            distance = np.abs(planted(shots[row.sample_id])[nih] * 1024 - [row.x1, row.y1, row.x2, row.y2])
            assert distance.max(1).min() < 0.01
    assert set(pd.read_parquet(root / "_truth/chestxray14_images.parquet")["sample_id"]) == shots.keys()
    data = MimicCxr(str(root), image_size=SIZE)
    data.check()
    images = pd.read_parquet(root / "_truth/images.parquet")
    assert set(images["sample_id"]) == {sample.sample_id for sample in data.samples}


def test_no_phantom_is_in_two_look_alikes():
    shots = plan_shots(3000, 0)
    indices = {shot.index for shot in shots}
    assert len(indices) == len(shots)
    assert not indices & {study.index for study in plan_studies(3000, 0)}
    assert min(indices) >= FIRST_INDEX > vqa_rad.FIRST_INDEX + 1_000_000


def test_same_seed_same_bytes_and_a_finished_corpus_is_left_alone(root, tmp_path):
    assert main(["data", "phantom", "--root", str(tmp_path), "--patients", str(PATIENTS), "--seed", str(SEED),
                 "--image-size", str(SIZE), "--num-workers", "2", "--layouts", "nih"]) == 0  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == ["_truth", "chestxray14"]
    assert contents(root / "chestxray14") == contents(tmp_path / "chestxray14")
    assert json.loads((tmp_path / "_truth/chestxray14_corpus.json").read_text())["patients"] == PATIENTS
    chest_xray14.write(root, PATIENTS, SEED, SIZE)
    with pytest.raises(DataError, match=r"chestxray14_corpus\.json.*another"):
        chest_xray14.write(root, PATIENTS + 1, SEED, SIZE)
    with pytest.raises(DataError, match="2 patients"):
        chest_xray14.write(tmp_path / "new", 1, SEED, SIZE)


def test_labels_are_sorted_and_findings_without_a_name_are_no_finding():
    findings = [drawn(shot).findings for shot in plan_shots(PATIENTS, SEED)]
    assert all(labels_of(found) == sorted(set(labels_of(found))) for found in findings)
    assert any(found and labels_of(found) == ["No Finding"] for found in findings)
    assert labels_of(()) == ["No Finding"]

"""Look-alike corpora: official layout, read by an outside reader; same seed, same bytes; nothing half-written."""

import gzip
import json
import re
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gkmvlp.anatomy import REGIONS
from gkmvlp.data_modules.synthetic import mimic_cxr, vqa_rad
from gkmvlp.data_modules.synthetic.mimic_tables import CHEXPERT, chexpert_labels
from gkmvlp.data_modules.synthetic.scene_graphs import regions_of
from gkmvlp.data_modules.synthetic.staging import equalize, equalized_jpg
from gkmvlp.data_modules.synthetic.studies import draw, plan_studies
from gkmvlp.entities import ENTITIES, entity
from gkmvlp.errors import DataError
from gkmvlp.geometry import Letterbox
from gkmvlp.phantom.generate import draw_phantom
from gkmvlp.phantom.writing.grammar import write_report

SEED, PATIENTS, SIZE = 4, 6, 32


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("lookalike")
    mimic_cxr.write(folder, PATIENTS, SEED, SIZE)
    vqa_rad.write(folder, 5, SEED, SIZE)
    return folder


def table(root: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(root / "mimic-cxr-jpg/2.1.0" / f"mimic-cxr-2.0.0-{name}.csv.gz")


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def graphs(root: Path) -> list[dict]:
    with zipfile.ZipFile(root / mimic_cxr.GRAPHS / "scene_graph.zip") as archive:
        return [json.loads(archive.read(name)) for name in archive.namelist()]


def test_an_outside_reader_reads_the_tree(root):
    xrv = pytest.importorskip("torchxrayvision")
    jpg = root / "mimic-cxr-jpg/2.1.0"
    data = xrv.datasets.MIMIC_Dataset(
        imgpath=str(jpg / "files"),
        csvpath=str(jpg / "mimic-cxr-2.0.0-chexpert.csv.gz"),
        metacsvpath=str(jpg / "mimic-cxr-2.0.0-metadata.csv.gz"),
        views=["PA", "AP"],
        unique_patients=False,
    )
    studies = {study.study_id: study for study in plan_studies(PATIENTS, SEED)}
    assert len(data) == len(studies)
    for row in range(len(data)):
        study = studies[int(data.csv.iloc[row]["study_id"])]
        phantom = draw(study, SEED, SIZE)
        pixels = (data[row]["img"][0] / 1024 + 1) / 2 * 255
        assert pixels.shape == phantom.image_HW.shape
        expected = np.asarray(Image.open(jpg / study.path / f"{study.dicom_id}.jpg"))
        np.testing.assert_allclose(pixels, expected, atol=0.5)
        said = chexpert_labels(write_report(phantom, np.random.default_rng([SEED, study.index, 101])).stated)
        if "No Finding" in said:
            continue
        for name, label in zip(data.pathologies, data[row]["lab"], strict=True):
            status = said.get({"Effusion": "Pleural Effusion"}.get(name, name))
            assert (np.isnan(label) and status in (None, -1)) or label == status


def test_label_tables_say_what_the_report_says(root):
    labels = table(root, "chexpert").set_index("study_id")
    assert tuple(labels.columns) == ("subject_id", *CHEXPERT)
    with zipfile.ZipFile(root / "mimic-cxr/2.1.0/mimic-cxr-reports.zip") as archive:
        for study in plan_studies(PATIENTS, SEED):
            report = write_report(draw(study, SEED, SIZE), np.random.default_rng([SEED, study.index, 101]))
            text = " ".join(archive.read(f"{study.path}.txt").decode().split())
            assert all(" ".join(sentence.split()) in text for sentence in report.sentences)
            for name, status in report.stated.items():
                if entity(name).chexpert and entity(name).chexpert != "Lung Lesion":
                    assert labels.loc[study.study_id, entity(name).chexpert] == status


def test_labels_merge_by_certainty():
    assert chexpert_labels({"nodule": 0, "mass": -1})["Lung Lesion"] == -1
    assert chexpert_labels({"nodule": 1, "mass": -1})["Lung Lesion"] == 1
    assert chexpert_labels({"pacemaker": 1, "edema": 0}) == {"Support Devices": 1, "Edema": 0, "No Finding": 1}
    assert "No Finding" not in chexpert_labels({"fibrosis": 1})


def test_tables_have_the_official_columns_and_ids(root):
    split, metadata = table(root, "split"), table(root, "metadata")
    assert list(split.columns) == ["dicom_id", "study_id", "subject_id", "split"]
    assert set(split["split"]) == {"train", "validate", "test"}
    assert list(metadata.columns[:7]) == ["dicom_id", "subject_id", "study_id", "PerformedProcedureStepDescription",
                                          "ViewPosition", "Rows", "Columns"]  # fmt: skip
    assert metadata[["StudyDate", "Rows", "Columns"]].dtypes.map(str).tolist() == ["int64"] * 3
    assert metadata["StudyTime"].between(0, 240000).all()
    assert split["dicom_id"].str.fullmatch(r"([0-9a-f]{8}-){4}[0-9a-f]{8}").all()
    assert split["subject_id"].between(10**7, 2 * 10**7 - 1).all()
    assert split["study_id"].between(5 * 10**7, 6 * 10**7 - 1).all()
    assert metadata.sort_values(["subject_id", "study_id"]).index.tolist() == metadata.index.tolist()
    assert split.groupby("subject_id")["split"].nunique().max() == 1
    for line in (root / "mimic-cxr-jpg/2.1.0/IMAGE_FILENAMES").read_text().splitlines():
        assert re.fullmatch(r"files/p1\d/p1\d{7}/s5\d{7}/[0-9a-f-]{44}\.jpg", line)
        assert (root / "mimic-cxr-jpg/2.1.0" / line).is_file()


def test_splits_are_capped_and_second_studies_stay_with_their_patient():
    studies = plan_studies(4000, 1)
    patients = {split: {s.subject_id for s in studies if s.split == split} for split in ("train", "validate", "test")}
    assert {split: len(ids) for split, ids in patients.items()} == {"train": 3400, "validate": 200, "test": 400}
    assert not patients["train"] & patients["test"]
    seconds = [study for study in studies if study.order == 2]
    assert 0.04 < len(seconds) / 4000 < 0.08
    assert len({study.index for study in studies}) == len({s.study_id for s in studies}) == len(studies)
    first = {study.subject_id: study for study in studies if study.order == 1}
    assert all(first[study.subject_id].taken < study.taken for study in seconds)


def test_scene_graphs_have_boxes_in_both_spaces_and_the_attribute_grammar(root):
    studies = {study.dicom_id: study for study in plan_studies(PATIENTS, SEED)}
    named = {name for each in ENTITIES for name in each.imagenome}
    for graph in graphs(root):
        phantom = draw(studies[graph["image_id"]], SEED, SIZE)
        height, width = phantom.image_HW.shape
        assert [item["bbox_name"] for item in graph["objects"]] == [
            region for region, box in zip(REGIONS, np.rint(phantom.region_R4), strict=True) if (box[2:] > box[:2]).all()
        ]
        for item in graph["objects"]:
            corners = [item[f"original_{name}"] for name in ("x1", "y1", "x2", "y2")]
            np.testing.assert_allclose(corners, phantom.region_R4[REGIONS.index(item["bbox_name"])], atol=0.5)
            small = Letterbox.fit(width, height, 224).to_square(np.array([corners], np.float32))[0]
            assert np.abs(small - [item[name] for name in ("x1", "y1", "x2", "y2")]).max() <= 0.5 * 224 / SIZE + 0.5
            assert item["original_width"] == corners[2] - corners[0]
        for element in graph["attributes"]:
            assert element[element["bbox_name"]] is True
            lists = [value for key, value in element.items() if isinstance(value, list) and key != "synsets"]
            assert len({len(each) for each in lists}) == 1
            for names in element["attributes"]:
                for name in names:
                    category, relation, label = name.split("|")
                    assert relation in ("yes", "no")
                    assert f"{category}|{label}" in named


def test_statements_are_told_of_regions_that_the_prior_admits():
    for index in range(60):
        report = write_report(draw_phantom(9, index, 32), np.random.default_rng(index))
        for statement in report.statements:
            admitted = entity(statement.entity).regions
            assert set(regions_of(statement)) <= set(admitted), statement
            if statement.side in ("right", "left"):
                other = "left" if statement.side == "right" else "right"
                assert statement.entity == "pacemaker" or not any(r.startswith(other) for r in regions_of(statement))


def test_truth_is_what_was_planted(root):
    findings = pd.read_parquet(root / "_truth/findings.parquet")
    images = pd.read_parquet(root / "_truth/images.parquet")
    assert len(images) == len(plan_studies(PATIENTS, SEED))
    for study in plan_studies(PATIENTS, SEED):
        rows = findings[findings["sample_id"] == study.dicom_id]
        planted = [(f.entity, f.side, f.zone, *box) for f in draw(study, SEED, SIZE).findings for box in f.box_K4]
        written = rows[["entity", "side", "zone", "x1", "y1", "x2", "y2"]].astype(object)
        assert [tuple(row) for row in written.where(written.notna(), None).to_numpy()] == planted


def test_same_seed_same_bytes_whatever_the_workers(root, tmp_path):
    mimic_cxr.write(tmp_path, PATIENTS, SEED, SIZE, workers=2)
    vqa_rad.write(tmp_path, 5, SEED, SIZE, workers=2)
    first, second = contents(root), contents(tmp_path)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []
    assert plan_studies(PATIENTS, SEED + 1)[0].dicom_id not in {
        study.dicom_id for study in plan_studies(PATIENTS, SEED)
    }


def test_a_finished_corpus_is_left_alone_and_another_refused(root):
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    mimic_cxr.write(root, PATIENTS, SEED, SIZE)
    vqa_rad.write(root, 5, SEED, SIZE)
    for change in ((PATIENTS + 1, SEED, SIZE), (PATIENTS, SEED + 1, SIZE), (PATIENTS, SEED, SIZE + 1)):
        with pytest.raises(DataError, match=r"corpus\.json.*another") as caught:
            mimic_cxr.write(root, *change)
        assert "\n" not in str(caught.value)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_a_failed_write_leaves_nothing_and_real_data_is_not_touched(tmp_path, monkeypatch):
    monkeypatch.setattr(mimic_cxr, "write_tables", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        mimic_cxr.write(tmp_path, 3, SEED, SIZE)
    assert [path.name for path in tmp_path.rglob("*")] == ["_truth"]
    (tmp_path / "mimic-cxr-jpg").mkdir()
    with pytest.raises(DataError, match="another folder"):
        mimic_cxr.write(tmp_path, 3, SEED, SIZE)
    with pytest.raises(DataError, match="3 patients"):
        mimic_cxr.write(tmp_path / "new", 2, SEED, SIZE)


def test_pixels_are_equalised_like_opencv():
    rng = np.random.default_rng(0)
    for _ in range(5):
        image = rng.normal(rng.uniform(60, 200), 20, (40, 31)).clip(0, 255).astype(np.uint8)
        np.testing.assert_array_equal(equalize(image), cv2.equalizeHist(image))
    assert equalized_jpg(np.full((8, 8), 7, np.uint8))[:2] == b"\xff\xd8"


def test_gzip_holds_no_time(root):
    raw = (root / "mimic-cxr-jpg/2.1.0/mimic-cxr-2.0.0-split.csv.gz").read_bytes()
    assert raw[4:8] == b"\0\0\0\0"
    assert gzip.decompress(raw).startswith(b"dicom_id,")


def test_vqa_rad_has_the_official_keys_and_no_image_on_both_sides(root):
    rows = json.loads((root / "vqa-rad/VQA_RAD Dataset Public.json").read_text())
    keys = ["qid", "phrase_type", "qid_linked_id", "image_case_url", "image_name", "image_organ", "evaluation",
            "question", "question_rephrase", "question_relation", "question_frame", "question_type", "answer",
            "answer_type"]  # fmt: skip
    assert all(list(row) == keys for row in rows)
    assert [row["qid"] for row in rows] == ["0", *range(1, len(rows))]
    assert {row["phrase_type"] for row in rows} <= {"freeform", "para", "test_freeform", "test_para"}
    sides = {}
    for row in rows:
        assert (root / "vqa-rad/VQA_RAD Image Folder" / row["image_name"]).is_file()
        assert re.fullmatch(r"synpic\d+\.jpg", row["image_name"])
        sides.setdefault(row["image_name"], set()).add(row["phrase_type"].startswith("test_"))
        assert row["answer_type"].strip() in ("OPEN", "CLOSED")
    assert sorted(len(side) for side in sides.values()) == [1] * 5
    assert sum(side == {True} for side in sides.values()) == 1
    truth = pd.read_parquet(root / "_truth/vqa.parquet")
    assert [str(row["answer"]).lower() for row in rows] == truth["answer"].str.lower().tolist()


def test_no_patient_is_in_both_corpora():
    used = {study.index for study in plan_studies(5000, 0)}
    assert not used & set(range(vqa_rad.FIRST_INDEX, vqa_rad.FIRST_INDEX + 100_000))

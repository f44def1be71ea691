"""Slake: languages, splits, boxes and NIH names, on the look-alike and on the real files."""

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gkmvlp.app.cli import main
from gkmvlp.data_modules import ChestXray14, RsnaPneumonia, Slake, VqaRad
from gkmvlp.data_modules.formats import chest_xray14 as nih_files
from gkmvlp.data_modules.formats.slake import FINDINGS, NIH, find_base, match_boxes, read_boxes, read_questions
from gkmvlp.data_modules.inspection.audit import audit
from gkmvlp.data_modules.synthetic import chest_xray14, slake
from gkmvlp.errors import ConfigError, DataError

SEED, IMAGES = 1, 18
SIDES = ("train", "validate", "test")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with SLAKE's look-alike and the one of ChestX-ray14 whose images it takes."""
    root = tmp_path_factory.mktemp("slake")
    slake.write(root, IMAGES, SEED, size=32)
    chest_xray14.write(root, 30, SEED, size=32)
    return root


@pytest.fixture
def tree(corpus: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(corpus / "slake", tmp_path / "slake"))


def ready(root: Path, **kwargs) -> Slake:
    data = Slake(str(root), **{"image_size": 32, "num_workers": 0, "batch_size": 4} | kwargs)
    data.check()
    return data


def asked(root: Path) -> list[dict]:
    return [{**row, "side": side} for side in SIDES for row in json.loads((root / f"{side}.json").read_text())]


def test_all_of_it_is_test(corpus: Path):
    data = ready(corpus, language="both", split="all-test")
    assert {sample.sample_id for sample in data.rows("test")} == {str(row["qid"]) for row in asked(corpus / "slake")}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_language_has_its_own_split(corpus: Path, language: str):
    data = ready(corpus, language=language)
    rows = {str(row["qid"]): row for row in asked(corpus / "slake") if row["q_lang"] == language}
    assert {sample.sample_id: sample.split for sample in data.samples} == {
        qid: row["side"] for qid, row in rows.items()
    }
    for sample in data.samples:
        row = rows[sample.sample_id]
        assert sample.fields["question"] == row["question"]
        assert sample.fields["answer"] == row["answer"].lower()
        assert sample.fields["answer_type"] == row["answer_type"].lower()
        assert sample.fields["chest"] == (row["modality"] == "X-Ray")
        assert sample.fields["image_id"] == row["img_name"].split("/")[0]
        assert str(sample.image).endswith(f"imgs/{row['img_name']}")
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape == (4, 1, 32, 32)
    assert set(batch["answer"]) <= set(data.answers())


def test_both_languages_share_images_unless_they_are_asked_not_to(corpus: Path):
    both, disjoint = ready(corpus, language="both"), ready(corpus, language="both", split="image-disjoint")
    images = {side: {row.fields["image_id"] for row in both.rows(side)} for side in SIDES}
    crossing = (images["train"] | images["validate"]) & images["test"]
    assert crossing
    assert not both.is_patient_disjoint
    assert any("are on two sides" in line for line in both.summary_lines())
    kept = {side: {row.fields["image_id"] for row in disjoint.rows(side)} for side in SIDES}
    assert not kept["train"] & kept["test"]
    assert not kept["train"] & kept["validate"]
    assert not kept["validate"] & kept["test"]
    assert {row.sample_id for row in disjoint.rows("test")} == {row.sample_id for row in both.rows("test")}
    alone = [row.sample_id for row in ready(corpus).samples]
    assert alone == [row.sample_id for row in ready(corpus, split="image-disjoint").samples]


def test_modalities_and_organs_choose_images(corpus: Path):
    assert {row.fields["chest"] for row in ready(corpus, modalities=["X-Ray"]).samples} == {True}
    assert {row.fields["chest"] for row in ready(corpus, modalities=["CT", "MRI"], split="all-test").samples} == {False}
    liver = ready(corpus, organs=["Abdomen"], split="all-test")
    assert {row.fields["answer"] for row in liver.samples} == {"ct", "yes"}
    with pytest.raises(ConfigError, match="'Liver': one of Abdomen, Brain, Lung"):
        ready(corpus, organs=["Liver"])


def test_boxes_are_those_that_chestxray14_has(corpus: Path):
    nih = ready(corpus, rows="images", split="all-test", nih_root=str(corpus))
    boxed = ChestXray14(str(corpus), labels=list(FINDINGS), num_workers=0)
    boxed.check()
    truth = json.loads((corpus / "_truth" / "slake_to_nih.json").read_text())
    expected = {row.sample_id: row for row in boxed.rows("test")}
    assert {row.sample_id for row in nih.samples} == truth.keys()
    compared = 0
    for row in nih.samples:
        stem = truth[row.sample_id].removesuffix(".png")
        own = row.finding_K4[row.finding_K4.any(1)]
        assert len(own)
        if stem in expected:
            other = expected[stem]
            assert row.patient_id == other.patient_id
            assert np.abs(own - other.finding_K4[other.finding_K4.any(1)]).max() <= 0.51
            assert (row.fields["finding"][: len(own)] == other.fields["finding"][: len(own)]).all()
            assert (row.fields["label"] == other.fields["label"]).all()
            compared += 1
        else:
            assert row.patient_id == row.sample_id
            assert np.isnan(row.fields["label"]).any()
            assert (row.fields["label"][row.fields["finding"][: len(own)]] == 1).all()
    assert compared
    nih.setup("test")
    batch = next(iter(nih.test_dataloader()))
    assert batch["finding_mask"].any(1).all()
    assert batch["finding_box"].amax() <= 1
    assert {row.split for row in nih.samples} == {"test"}


def test_questions_and_boxes_tell_the_patient_alike(corpus: Path):
    patients = {row.sample_id: row.patient_id for row in ready(corpus, rows="images", nih_root=str(corpus)).samples}
    for row in ready(corpus, nih_root=str(corpus)).samples:
        assert row.patient_id == patients.get(row.fields["image_id"], row.fields["image_id"])
    assert all(row.patient_id == row.fields["image_id"] for row in ready(corpus).samples)


def test_a_file_of_names_wins_over_boxes(tree: Path, corpus: Path):
    (tree / NIH).write_text(json.dumps({"xmlab0": "00000077_000.png"}))
    data = ready(tree, modalities=["X-Ray"], split="all-test")
    assert {row.patient_id for row in data.samples if row.fields["image_id"] == "xmlab0"} == {"77"}
    assert any("1 of 12 radiographs are images of NIH" in line for line in data.summary_lines())
    assert any("11 radiographs are images of NIH ChestX-ray14 whose names" in line for line in data.summary_lines())


def test_two_images_with_equal_boxes_are_not_told_apart():
    boxes = pd.DataFrame([["Mass", 1.0, 2.0, 30.0, 40.0]], columns=["label", "x1", "y1", "x2", "y2"])
    nih = pd.DataFrame(
        [["a.png", "Mass", 1.5, 2.0, 30.0, 41.0], ["b.png", "Nodule", 1.0, 2.0, 30.0, 40.0],
         ["c.png", "Mass", 1.0, 2.0, 30.0, 43.0]],
        columns=["image", "label", "x1", "y1", "x2", "y2"],
    )  # fmt: skip
    assert match_boxes({"xmlab1": boxes, "xmlab2": boxes.iloc[:0]}, nih) == {"xmlab1": "a.png"}
    assert match_boxes({"xmlab1": boxes}, pd.concat([nih, nih.assign(image="d.png")])) == {}


def test_hugging_faces_name_and_gzip_are_read(tree: Path):
    expected = [row.sample_id for row in ready(tree).samples]
    (tree / "validate.json").rename(tree / "validation.json")
    train = tree / "train.json"
    (tree / "train.json.gz").write_bytes(gzip.compress(train.read_bytes()))
    train.unlink()
    assert [row.sample_id for row in ready(tree).samples] == expected


def spoil_first(root: Path, **changed: object) -> None:
    rows = json.loads((root / "train.json").read_text())
    rows[0] |= changed
    (root / "train.json").write_text(json.dumps(rows))


@pytest.mark.parametrize("name", ["xmlab0/" + "x" * 300 + ".jpg", "xmlab0/gone.jpg"])
def test_the_path_of_an_image_that_is_missing_is_told(tree: Path, name: str):
    language = json.loads((tree / "train.json").read_text())[0]["q_lang"]
    count = len(ready(tree, language=language).samples)
    spoil_first(tree, img_name=name)
    data = ready(tree, language=language)
    assert len(data.samples) == count - 1
    assert data.ledger.dropped == {"image file is missing": 1}
    assert data.ledger.examples["image file is missing"] == [str(tree / "imgs" / name)]


def test_a_tab_in_an_answer_is_a_comma(tree: Path):
    spoil_first(tree, answer="Heart \tlungs", question="What\tis shown?", q_lang="en")
    [row] = [row for row in ready(tree).samples if row.sample_id == str(asked(tree)[0]["qid"])]
    assert (row.fields["answer"], row.fields["question"]) == ("heart, lungs", "What is shown?")


def test_true_is_yes_and_a_box_that_stands_twice_one(tree: Path):
    spoil_first(tree, answer=True, q_lang="en")
    [row] = [row for row in ready(tree).samples if row.sample_id == str(asked(tree)[0]["qid"])]
    assert row.fields["answer"] == "yes"
    boxed = next(path for path in sorted(tree.glob("imgs/*/detection.json")) if len(read_boxes(path.parent)))
    before = read_boxes(boxed.parent).to_numpy().tolist()
    boxed.write_text(json.dumps(json.loads(boxed.read_text()) * 2))
    assert read_boxes(boxed.parent).to_numpy().tolist() == before


def test_an_object_a_line_is_a_list(tree: Path):
    expected = ready(tree).manifest()
    for side in SIDES:
        rows = json.loads((tree / f"{side}.json").read_text())
        (tree / f"{side}.json").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert ready(tree).manifest() == expected


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda root: (root / "test.json").unlink(), "no test.json"),
        (lambda root: (root / "train.json").unlink(), "no train.json"),
        (lambda root: (root / "train.json").write_text("[{"), "cannot read"),
        (lambda root: (root / "train.json").write_text('[{"qid": 1}]'), "no key 'img_name'"),
        (lambda root: (root / "train.json").write_text("[]"), "official JSON list of questions was expected"),
        (lambda root: spoil_first(root, img_name=None), "train.json, row 1: img_name is empty"),
        (lambda root: spoil_first(root, q_lang=None), "train.json, row 1: q_lang is '', en or zh was expected"),
        (lambda root: spoil_first(root, modality="X ray"), "modality is 'X ray', x-ray or ct or mri was expected"),
        (lambda root: spoil_first(root, question=["Why?"]), "train.json, column question, row 1"),
        (lambda root: (root / "imgs/xmlab0/detection.json").write_text('[{"Mass": [1]}]'), "no list of boxes"),
        (lambda root: (root / NIH).write_text("[]"), "delete it"),
        (lambda root: shutil.rmtree(root / "imgs"), "image file is missing"),
    ],
)
def test_missing_and_broken_files_are_named(tree: Path, spoil: Callable[[Path], object], expected: str, capsys):
    spoil(tree)
    with pytest.raises(DataError, match=expected):
        ready(tree)
    assert main(["data", "check", "Slake", "--root", str(tree)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en", (4919, 1053, 1061)), ("zh", (4916, 1046, 1033)), ("both", (9835, 2099, 2094))],
)
def test_published_counts(shared_data: Path, language: str, expected: tuple[int, int, int]):
    data = ready(shared_data / "slake", language=language)
    assert tuple(data.table_counts[side]["questions"] for side in SIDES) == expected
    assert data.table_counts == data.published_counts
    empty = data.ledger.dropped.get("question or answer is empty", 0)
    assert sum(len(data.rows(side)) for side in SIDES) == sum(expected) - empty
    assert empty == (language != "zh")
    told = any("298 images are on two sides" in line for line in data.summary_lines())
    assert told == (language == "both")


def test_the_legacy_vocabulary_is_that_of_the_published_code(shared_data: Path):
    data = ready(shared_data / "slake", legacy_vocabulary=True)
    assert len(data.answers()) == 222  # as M3AE and ARL count it, over training, validation and test in English
    assert data.coverage() == 1


def test_images_have_no_vocabulary(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"^legacy_vocabulary is of questions, rows: images has none: leave one"):
        Slake(str(tmp_path), rows="images", legacy_vocabulary=True)


@pytest.mark.slow
def test_real_boxes_name_the_nih_images(shared_data: Path):
    base = find_base(str(shared_data / "slake"))
    told = json.loads((base / NIH).read_text())
    boxes = {
        each.image_name: read_boxes(Path(each.image).parent)
        for each in read_questions(base)
        if each.modality == "X-Ray"
    }
    assert sum(map(len, boxes.values())) == 192
    files = nih_files.find_files(str(shared_data / "chestxray14"))
    assert match_boxes(boxes, nih_files.read_boxes(files.boxes)) == told
    data = ready(shared_data / "slake", rows="images", split="all-test", nih_root=str(shared_data / "chestxray14"))
    assert len(data.rows("test")) == 179
    side = nih_files.read_lists(files.root)
    assert {side[name] for name in told.values()} == {"test"}
    labels = np.stack([row.fields["label"] for row in data.samples])
    assert not np.isnan(labels).any()
    for row in data.samples:
        assert (row.fields["label"][row.fields["finding"][row.finding_K4.any(1)]] == 1).all()


def test_the_audit_finds_the_overlaps_of_the_real_sets(shared_data: Path):
    """Those that the README of the data lists; images of 6 names are in both, 9 and 15 patients are shared."""
    radiographs = ready(shared_data / "slake", modalities=["X-Ray"], rows="images", split="all-test")
    nih = ChestXray14(str(shared_data / "chestxray14"), num_workers=0)
    rsna = RsnaPneumonia(str(shared_data / "rsna_pneumonia"), num_workers=0)
    vqa = VqaRad(str(shared_data / "vqa_rad"), num_workers=0)
    for data in (nih, rsna, vqa):
        data.check()
    nih.samples = [row for row in nih.samples if row.patient_id in {r.patient_id for r in radiographs.samples}]
    told = audit([radiographs, nih], images="all")["overlaps"]
    shared = {(o["kind"], o["first"].split()[0]): 0 for o in told}
    for o in told:
        if o["first"].startswith("slake"):
            shared[o["kind"], "slake"] += o["count"]
    assert shared["images", "slake"] == 6
    assert shared["patients", "slake"] == 9
    told = audit([radiographs, rsna, vqa], images="none")["overlaps"]
    found = [o for o in told if o["first"].startswith("slake")]
    assert sum(o["count"] for o in found if "rsna" in o["second"]) == 15
    assert not [o for o in found if "vqa-rad" in o["second"]]

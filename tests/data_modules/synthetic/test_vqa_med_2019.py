"""Phantoms in the layout of VQA-Med-2019: files, fields and answers as the owner ships them."""

from pathlib import Path

import pytest

from gkmvlp.app.cli import main
from gkmvlp.data_modules.synthetic import vqa_med_2019
from gkmvlp.errors import DataError
from tests.tiny import tree as contents

SEED, IMAGES, SIZE = 4, 24, 32
PARTS = {"train": "ImageClef-2019-VQA-Med-Training", "val": "ImageClef-2019-VQA-Med-Validation"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lookalike")
    vqa_med_2019.write(folder, IMAGES, SEED, SIZE)
    return folder / "vqa-med-2019"


def fields(path: Path) -> list[list[str]]:
    return [line.split("|") for line in path.read_text().splitlines()]


def test_training_and_validation_have_a_file_a_category_and_one_of_all(root: Path):
    for side, part in PARTS.items():
        images = {path.stem for path in (root / part / f"{side.capitalize()}_images").iterdir()}
        files = sorted(path.name for path in (root / part / "QAPairsByCategory").iterdir())
        names = ("C1_Modality", "C2_Plane", "C3_Organ", "C4_Abnormality")
        assert files == [f"{name}_{side}.txt" for name in names]
        rows = [fields(root / part / "QAPairsByCategory" / file) for file in files]
        assert all({row[0] for row in each} == images for each in rows)
        assert {len(row) for each in rows for row in each} == {3}
        assert fields(root / part / f"All_QA_Pairs_{side}.txt") == [row for each in rows for row in each]


def test_test_has_one_question_an_image_and_answers_with_alternatives(root: Path):
    folder = root / "VQAMed2019Test"
    asked, answered = (fields(folder / f"VQAMed2019_Test_Questions{end}.txt") for end in ("", "_w_Ref_Answers"))
    assert [[row[0], row[2]] for row in answered] == asked
    assert {row[0] for row in asked} == {path.stem for path in (folder / "VQAMed2019_Test_Images").iterdir()}
    assert {row[1] for row in answered} == {"modality", "plane", "organ", "abnormality"}
    for mark in "#(":
        assert any(mark in row[3] for row in answered)
    assert all(row == [cell.lower() for cell in row] for row in answered)


def test_yes_and_no_follow_the_modality(root: Path):
    folder = root / PARTS["train"] / "QAPairsByCategory"
    organ = {row[0]: row[2] for row in fields(folder / "C3_Organ_train.txt")}
    kind = {"gastrointestinal": "ct", "skull and contents": "mri", "lung, mediastinum, pleura": ""}
    seen = set()
    for image, question, answer in fields(folder / "C1_Modality_train.txt"):
        if question.startswith("is this"):
            asked = "ct" if "ct" in question else "mri"
            assert (answer == "yes") == (kind[organ[image]] == asked)
            seen.add(answer)
    assert seen == {"yes", "no"}


def test_same_seed_same_bytes(root: Path, tmp_path: Path):
    words = ["--root", str(tmp_path), "--patients", "120", "--seed", str(SEED), "--image-size", str(SIZE)]
    assert main(["data", "phantom", *words, "--num-workers", "2", "--layouts", "vqa-med"]) == 0
    assert contents(root) == contents(tmp_path / "vqa-med-2019")
    with pytest.raises(DataError, match=r"vqa_med_2019_corpus\.json.*another"):
        vqa_med_2019.write(root.parent, IMAGES + 1, SEED, SIZE)
    with pytest.raises(DataError, match="8 images"):
        vqa_med_2019.write(tmp_path / "new", 7, SEED, SIZE)

"""VqaMed2019: categories, sides, answers with alternatives, and files that are missing or broken."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gkmvlp.app.cli import main
from gkmvlp.data_modules import VqaMed2019
from gkmvlp.data_modules.synthetic import vqa_med_2019
from gkmvlp.data_modules.vqa_med_2019 import alternatives
from gkmvlp.errors import ConfigError, DataError
from gkmvlp.metrics.answers import vqav2

TRAIN, VAL, TEST = "ImageClef-2019-VQA-Med-Training", "ImageClef-2019-VQA-Med-Validation", "VQAMed2019Test"
MODALITY = f"{TRAIN}/QAPairsByCategory/C1_Modality_train.txt"
ANSWERS = f"{TEST}/VQAMed2019_Test_Questions_w_Ref_Answers.txt"
ALL = ("Modality", "Plane", "Organ", "Abnormality")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("med")
    vqa_med_2019.write(root, 24, 1, size=32)
    return root


@pytest.fixture
def tree(corpus: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(corpus / "vqa-med-2019", tmp_path / "vqa-med-2019"))


def ready(root: Path, **kwargs) -> VqaMed2019:
    data = VqaMed2019(str(root), **{"image_size": 32, "num_workers": 0, "batch_size": 4} | kwargs)
    data.check()
    return data


def written(root: Path, part: str, side: str, category: str) -> list[list[str]]:
    [path] = (root / part / "QAPairsByCategory").glob(f"*_{category}_{side}.txt")
    return [line.split("|") for line in path.read_text().splitlines()]


def test_rows_are_the_lines_of_the_categories(corpus: Path):
    base = corpus / "vqa-med-2019"
    data = ready(corpus, categories=ALL)
    for side, part, name in (("train", TRAIN, "train"), ("validate", VAL, "val")):
        lines = [tuple(line) for category in ALL for line in written(base, part, name, category)]
        rows = data.rows(side)
        assert [tuple(row.fields[key] for key in ("image_id", "question", "answer")) for row in rows] == lines
        assert all(Path(str(row.image)).stem == row.fields["image_id"] == row.patient_id for row in rows)
    tested = [line.split("|") for line in (base / ANSWERS).read_text().splitlines()]
    assert [row.fields["question"] for row in data.rows("test")] == [line[2] for line in tested]
    assert data.table_counts["test"] == {"questions": len(tested)}
    chosen = ready(corpus)
    wanted = {row.sample_id for row in data.samples if "abnormality" not in row.sample_id}
    assert {row.sample_id for row in chosen.samples} == wanted
    assert chosen.split_label == "official-mop"


def test_batches_and_the_vocabulary_are_of_training_alone(corpus: Path):
    data = ready(corpus)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape == (4, 1, 32, 32)
    assert set(data.answers()) == {row.fields["answer"] for row in data.rows("train")}
    assert {row.fields["answer_type"] for row in data.samples} == {"open", "closed"}


def test_the_legacy_vocabulary_holds_all_answers_and_alternatives_as_one(tree: Path):
    name = (tree / ANSWERS).read_text().split("|")[0]
    (tree / ANSWERS).write_text(f"{name}|plane|which plane?|side view#the Axial\n{name}|plane|which plane?|ct/mr")
    data = ready(tree, legacy_vocabulary=True)
    assert [row.fields["answer"] for row in data.rows("test")] == ["side view#the axial", "ct mr"]
    assert data.answers() == sorted({row.fields["answer"] for row in data.samples})
    assert {row.fields["answer"] for row in data.rows("train")} == {
        vqav2(row.fields["answer"]) for row in ready(tree).rows("train")
    }


def test_an_image_shows_a_chest_where_its_organ_says_so(corpus: Path):
    data = ready(corpus, categories=["Organ"])
    for row in data.samples:
        assert row.fields["chest"] == (row.fields["answer"] == "lung, mediastinum, pleura")
    assert {row.fields["chest"] for row in data.rows("train")} == {True, False}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("ct scan", ["ct scan"]),
        ("pa#pa view", ["pa", "pa view"]),
        ("axial (transverse)", ["axial", "axial transverse", "axial (transverse)"]),
        ("ct (with iv) contrast # cta", ["ct contrast", "ct with iv contrast", "ct (with iv) contrast", "cta"]),
        ("#", ["#"]),
    ],
)
def test_alternatives_and_optional_parts(answer: str, expected: list[str]):
    assert alternatives(answer) == expected


def test_a_reference_takes_the_alternative_that_training_knows(tree: Path):
    name = (tree / ANSWERS).read_text().split("|")[0]
    lines = [
        "what plane is this?|side view#axial",
        "what plane is this?|side view#from above",
        "what is this?|axial (cut)",
    ]
    (tree / ANSWERS).write_text("\n".join(f"{name}|plane|{line}" for line in lines))
    data = ready(tree)
    assert [row.fields["answer"] for row in data.rows("test")] == ["axial", "side view", "axial"]
    assert data.coverage() == pytest.approx(2 / 3)
    [line] = [line for line in data.ledger.lines() if "alternatives" in line]
    assert line.startswith("kept, but 3")


def test_archives_may_lie_in_folders_of_their_own_name(tree: Path):
    expected = [row.sample_id for row in ready(tree).samples]
    for part in (TRAIN, VAL, TEST):
        (tree / part).rename(tree / "moved")
        (tree / part).mkdir()
        (tree / "moved").rename(tree / part / part)
    (tree / TEST / TEST / "VQAMed2019_Test_Images").rename(tree / "VQAMed2019_Test_Images")
    (tree / TRAIN / TRAIN / "QAPairsByCategory" / "._C1_Modality_train.txt").write_text("archive leftovers")
    assert [row.sample_id for row in ready(tree).samples] == expected


def test_an_image_that_is_missing_is_counted_by_its_place(tree: Path):
    path = next((tree / TRAIN / "Train_images").iterdir())
    path.unlink()
    data = ready(tree)
    assert data.ledger.dropped == {"image file is missing": 3}
    assert data.ledger.examples["image file is missing"] == [str(path)] * 3


def test_an_empty_answer_is_counted(tree: Path):
    with (tree / MODALITY).open("a") as file:
        file.write(f"{next((tree / TRAIN / 'Train_images').iterdir()).stem}|what is this?|\n")
    assert ready(tree).ledger.dropped == {"question or answer is empty": 1}


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda root: (root / MODALITY).unlink(), "_Modality_train.txt"),
        (lambda root: shutil.rmtree(root / VAL), "_Modality_val.txt"),
        (lambda root: shutil.rmtree(root / TRAIN), "C1_Modality_train.txt in"),
        (lambda root: (root / ANSWERS).unlink(), "w_Ref_Answers.txt in"),
        (lambda root: (root / MODALITY).write_text("synpic1|what?\n"), r"train.txt, line 1: image\|question\|answer"),
        (lambda root: (root / MODALITY).write_text(""), "holds no line"),
        (lambda root: (root / ANSWERS).write_text("synpic1|colour|what?|red\n"), "line 1: category 'colour': one of"),
        (lambda root: [shutil.rmtree(path) for path in root.glob("*/*images")], "image file is missing"),
    ],
)  # fmt: skip
def test_missing_and_broken_files_are_named(tree: Path, spoil: Callable[[Path], object], expected: str, capsys):
    spoil(tree)
    shutil.rmtree(tree / TEST / "VQAMed2019_Test_Images")
    with pytest.raises(DataError, match=expected):
        ready(tree)
    assert main(["data", "check", "VqaMed2019", "--root", str(tree)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_no_category_is_refused():
    with pytest.raises(ConfigError, match="one or more of Modality"):
        VqaMed2019("anywhere", categories=[])

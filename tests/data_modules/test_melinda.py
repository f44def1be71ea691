"""Melinda: rows, labels and classes, and files that are missing or broken."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gkmvlp.app.cli import main
from gkmvlp.data_modules import Melinda
from gkmvlp.data_modules.synthetic import melinda
from gkmvlp.errors import ConfigError, DataError

SIDES = {"train": "train", "validate": "dev", "test": "test"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("melinda")
    melinda.write(root, 24, 1, size=32)
    return root


@pytest.fixture
def tree(corpus: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(corpus / "melinda", tmp_path / "melinda"))


def ready(root: Path, **kwargs) -> Melinda:
    data = Melinda(str(root), **{"image_size": 32, "num_workers": 0, "batch_size": 4} | kwargs)
    data.check()
    return data


def written(root: Path, side: str) -> list[dict[str, str]]:
    return list(csv.DictReader((root / f"{side}.csv").read_text(encoding="utf-8").splitlines()))


def change_first(root: Path, side: str, **cells: str) -> None:
    first, *rest = written(root, side)
    with (root / f"{side}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, first.keys())
        writer.writeheader()
        writer.writerows([first | cells, *rest])


@pytest.mark.parametrize("label", ["i_meth", "p_meth", "i_meth_label", "p_meth_label"])
def test_rows_are_those_of_the_tables(corpus: Path, label: str):
    data = ready(corpus, label=label)
    for split, side in SIDES.items():
        told = [(row["figure_file"], row["caption"], row[label]) for row in written(corpus / "melinda", side)]
        rows = data.rows(split)
        assert [(row.patient_id, row.fields["text"], row.fields["category"]) for row in rows] == told
    assert data.classes() == sorted({row[label] for row in written(corpus / "melinda", "train")})
    assert data.split_label == f"official-{label}"
    assert data.coverage() == 1


def test_a_batch_has_text_and_category(corpus: Path):
    data = ready(corpus)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape == (4, 1, 32, 32)
    assert set(batch["category"]) <= set(data.classes())
    assert len(batch["text"]) == 4


def test_a_class_that_training_never_has_stays_and_is_said(tree: Path):
    change_first(tree, "test", p_meth_label="western blot")
    data = ready(tree)
    count = len(data.rows("test"))
    assert "western blot" not in data.classes()
    assert data.coverage() == pytest.approx(1 - 1 / count)
    assert f"known from training {1 - 1 / count:.1%}" in data.summary_lines()[-1]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"caption": ""}, "caption is empty"),
        ({"caption": "nan"}, "caption is empty"),
        ({"p_meth_label": " "}, "p_meth_label is empty"),
        ({"p_meth_label": "NaN"}, "p_meth_label is empty"),
        ({"figure_file": "gone.jpg"}, "image file is missing"),
    ],
)
def test_rows_without_a_part_are_counted(tree: Path, cells: dict[str, str], reason: str):
    change_first(tree, "train", **cells)
    assert ready(tree).ledger.dropped == {reason: 1}


def test_figures_on_two_sides_are_said(tree: Path):
    change_first(tree, "test", figure_file=written(tree, "train")[0]["figure_file"])
    assert any("1 of 24 figures are on two sides" in line for line in ready(tree).summary_lines())


def test_tables_may_be_tab_separated(tree: Path):
    expected = [(row.sample_id, row.fields["text"]) for row in ready(tree).samples]
    for side in SIDES.values():
        rows = written(tree, side)
        with (tree / f"{side}.tsv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys(), delimiter="\t")
            writer.writeheader()
            writer.writerows(rows)
        (tree / f"{side}.csv").unlink()
    assert [(row.sample_id, row.fields["text"]) for row in ready(tree).samples] == expected


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda root: (root / "train.csv").unlink(), "no train.csv beside a folder melinda_images"),
        (lambda root: shutil.rmtree(root / "melinda_images"), "no train.csv beside a folder melinda_images"),
        (lambda root: (root / "dev.csv").unlink(), "no dev.csv"),
        (lambda root: (root / "test.csv").write_text("figure_file,caption\n"), "no column 'p_meth_label'"),
        (lambda root: change_first(root, "train", figure_file=""), "train.csv, row 1: figure_file is empty"),
        (lambda root: [path.unlink() for path in (root / "melinda_images").iterdir()], "image file is missing"),
    ],
)
def test_missing_and_broken_files_are_named(tree: Path, spoil: Callable[[Path], object], expected: str, capsys):
    spoil(tree)
    with pytest.raises(DataError, match=expected):
        ready(tree)
    assert main(["data", "check", "Melinda", "--root", str(tree)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_another_label_is_refused():
    with pytest.raises(ConfigError, match="one of i_meth"):
        Melinda("anywhere", label="colour")  # type: ignore[arg-type]

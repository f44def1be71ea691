"""Roco and Medicat: rows of figures and texts, what is left out, and files that are missing or broken."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gkmvlp.app.cli import main
from gkmvlp.data_modules import Medicat, Roco
from gkmvlp.data_modules.pipeline.splits import hash_split
from gkmvlp.data_modules.synthetic import medicat, roco
from gkmvlp.entities import ENTITY_INDEX
from gkmvlp.errors import DataError

SPLITS = ("train", "validate", "test")
TRAIN = "data/train/radiology"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("figures")
    roco.write(root, 40, 1, size=32)
    medicat.write(root, 60, 1, size=32)
    return root


@pytest.fixture
def tree(corpus: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(corpus, tmp_path / "figures"))


def ready(kind: type[Roco] | type[Medicat], root: Path, **kwargs):
    data = kind(str(root), **{"image_size": 32, "num_workers": 0, "batch_size": 4} | kwargs)
    data.check()
    return data


def listed(root: Path) -> list[dict]:
    [table] = (root / "medicat" / "release").glob("*.jsonl")
    return [json.loads(line) for line in table.read_text().splitlines()]


def write_listed(root: Path, rows: list) -> None:
    [table] = (root / "medicat" / "release").glob("*.jsonl")
    table.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))


def test_captions_of_roco_stay_as_they_are(corpus: Path):
    data = ready(Roco, corpus)
    sides = dict(zip(SPLITS, ("train", "validation", "test"), strict=True))
    missing = short = 0
    for split, side in sides.items():
        folder = corpus / "roco" / "data" / side / "radiology"
        lines = [line.split("\t ") for line in (folder / "captions.txt").read_text(encoding="utf-8").splitlines()]
        there = {name: text for name, text in lines if (folder / "images" / f"{name}.jpg").is_file()}
        missing += len(lines) - len(there)
        kept = {name: text for name, text in there.items() if len(text.split()) > 2}
        short += len(there) - len(kept)
        assert {row.sample_id: row.fields["text"] for row in data.rows(split)} == kept
        assert data.table_counts[split] == {"captions": len(lines)}
    assert missing
    assert short
    assert data.ledger.dropped == {"image file is missing": missing, "text has under 3 words": short}


@pytest.mark.parametrize("end", ["\r", "\r\n"])
def test_lines_end_as_programs_end_them(tree: Path, end: str):
    """A file with carriage returns alone is no single caption."""
    path = next(tree.rglob(f"{TRAIN}/captions.txt"))
    expected = [(sample.sample_id, sample.fields["text"]) for sample in ready(Roco, tree).samples]
    path.write_bytes(path.read_bytes().replace(b"\r", b"").replace(b"\n", end.encode()))
    assert [(sample.sample_id, sample.fields["text"]) for sample in ready(Roco, tree).samples] == expected


def test_a_batch_is_one_of_studies(corpus: Path):
    data = ready(Roco, corpus)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape == (4, 1, 32, 32)
    assert {"study_id", "text", "status", "place"} <= batch.keys()
    assert len(data.texts()) == len(data.rows("train"))


def test_captions_are_labelled_as_sentences_of_reports_are(tree: Path):
    path = tree / "roco" / TRAIN / "captions.txt"
    name = next((tree / "roco" / TRAIN / "images").iterdir()).stem
    path.write_text(f"{name}\t Findings: small left pneumothorax. Impression: no cardiomegaly\n")
    [row] = ready(Roco, tree).rows("train")
    assert row.fields["text"].startswith("Findings: ")
    told = {entity: row.fields["status"][ENTITY_INDEX[entity]] for entity in ("pneumothorax", "cardiomegaly", "edema")}
    assert told == {"pneumothorax": 1, "cardiomegaly": 0, "edema": -2}
    assert row.fields["place"][ENTITY_INDEX["pneumothorax"]].any()


def test_articles_on_two_sides_are_said(corpus: Path, tree: Path):
    data = ready(Roco, corpus)
    article = {row.sample_id: row.patient_id for row in data.samples}
    assert article["ROCO_00001"].startswith("PMC")
    sides: dict[str, set[str]] = {}
    for row in data.samples:
        sides.setdefault(row.patient_id, set()).add(row.split)
    assert any(len(each) > 1 for each in sides.values())
    assert any("articles have figures on two sides" in line for line in data.summary_lines())
    for path in tree.glob("roco/data/*/radiology/licences.txt"):
        path.unlink()
    alone = ready(Roco, tree)
    assert all(row.patient_id == row.sample_id for row in alone.samples)
    assert any("the article of 40 figures is not told" in line for line in alone.summary_lines())


def test_renamed_folders_of_roco_are_read(tree: Path):
    expected = [row.sample_id for row in ready(Roco, tree).samples]
    moved = tree / "moved"
    (tree / "roco" / "data").rename(moved)
    (moved / "validation").rename(moved / "val")
    assert [row.sample_id for row in ready(Roco, moved).samples] == expected


def test_texts_of_medicat_are_caption_and_in_training_references(corpus: Path):
    data = ready(Medicat, corpus)
    expected = {}
    for row in listed(corpus):
        if not row["radiology"]:
            continue
        name = f"{row['pdf_hash']}_{row['fig_uri'].removesuffix('.png')}"
        texts = [row["s2_caption"]]
        if hash_split(row["pdf_hash"]) == "train":
            texts += row["s2orc_references"] or []
        expected |= {f"{name}-{n}" if n else name: (text, row["pdf_hash"]) for n, text in enumerate(texts)}
    kept = {name: told for name, told in expected.items() if len(told[0].split()) > 2}
    assert {row.sample_id: (row.fields["text"], row.patient_id) for row in data.samples} == kept
    assert {row.split for row in data.samples} == set(SPLITS)
    assert any(row.sample_id != row.fields["study_id"] for row in data.rows("train"))
    captions = ready(Medicat, corpus, references=False)
    assert all(row.sample_id == row.fields["study_id"] for row in captions.samples)
    assert captions.split_label == "article-captions"


def test_a_reference_that_repeats_the_caption_is_one_text(tree: Path):
    rows = listed(tree)
    number = next(n for n, row in enumerate(rows) if row["radiology"] and hash_split(row["pdf_hash"]) == "train")
    rows[number] |= {
        "s2_caption": "Three words here",
        "s2orc_references": ["Three  words here", "More words there"] * 2,
    }
    write_listed(tree, rows)
    name = rows[number]["pdf_hash"]
    texts = [r.fields["text"] for r in ready(Medicat, tree).samples if r.patient_id == name]
    assert texts.count("Three words here") == texts.count("More words there") == 1


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda root: (root / TRAIN / "captions.txt").unlink(), "no train/radiology/captions.txt"),
        (lambda root: shutil.rmtree(root / "data" / "validation"), "no validation/radiology"),
        (lambda root: (root / "data/test/radiology/captions.txt").unlink(), "cannot read"),
        (lambda root: (root / TRAIN / "captions.txt").write_text("ROCO_00001 a chest"), "line 1: 'ROCO_00001 a chest'"),
        (lambda root: (root / TRAIN / "captions.txt").write_text("\n"), "holds no caption"),
        (lambda root: (root / TRAIN / "captions.txt").write_text("A\t a b c\nA\t a b c\n"), "nothing is left|twice"),
        (lambda root: (root / TRAIN / "licences.txt").write_text("ROCO_ID,CC\n"), "no column 'PMC_ID'"),
        (lambda root: [shutil.rmtree(path) for path in root.glob("data/*/*/images")], "image file is missing"),
    ],
)
def test_missing_and_broken_files_of_roco_are_named(tree: Path, spoil: Callable[[Path], object], expected: str, capsys):
    root = tree / "roco"
    spoil(root)
    for path in root.glob("data/*/*/images/*"):
        path.unlink()
    with pytest.raises(DataError, match=expected):
        ready(Roco, root)
    assert main(["data", "check", "Roco", "--root", str(root)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("{", "line 1: Expecting"),
        ("[]", "line 1: no key 'pdf_hash'"),
        ({"pdf_hash": "a", "fig_uri": "b", "s2_caption": "c", "radiology": True}, "no key 's2orc_references'"),
        ({"s2orc_references": "text"}, "s2orc_references is no list"),
        ({"s2orc_references": [3]}, "line 1: '3' is no text"),
        ({"s2_caption": ["a"]}, "is no text"),
        ({"fig_uri": None}, "line 1: 'None' is no text"),
        ({"pdf_hash": " "}, "pdf_hash or fig_uri is empty"),
    ],
)
def test_broken_lines_of_medicat_are_named(tree: Path, row: str | dict, expected: str, capsys):
    first, *rest = listed(tree)
    changed = row if isinstance(row, str) or ("fig_uri" in row and "pdf_hash" in row) else first | row
    write_listed(tree, [changed, *rest])
    with pytest.raises(DataError, match=expected):
        ready(Medicat, tree)
    assert main(["data", "check", "Medicat", "--root", str(tree)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_medicat_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(DataError, match=r"no s2_full_figures.*github.com/allenai/medicat"):
        ready(Medicat, tmp_path)

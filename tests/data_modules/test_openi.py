"""OpenI: the three layouts of one corpus agree, views and splits are as told, and the real collection is read whole."""

import csv
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from gkmvlp.app.cli import main
from gkmvlp.data_modules import ImageReportPairs, OpenI
from gkmvlp.data_modules.formats.openi import (
    caption_view,
    find_images,
    key_of,
    number_of,
    read_projections,
    read_studies,
)
from gkmvlp.data_modules.pipeline.splits import hash_split
from gkmvlp.data_modules.synthetic import openi as lookalike
from gkmvlp.data_modules.synthetic.openi import kaggle_name
from gkmvlp.entities import ENTITY_INDEX
from gkmvlp.errors import DataError

PATIENTS = 24
SPLITS = ("train", "validate", "test")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("openi")
    lookalike.write(root, PATIENTS, 1, size=32)
    return root / "openi"


@pytest.fixture
def official(corpus: Path, tmp_path: Path) -> Path:
    """Open-i's files alone, with R2Gen's annotation for the split."""
    root = tmp_path / "official"
    for name in ("NLMCXR_png", "ecgen-radiology"):
        shutil.copytree(corpus / name, root / name)
    shutil.copy(corpus / "annotation.json", root)
    return root


@pytest.fixture
def kaggle(corpus: Path, tmp_path: Path) -> Path:
    """Kaggle's tables and images under Kaggle's names, with R2Gen's annotation for the split."""
    root = tmp_path / "kaggle"
    images = root / "images" / "images_normalized"
    images.mkdir(parents=True)
    for path in (corpus / "NLMCXR_png").iterdir():
        shutil.copy(path, images / kaggle_name(path.stem))
    for name in ("indiana_reports.csv", "indiana_projections.csv", "annotation.json"):
        shutil.copy(corpus / name, root)
    return root


@pytest.fixture
def r2gen(corpus: Path, tmp_path: Path) -> Path:
    """R2Gen's archive: its annotation and a folder a study, the frontal image first."""
    root = tmp_path / "r2gen"
    told = pd.read_csv(corpus / "indiana_projections.csv")
    files = {kaggle_name(path.stem): path for path in (corpus / "NLMCXR_png").iterdir()}
    for part in json.loads((corpus / "annotation.json").read_text()).values():
        for item in part:
            rows = told[told["uid"] == int(number_of(key_of(item["id"]) or ""))].sort_values("projection")
            for name, path in zip(rows["filename"], item["image_path"], strict=True):
                (root / "images" / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(files[name], root / "images" / path)
    shutil.copy(corpus / "annotation.json", root)
    return root


def ready(root: Path, **kwargs) -> OpenI:
    data = OpenI(str(root), **{"image_size": 32, "num_workers": 0, "batch_size": 4} | kwargs)
    data.setup("fit")
    return data


def told(data: OpenI, *names: str) -> dict[str, tuple]:
    """Study -> split, pixels and the named fields of its frontal image."""
    return {
        row.patient_id: (row.split, data.decode(row).tobytes(), *(row.fields[name] for name in names))
        for row in data.samples
    }


def test_the_three_layouts_give_the_same_rows(corpus: Path, official: Path, kaggle: Path, r2gen: Path):
    whole = told(ready(corpus, sections="findings"), "text")
    assert told(ready(kaggle, sections="findings"), "text") == whole
    assert told(ready(r2gen, sections="findings"), "text") == whole
    without_projections = told(ready(official, sections="findings"), "text")
    assert without_projections.keys() == whole.keys()
    for study, (split, _, text) in without_projections.items():
        assert (split, text) == (whole[study][0], whole[study][2])
    annotation = json.loads((corpus / "annotation.json").read_text())
    listed = {"train": "train", "val": "validate", "test": "test"}
    assert {study: row[0] for study, row in whole.items()} == {
        f"CXR{number_of(key_of(item['id']) or '')}": listed[name] for name, rows in annotation.items() for item in rows
    }


def test_an_image_that_two_copies_hold_is_read_once(official: Path, r2gen: Path):
    """R2Gen's folders beside Open-i's pictures: only what Open-i's do not show is read from them."""
    alone, folders = find_images(official), find_images(r2gen)
    shutil.copytree(r2gen / "images", official / "images")
    assert find_images(official) == alone
    number = number_of(next(iter(folders)))
    for key, path in alone.items():
        if number_of(key) == number:
            path.unlink()
    kept = {key for key in alone if number_of(key) != number}
    assert find_images(official).keys() == kept | {key for key in folders if number_of(key) == number}
    views = ready(official, split="patient", views=("frontal", "lateral")).samples
    assert len(views) == len({(row.patient_id, row.view) for row in views})


def test_reports_come_from_an_archive_as_from_a_folder(official: Path):
    expected = told(ready(official), "text")
    with tarfile.open(official / "NLMCXR_reports.tgz", "w:gz") as archive:
        archive.add(official / "ecgen-radiology", "ecgen-radiology")
    shutil.rmtree(official / "ecgen-radiology")
    assert told(ready(official), "text") == expected


def test_views_are_those_of_the_projections_else_of_caption_and_order(corpus: Path, official: Path):
    projections = read_projections(corpus / "indiana_projections.csv")
    data = ready(corpus, views=("frontal", "lateral"), split="patient")
    assert {row.sample_id: row.view for row in data.samples} == {
        f"CXR{key}": "LATERAL" if view == "lateral" else "" for key, view in projections.items()
    }
    assert all(row.view == "LATERAL" for row in ready(corpus, views=("lateral",), split="patient").samples)
    guessing = ready(official, split="patient")
    order = {
        study.number: [key for key, _ in study.images] for study in read_studies(official / "ecgen-radiology").values()
    }
    assert {row.sample_id for row in guessing.samples} == {f"CXR{keys[0]}" for keys in order.values()}
    assert any("order of a study's images" in line for line in guessing.summary_lines())
    assert not any("order of a study's images" in line for line in data.summary_lines())


@pytest.mark.parametrize(
    ("caption", "view"),
    [
        ("Xray Chest PA and Lateral", ""),
        ("Portable AP chest", "frontal"),
        ("CHEST 2V FRONTAL/LATERAL XXXX", ""),
        ("Lateral view of the chest", "lateral"),
        ("Chest XXXX", ""),
        ("Palpable lump", ""),
    ],
)
def test_a_caption_that_names_one_view_decides(caption: str, view: str):
    assert caption_view(caption) == view


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("CXR1000_IM-0003-1001.png", "1000_IM-0003-1001"),
        ("1000_IM-0003-1001.dcm.png", "1000_IM-0003-1001"),
        ("1032_IM-0026-1001-0002.dcm.jpg", "1032_IM-0026-1001-0002"),
        ("CXR1_1_IM-0001-3001", "1_IM-0001-3001"),
        ("CXR2384_IM-0942", "2384_IM-0942"),
        ("synpic1.jpg", None),
    ],
)
def test_all_copies_name_an_image_alike(name: str, key: str | None):
    assert key_of(name) == key


def test_batches_hold_reports_and_statuses(corpus: Path):
    data = ready(corpus, split="patient")
    assert all(row.split == hash_split(row.patient_id) for row in data.samples)
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape == (4, 1, 32, 32)
    assert batch["status"].shape == (4, len(ENTITY_INDEX))
    assert batch["region_mask"].any()
    assert all(batch["text"])
    assert set(data.texts()) == {row.fields["text"] for row in data.rows("train")}


def test_marks_of_deidentification_are_not_learned_unless_they_are_asked_for(corpus: Path):
    dropped, kept = ready(corpus), ready(corpus, redactions="keep")
    assert not any("XXXX" in row.fields["text"] for row in dropped.samples)
    assert any("XXXX" in row.fields["text"] for row in kept.samples)
    assert [row.sample_id for row in dropped.samples] == [row.sample_id for row in kept.samples]
    assert all(
        (a.fields["status"] == b.fields["status"]).all() for a, b in zip(dropped.samples, kept.samples, strict=True)
    )


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda root: shutil.rmtree(root / "NLMCXR_png"), "NLMCXR_png.tgz"),
        (lambda root: (root / "annotation.json").unlink(), "split: patient"),
        (lambda root: (root / "annotation.json").write_text("{}"), "no annotation of R2Gen"),
        (lambda root: next((root / "ecgen-radiology").iterdir()).write_text("<a"), "is no report of Open-i"),
        (lambda root: (root / "projections.csv").write_text("filename,view\n"), "no column 'projection'"),
        (lambda root: (root / "projections.csv").write_text("filename,projection\na,Oblique\n"), "'oblique'"),
        (lambda root: shutil.rmtree(root), "no ecgen-radiology, indiana_reports.csv or annotation.json"),
    ],
)
def test_missing_and_broken_files_are_named(official: Path, spoil: Callable[[Path], object], expected: str, capsys):
    spoil(official)
    with pytest.raises(DataError, match=expected):
        ready(official)
    assert main(["data", "check", "OpenI", "--root", str(official)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("change", [lambda text: text.encode("utf-16"), lambda text: text.replace(",", ";").encode()])
def test_tables_come_in_any_encoding_and_with_semicolons(kaggle: Path, change: Callable[[str], bytes]):
    for name in ("indiana_reports.csv", "indiana_projections.csv"):
        rows = list(csv.reader((kaggle / name).read_text().splitlines()))
        plain = "\n".join(",".join(cell.replace(",", " ") for cell in row) for row in rows) + "\n"
        (kaggle / name).write_text(plain)
    expected = told(ready(kaggle), "text")
    for name in ("indiana_reports.csv", "indiana_projections.csv"):
        (kaggle / name).write_bytes(change((kaggle / name).read_text()))
    assert told(ready(kaggle), "text") == expected


def test_a_cell_that_a_program_filled_for_nothing_is_empty(kaggle: Path):
    file = kaggle / "indiana_reports.csv"
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    table.loc[table.index[::2], "findings"] = ""
    table.to_csv(file, index=False)
    expected = told(ready(kaggle), "text")
    table.replace("", "NaN").to_csv(file, index=False)
    assert told(ready(kaggle), "text") == expected


def test_two_reports_of_one_study_are_an_error_and_one_twice_is_not(kaggle: Path, r2gen: Path):
    file = kaggle / "indiana_reports.csv"
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    expected = told(ready(kaggle), "text")
    pd.concat([table, table.iloc[:1]]).to_csv(file, index=False)
    assert told(ready(kaggle), "text") == expected
    pd.concat([table, table.iloc[:1].assign(findings="Pneumothorax.")]).to_csv(file, index=False)
    with pytest.raises(DataError, match=rf"indiana_reports.csv has two reports of study '{table['uid'][0]}'"):
        ready(kaggle)
    parts = json.loads((r2gen / "annotation.json").read_text())
    parts["val"].append(parts["val"][0] | {"report": "Pneumothorax."})
    (r2gen / "annotation.json").write_text(json.dumps(parts))
    with pytest.raises(DataError, match=r"annotation.json has two reports of study"):
        ready(r2gen)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"id": 5}, "names '5': an id like CXR2384_IM-0942 was expected"),
        ({"id": ["CXR1"]}, "list val, column id, row 1"),
        ({"report": {}}, "list val, column report, row 1"),
    ],
)
def test_a_row_of_the_annotation_that_is_no_text_is_named(r2gen: Path, change: dict, expected: str):
    parts = json.loads((r2gen / "annotation.json").read_text())
    parts["val"][0] |= change
    (r2gen / "annotation.json").write_text(json.dumps(parts))
    with pytest.raises(DataError, match=expected) as error:
        ready(r2gen)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("content", ["[]", "5", '{"train": [], "val": {}, "test": []}'])
def test_another_json_is_no_annotation(official: Path, content: str):
    (official / "annotation.json").write_text(content)
    with pytest.raises(DataError, match="no annotation of R2Gen"):
        ready(official)


def test_a_study_in_two_lists_is_an_error(official: Path):
    parts = json.loads((official / "annotation.json").read_text())
    parts["val"].append(parts["train"][0])
    (official / "annotation.json").write_text(json.dumps(parts))
    with pytest.raises(DataError, match="in train and in validate"):
        ready(official)


@pytest.fixture(scope="module")
def real(shared_data: Path) -> OpenI:
    data = OpenI(str(shared_data / "iu_xray"), num_workers=0)
    data.check()
    return data


def letters(text: str) -> str:
    """Letters and digits: the reader ends findings with a full stop."""
    return "".join(filter(str.isalnum, text))


def test_the_real_collection_has_r2gens_studies(real: OpenI, shared_data: Path):
    assert real.table_counts == real.published_counts
    studies = {split: {row.patient_id for row in real.rows(split)} for split in SPLITS}
    assert {split: len(ids) for split, ids in studies.items()} == {"train": 2063, "validate": 294, "test": 590}
    assert {split: len(real.rows(split)) for split in SPLITS} == {"train": 2140, "validate": 300, "test": 615}
    pairs = pd.read_csv(shared_data / "iu_xray" / "pairs.csv", dtype=str, keep_default_na=False)
    of_study = pairs.drop_duplicates("patient_id").set_index("patient_id")[["findings", "impression"]].to_dict("index")
    shown = {Path(row.image).name: row for row in real.samples}
    assert shown.keys() <= {Path(path).name for path in pairs["image_path"]}
    for row in real.samples:
        told = of_study[row.patient_id]
        plain = f"{told['findings']} {told['impression']}"
        if "XXXX" not in plain and ":" not in plain:
            assert letters(row.fields["text"]) == letters(plain)
    assert not any("XXXX" in row.fields["text"].upper() for row in real.samples)


def test_first_images_are_frontal_nine_times_in_ten(real: OpenI, shared_data: Path):
    folder = shared_data / "iu_xray"
    projections = read_projections(folder / "projections.csv")
    first = [
        projections.get(study.images[0][0])
        for study in read_studies(folder / "NLMCXR_reports.tgz").values()
        if len(study.images) == 2
    ]
    known = [view for view in first if view]
    assert sum(view == "frontal" for view in known) / len(known) > 0.88
    assert len(find_images(folder)) == 3307


def test_the_real_table_is_a_table_of_pairs(real: OpenI, shared_data: Path, tmp_path: Path):
    """The few lines of the tutorial: what ImageReportPairs reads is what OpenI reads."""
    folder = shared_data / "iu_xray"
    table = pd.read_csv(folder / "pairs.csv", usecols=["image_path", "report", "patient_id"], dtype=str)
    table = table.rename(columns={"image_path": "image"}).iloc[::40].assign(study_id=lambda rows: rows["patient_id"])
    table.to_csv(tmp_path / "pairs.csv", index=False)
    pairs = ImageReportPairs(str(tmp_path / "pairs.csv"), image_root=str(folder), num_workers=0)
    pairs.check()
    ours = {Path(row.image).name: row for row in real.samples}
    common = [row for row in pairs.samples if Path(row.image).name in ours]
    assert len(common) > 60
    same = [(row.fields["status"] == ours[Path(row.image).name].fields["status"]).all() for row in common]
    assert sum(same) / len(same) > 0.95

import json
import shutil
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gkmvlp.data_modules import VqaRad
from gkmvlp.errors import ConfigError, DataError
from gkmvlp.metrics.answers import exact_v1

OFFICIAL = "VQA_RAD Dataset Public.json"


@pytest.fixture(scope="module")
def rows(shared_data: Path) -> list[dict]:
    return json.loads((shared_data / "vqa_rad" / OFFICIAL).read_text())


def ready(root: Path, split: str = "official", **kwargs) -> VqaRad:
    data = VqaRad(str(root), split=split, image_size=32, num_workers=0, **kwargs)
    data.setup("fit")
    return data


def counts(data: VqaRad) -> tuple[int, int]:
    return len(data.rows("train")) + len(data.rows("validate")), len(data.rows("test"))


@pytest.mark.parametrize(
    ("split", "expected"), [("official", (1797, 451)), ("framed", (2780, 451)), ("legacy-mevf", (3064, 451))]
)
def test_published_counts(shared_data: Path, rows: list[dict], split: str, expected: tuple[int, int]):
    data = ready(shared_data / "vqa_rad", split)
    assert counts(data) == expected
    beside = {"train": {"questions": expected[0]}, "test": {"questions": expected[1]}}
    assert data.table_counts == data.published_counts == beside
    link = {str(row["qid"]): row["qid_linked_id"] for row in rows}
    trained, validated = (
        {link[sample.sample_id.partition("-")[0]] for sample in data.rows(side)} for side in ("train", "validate")
    )
    if split == "legacy-mevf":  # rewordings of most validation rows are in training, as those of test rows are
        for side in ("validate", "test"):
            known = [link[sample.sample_id.partition("-")[0]] in trained for sample in data.rows(side)]
            assert sum(known) > 0.6 * len(known)
    else:
        assert not trained & validated
    assert abs(len(data.rows("validate")) / expected[0] - 0.1) < 0.01
    # as of the owner's test questions, nearly all are on images that training shows
    images = {sample.fields["image_id"] for sample in data.rows("train")}
    for side in ("validate", "test"):
        shown = [sample.fields["image_id"] in images for sample in data.rows(side)]
        assert sum(shown) > 0.95 * len(shown)
    assert data.split_name.startswith(f"{split}@")


def test_the_legacy_vocabulary_is_that_of_the_published_code(shared_data: Path, capsys):
    data = ready(shared_data / "vqa_rad", "legacy-mevf", legacy_vocabulary=True)
    assert len(data.answers()) == 498  # as METER, M3AE and ARL count it, over training and test
    assert data.coverage() == 1
    assert data.vocabulary_source == "legacy"
    assert any("figures flatter" in line and "legacy_vocabulary" in line for line in data.ledger_lines())
    plain = ready(shared_data / "vqa_rad", "legacy-mevf")
    assert plain.vocabulary_source == "train"
    assert plain.coverage() < 1
    assert {row.sample_id for row in plain.samples} == {row.sample_id for row in data.samples}


def test_ceiling_of_the_official_vocabulary(shared_data: Path, rows: list[dict]):
    data = ready(shared_data / "vqa_rad")
    assert data.coverage() == pytest.approx(0.745, abs=0.0005)
    trained = {exact_v1(row["answer"]) for row in rows if not row["phrase_type"].startswith("test")}
    assert data.answers() == sorted(trained)
    assert any("74.5%" in line for line in data.summary_lines())
    assert sum(sample.fields["chest"] for sample in data.samples) == 794
    assert {sample.fields["answer_type"] for sample in data.samples} == {"open", "closed"}


def test_lost_commas_and_integer_answers_come_back(shared_data: Path):
    samples = {sample.sample_id: sample for sample in ready(shared_data / "vqa_rad").samples}
    assert len(samples) == 2248
    assert any(sample.fields["answer"] == "heart, lungs" for sample in samples.values())
    assert not any("\t" in sample.fields["question"] for sample in samples.values())
    assert samples["2156"].fields["answer_type"] == "closed"
    assert isinstance(samples["1511"].fields["answer"], str)


def test_image_disjoint_shares_no_image_and_no_case(shared_data: Path, rows: list[dict]):
    data = ready(shared_data / "vqa_rad", "image-disjoint")
    by_id = {str(row["qid"]): row for row in rows}
    for key in ("image_name", "image_case_url"):
        sides = [{by_id[s.sample_id][key] for s in data.rows(side)} for side in ("train", "validate", "test")]
        assert not sides[0] & sides[1]
        assert not (sides[0] | sides[1]) & sides[2]
    assert sum(counts(data)) == 2248
    assert abs(counts(data)[1] / 2248 - 0.2) < 0.03
    assert ready(shared_data / "vqa_rad", "image-disjoint", seed=7).split_name == data.split_name


def test_mevf_layout_gives_the_same_questions(shared_data: Path, rows: list[dict], tmp_path: Path):
    keys = ("qid", "image_name", "image_organ", "answer", "answer_type", "question_type", "question", "phrase_type")
    plain = [{key: row[key] for key in keys} for row in rows]
    sides = {"train": [row for row in plain if not row["phrase_type"].startswith("test")], "test": []}
    sides["train"] += [
        {
            **{key: row[key] for key in keys},
            "question": row["question_frame"],
            "phrase_type": "frame",
            "qid": 9000 + index,
        }
        for index, row in enumerate(rows)
        if row["question_frame"] != "NULL"
    ]
    for row in plain:
        if row["phrase_type"].startswith("test"):
            sides["test"].append({**row, "phrase_type": row["phrase_type"].removeprefix("test_")})
    for side, members in sides.items():
        (tmp_path / f"{side}set.json").write_text(json.dumps(members))
    (tmp_path / "images").symlink_to(shared_data / "vqa_rad" / "VQA_RAD Image Folder")
    assert counts(ready(tmp_path)) == (1797, 451)
    assert counts(ready(tmp_path, "legacy-mevf")) == (3064, 451)
    with pytest.raises(ConfigError, match="official JSON"):
        ready(tmp_path, "framed")
    read = {(s.fields["question"], s.fields["answer"]) for s in ready(tmp_path, "legacy-mevf").samples}
    assert read == {
        (s.fields["question"], s.fields["answer"]) for s in ready(shared_data / "vqa_rad", "legacy-mevf").samples
    }


def test_hugging_face_parquet(tmp_path: Path):
    (tmp_path / "data").mkdir()
    images = []
    for number in range(6):
        buffer = BytesIO()
        pixels = np.full((20, 30), 40 * number, np.uint8)
        pixels[:, :10] = 0  # a picture of one grey is refused
        Image.fromarray(pixels).save(buffer, "PNG")
        images.append({"bytes": buffer.getvalue(), "path": None})
    for side, picked in (("train", [0, 0, 1, 2, 3]), ("test", [4, 5])):
        table = pd.DataFrame(
            {
                "image": [images[i] for i in picked],
                "question": "Is it?",
                "answer": ["Yes", "left."] + ["no"] * (len(picked) - 2),
            }
        )
        table.to_parquet(tmp_path / "data" / f"{side}-00000-of-00001-x.parquet")
    data = ready(tmp_path, batch_size=2, intensity="voi")
    assert counts(data) == (5, 2)
    batch = next(iter(data.test_dataloader()))
    assert batch["answer"] == ["yes", "left"]
    assert batch["answer_type"] == ["closed", "open"]
    assert batch["image"].amax((1, 2, 3)).mul(255).round().tolist() == [160, 200]
    assert len({s.patient_id for s in data.rows("train") + data.rows("validate")}) == 4
    assert any("Parquet copies" in line for line in data.summary_lines())


def test_missing_and_broken_roots(tmp_path: Path, rows: list[dict]):
    with pytest.raises(DataError, match=r"osf\.io/89kps"):
        ready(tmp_path)
    folder = tmp_path / "vqa-rad"
    folder.mkdir()
    (folder / OFFICIAL).write_text(
        json.dumps([{key: v for key, v in row.items() if key != "answer_type"} for row in rows[:5]])
    )
    with pytest.raises(DataError, match="'answer_type'"):
        ready(tmp_path)
    (folder / OFFICIAL).write_text("[{")
    with pytest.raises(DataError, match="cannot read"):
        ready(tmp_path)
    (folder / OFFICIAL).write_text(json.dumps(rows[:40]))
    with pytest.raises(DataError, match="image file is missing"):
        ready(tmp_path)


@pytest.mark.parametrize("phrase", [None, "", "text"])
def test_a_row_that_does_not_say_whether_it_is_a_test_row_is_an_error(tmp_path: Path, rows: list[dict], phrase):
    first = next(number for number, row in enumerate(rows) if row["phrase_type"].startswith("test"))
    (tmp_path / OFFICIAL).write_text(json.dumps([*rows[:first], rows[first] | {"phrase_type": phrase}]))
    with pytest.raises(DataError, match=f"row {first + 1}: phrase_type is '.*', one of freeform, para"):
        ready(tmp_path)


def _parquet(path: Path, images: list, answers: list) -> None:
    pd.DataFrame({"image": images, "question": "Is it?", "answer": answers}).to_parquet(path)


def _png(grey: int) -> bytes:
    pixels = np.full((20, 30), grey, np.uint8)
    pixels[:, :10] = 0
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_shards_of_a_split_count_on_and_null_images_are_counted(tmp_path: Path):
    own = tmp_path / "beside.png"
    own.write_bytes(_png(120))
    cells = [{"bytes": _png(30 * n), "path": None} for n in range(1, 5)]
    _parquet(tmp_path / "train-00000-of-00002.parquet", cells[:2], ["yes", "no"])
    odd = [cells[2], None, {"bytes": None, "path": "beside.png"}, {"bytes": None, "path": None}]
    _parquet(tmp_path / "train-00001-of-00002.parquet", odd, ["yes", "no", "left", "right"])
    _parquet(tmp_path / "validation-00000-of-00001.parquet", [cells[3]], ["yes"])
    _parquet(tmp_path / "test.parquet", cells[:1], ["no"])
    data = ready(tmp_path, batch_size=2)
    assert [s.sample_id for s in data.rows("train")] == ["train-0000", "train-0001", "train-0002", "train-0004"]
    assert [s.sample_id for s in data.rows("validate")] == ["validation-0000"]
    assert data.rows("train")[-1].image == str(own)
    assert data.ledger.dropped == {"question without an image": 2}
    (tmp_path / "0000.parquet").write_bytes((tmp_path / "test.parquet").read_bytes())
    with pytest.raises(DataError, match=r"0000\.parquet names no split"):
        ready(tmp_path)


def test_a_valset_beside_mevfs_files_validates_unless_it_repeats_them(phantoms: Path, tmp_path: Path):
    [source] = (phantoms / "vqa-rad").glob("*.json")
    rows = json.loads(source.read_text())
    (tmp_path / "deep").mkdir()
    (tmp_path / "images").symlink_to(next(path for path in source.parent.iterdir() if path.is_dir()))
    sides = {"test": [row for row in rows if row["phrase_type"].startswith("test")]}
    sides["train"] = [row for row in rows if row not in sides["test"]]
    for side, kept in sides.items():
        (tmp_path / f"{side}set.json").write_text(json.dumps(kept))
    drawn = len(ready(tmp_path).rows("validate"))
    (tmp_path / "valset.json").write_text(json.dumps(sides["test"]))
    data = ready(tmp_path)
    assert (len(data.rows("validate")), len(data.rows("test"))) == (drawn, len(sides["test"]))
    assert any("are left out; validation rows are drawn from trainset.json" in line for line in data.summary_lines())
    own = [row | {"question": f"Once more: {row['question']}"} for row in sides["train"][:3]]
    (tmp_path / "valset.json").write_text(json.dumps(sides["test"] + own))
    data = ready(tmp_path)
    assert [s.fields["question"] for s in data.rows("validate")] == [row["question"] for row in own]
    assert len(data.rows("train")) == len(sides["train"])


def test_a_missing_image_is_looked_for_in_nested_folders_and_then_named(phantoms: Path, tmp_path: Path):
    root = tmp_path / "data"
    shutil.copytree(phantoms / "vqa-rad", root)
    folder = next(path for path in root.iterdir() if path.is_dir())
    first, second = sorted(folder.iterdir())[:2]
    (folder / "more").mkdir()
    first.rename(folder / "more" / first.name.upper())
    second.unlink()
    data = ready(root)
    assert first.name in {sample.fields["image_id"] for sample in data.samples}
    assert any(str(second) in line for line in data.summary_lines())


def test_an_empty_answer_is_no_answer_and_true_is_yes(phantoms: Path, tmp_path: Path):
    root = tmp_path / "data"
    shutil.copytree(phantoms / "vqa-rad", root)
    [source] = root.glob("*.json")
    rows = json.loads(source.read_text())
    for row, answer in zip(rows, (None, " . ", True, False), strict=False):
        row["answer"] = answer
    source.write_text(json.dumps(rows))
    data = ready(root)
    assert data.ledger.dropped == {"question or answer is empty": 2}
    told = {sample.sample_id: sample.fields["answer"] for sample in data.samples}
    assert [told[str(row["qid"])] for row in rows[2:4]] == ["yes", "no"]
    assert str(rows[0]["qid"]) not in told

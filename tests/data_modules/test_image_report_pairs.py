from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gkmvlp.data_modules import ImageReportPairs
from gkmvlp.data_modules.pipeline.splits import hash_split
from gkmvlp.entities import ENTITY_INDEX
from gkmvlp.errors import ConfigError, DataError


def write(root: Path, count: int = 40, **columns) -> Path:
    (root / "images").mkdir(exist_ok=True)
    for index in range(count):
        path = root / "images" / f"{index}.png"
        Image.fromarray(np.random.default_rng(index).integers(0, 255, (8, 9)).astype(np.uint8)).save(path)
    table = pd.DataFrame(
        {
            "image": [f"images/{index}.png" for index in range(count)],
            "report": "Cardiomegaly. No pneumothorax.",
            "patient_id": [f"p{index // 2}" for index in range(count)],
            **columns,
        }
    )
    table.to_csv(root / "pairs.csv", index=False)
    return root / "pairs.csv"


def ready(table: Path, **kwargs) -> ImageReportPairs:
    data = ImageReportPairs(str(table), image_size=16, batch_size=4, num_workers=0, **kwargs)
    data.setup("fit")
    return data


def test_patients_are_split_by_hash(tmp_path: Path):
    data = ready(write(tmp_path))
    assert len(data.samples) == 40
    assert all(sample.split == hash_split(sample.patient_id) for sample in data.samples)
    assert data.split_name.startswith("hash@")
    batch = next(iter(data.train_dataloader()))
    assert batch["status"][:, ENTITY_INDEX["cardiomegaly"]].tolist() == [1] * 4
    assert batch["status"][:, ENTITY_INDEX["pneumothorax"]].tolist() == [0] * 4
    assert batch["region_mask"].any()


def test_csv_and_parquet_agree(tmp_path: Path):
    table = write(tmp_path)
    pd.read_csv(table).to_parquet(tmp_path / "pairs.parquet")
    first, second = ready(table), ready(tmp_path / "pairs.parquet")
    assert first.split_name == second.split_name
    assert first.texts() == second.texts()


def test_folds_cover_every_patient_once_as_test(tmp_path: Path):
    table = write(tmp_path)
    tested = [sample.sample_id for fold in range(4) for sample in ready(table, num_folds=4, fold=fold).rows("test")]
    assert sorted(tested) == sorted(f"images/{index}.png" for index in range(40))
    with pytest.raises(ConfigError, match="at least 3 folds"):
        ready(table, num_folds=4, fold=4)


def test_a_split_column_is_obeyed(tmp_path: Path):
    table = write(tmp_path, 8, split=["train"] * 4 + ["val"] * 2 + ["test"] * 2)
    data = ready(table)
    assert [len(data.rows(split)) for split in ("train", "validate", "test")] == [4, 2, 2]
    assert data.split_name.startswith("table@")


def test_rows_left_out_are_counted(tmp_path: Path):
    reports = ["No effusion."] * 36 + ["", "  ", "___", "Clear."]
    table = write(tmp_path, report=reports)
    (tmp_path / "images" / "0.png").unlink()
    data = ready(table)
    assert data.manifest()["dropped"] == {"image file is missing": 1, "report is empty, or nothing is left of it": 3}
    assert len(data.samples) == 36


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"split": ["train"] * 7 + ["test"]}, "patient p3 is in t"),
        ({"split": ["train"] * 6 + ["fit"] * 2}, "split 'fit'"),
        ({"image": ["images/0.png"] * 8}, "names image images/0.png twice"),
    ],
)
def test_broken_tables(tmp_path: Path, columns: dict, told: str):
    with pytest.raises(DataError, match=told):
        ready(write(tmp_path, 8, **columns))


def test_missing_column_and_file(tmp_path: Path):
    with pytest.raises(DataError, match="image, report, patient_id"):
        ready(tmp_path / "absent.csv")
    table = write(tmp_path, 8)
    table.write_text(table.read_text().replace("patient_id", "patient"))
    with pytest.raises(DataError, match="'patient_id'"):
        ready(table)


def test_a_report_that_is_not_utf8_is_read_and_counted(tmp_path: Path):
    table = write(tmp_path, report=["Effusion au lait."] + ["Clear lungs."] * 39)
    table.write_bytes(table.read_bytes().replace(b"lait", b"la\xefs"))
    data = ready(table)
    assert data.manifest()["masked"]["report is not UTF-8 (read as Latin-1)"] == 1
    assert any("la\xefs" in sample.fields["text"] for sample in data.samples)

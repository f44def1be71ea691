"""Rows: what the manifest's hash depends on, patients on two sides, shares of the training patients."""

import json
import re
from pathlib import Path

import pytest

from gkmvlp.errors import DataError
from tests.data_modules.toy import Toy


def test_manifest_hash_depends_on_membership_alone(tmp_path: Path):
    first, second = Toy(tmp_path), Toy(tmp_path, seed=5, image_size=16)
    moved = Toy(tmp_path, patients=["x", *(f"p{i}" for i in range(1, 14))])
    for data in (first, second, moved):
        data.setup()
    assert first.split_name == second.split_name != moved.split_name
    assert first.split_name.startswith("official@")
    first.write_manifest(tmp_path / "out" / "manifest.json")
    written = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert written["rows"] == {"train": 10, "validate": 2, "test": 2}
    assert {"sample_id": "s12", "patient_id": "p12"} in written["members"]["test"]
    assert not list((tmp_path / "out").glob(".*"))


def test_patients_on_both_sides_and_nothing_left(tmp_path: Path):
    with pytest.raises(DataError, match="patient p0 is in train and in test of toy"):
        Toy(tmp_path, patients=[f"p{i % 13}" for i in range(14)]).setup("fit")
    leaky = Toy(tmp_path, patients=[f"p{i % 13}" for i in range(14)])
    type(leaky).split_label = "legacy-leaky"
    leaky.setup("fit")
    type(leaky).split_label = "official"
    for index in range(14):
        (tmp_path / f"{index}.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"no train rows are left.*dropped 14: unreadable image"):
        Toy(tmp_path, on_unreadable="drop").setup("fit")


def test_a_fraction_that_takes_nobody_is_told_with_the_least_that_takes_one(tmp_path: Path):
    with pytest.raises(DataError, match="no train rows are left") as caught:
        Toy(tmp_path, train_fraction=1e-9).setup("fit")
    told = r"train_fraction 1e-09 takes none of 10 training patients: give ([\d.e-]+) or more"
    match = re.search(told, str(caught.value))
    assert match
    least = float(match[1])
    data = Toy(tmp_path, train_fraction=least)
    data.setup("fit")
    assert len(data.rows("train")) == 1
    with pytest.raises(DataError, match="takes none"):
        Toy(tmp_path, train_fraction=0.9 * least).setup("fit")


def test_train_fraction_takes_training_patients_only(tmp_path: Path):
    data = Toy(tmp_path, train_fraction=0.5)
    data.setup("fit")
    assert 0 < len(data.rows("train")) < 10
    assert len(data.rows("test")) == 2

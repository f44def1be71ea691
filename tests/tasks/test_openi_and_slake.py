"""What OpenI and Slake serve: the real commands on their look-alikes, with configs of other data sets."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from gkmvlp.app.cli import main
from gkmvlp.app.running.configs import by_name
from gkmvlp.data_modules import OpenI, Slake
from gkmvlp.data_modules.synthetic import chest_xray14, openi, slake
from gkmvlp.entities import of_label
from tests.tiny import options

SEED = 1


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lookalikes")
    openi.write(folder, 24, SEED, 32)
    slake.write(folder, 9, SEED, 32)
    chest_xray14.write(folder, 20, SEED, 32)
    return folder


def words(config: str, folder: Path, data: str, **arguments: Any) -> list[str]:
    """Words after fit or test: a config of the zoo with other data, shrunk."""
    told = yaml.safe_load(by_name(config).read_text())
    told["data"] = {"class_path": data, "init_args": {"augmentation_strength": 0.0, **arguments}}
    told["model"]["init_args"].pop("architecture", None)  # options name the tiny one
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "own.yaml").write_text(yaml.safe_dump(told))
    return [f"--config={folder / 'own.yaml'}", f"--trainer.default_root_dir={folder}", *options()]


def predictions(folder: Path, task: str) -> pd.DataFrame:
    return pd.read_parquet(folder / "predictions" / f"{task}.parquet")


@pytest.fixture(scope="module")
def trained(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pre-training on Open-i's look-alike."""
    out = tmp_path_factory.mktemp("trained") / "run"
    asked = words("pretrain-phantom", out, "OpenI", root=str(root))
    assert main(["fit", *asked]) == 0
    assert main(["test", *asked, f"--ckpt_path={out / 'checkpoints' / 'last.ckpt'}"]) == 0
    return out


def test_pretraining_scores_entities_by_the_labeler(root: Path, trained: Path):
    data = OpenI(str(root), num_workers=0)
    data.check()
    table = predictions(trained, "entity_classification")
    assert set(table["sample_id"]) == {row.sample_id for row in data.rows("test")}
    assert (trained / "backbone" / "config.json").is_file()


@pytest.mark.parametrize(
    ("config", "task"), [("report-phantom", "report_generation"), ("retrieval-phantom", "retrieval")]
)
def test_reports_and_retrieval(root: Path, trained: Path, tmp_path: Path, config: str, task: str):
    asked = words(config, tmp_path, "OpenI", root=str(root), sections="findings")
    asked += [f"--model.init_args.backbone={trained / 'backbone'}", "--model.init_args.architecture=null"]
    if config == "report-phantom":
        assert main(["fit", *asked]) == 0
        asked.append(f"--ckpt_path={tmp_path / 'checkpoints' / 'last.ckpt'}")
    assert main(["test", *asked]) == 0
    data = OpenI(str(root), sections="findings", num_workers=0)
    data.check()
    assert set(predictions(tmp_path, task)["sample_id"]) <= {row.sample_id for row in data.rows("test")}


def test_questions_in_both_languages(root: Path, trained: Path, tmp_path: Path):
    asked = words("vqa-phantom", tmp_path, "Slake", root=str(root), language="both", split="image-disjoint")
    asked += [f"--model.init_args.backbone={trained / 'backbone'}", "--model.init_args.architecture=null"]
    assert main(["fit", *asked]) == 0
    assert main(["test", *asked, f"--ckpt_path={tmp_path / 'checkpoints' / 'last.ckpt'}"]) == 0
    data = Slake(str(root), language="both", split="image-disjoint", num_workers=0)
    data.check()
    assert set(predictions(tmp_path, "vqa")["sample_id"]) == {row.sample_id for row in data.rows("test")}


def test_boxes_of_slake_are_pointed_at(root: Path, trained: Path, tmp_path: Path):
    place = {"root": str(root), "rows": "images", "split": "all-test", "nih_root": str(root)}
    asked = words("grounding-phantom", tmp_path, "Slake", **place)
    asked += [f"--model.init_args.backbone={trained / 'backbone'}", "--model.init_args.architecture=null"]
    assert main(["test", *asked]) == 0
    table = predictions(tmp_path, "grounding")
    data = Slake(**place, num_workers=0)
    data.check()
    pairs = {
        (row.sample_id, of_label(data.labels[index]).name)
        for row in data.samples
        for index in row.fields["finding"][row.finding_K4.any(1)]
    }
    assert {(row.sample_id, row.entity) for row in table.itertuples()} == {
        (name, entity) for name, entity in pairs if entity in set(table["entity"])
    }
    assert table["model"].nunique() == 2

"""ChestX-ray14 and the RSNA challenge over patient folds: every patient is tested once, by every arm."""

import json
from pathlib import Path

import pandas as pd
import pytest

from gkmvlp.app.cli import main
from gkmvlp.app.experiments import runs
from gkmvlp.app.experiments.real import chestxray14 as real_chestxray14
from gkmvlp.app.experiments.real import table_arms as arms
from gkmvlp.app.experiments.real.folds import FOLDS
from gkmvlp.app.running.run import model_overrides
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.data_modules import ChestXray14, RsnaPneumonia
from gkmvlp.data_modules.synthetic.lookalikes import write_lookalikes
from gkmvlp.metrics.results.metric_result import Results
from gkmvlp.metrics.results.predictions import read_predictions, write_predictions
from tests.app.small_models import build
from tests.app.toy import given_by


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root = tmp_path_factory.mktemp("folds")
    write_lookalikes(root, {"nih": 60, "rsna": 40}, 0, size=32, workers=1)
    return root


@pytest.fixture
def lightning(corpus, monkeypatch):
    """Lightning's runs are recorded; a test leaves rows of the fold's test images. No backbone has to be there."""
    ran: list[tuple[str, dict[str, str]]] = []

    def lightning(*words: str) -> None:
        given = given_by(words)
        ran.append((words[0], given))
        if words[0] != "test":
            return
        made_by = "scratch" if given["model.init_args.backbone"] == "null" else "pretrained"
        fold, folder = int(given["data.init_args.fold"]), Path(given["trainer.default_root_dir"]) / "predictions"
        shared = {"model": made_by, "seed": int(given["seed_everything"])}
        if "labels" in " ".join(given):
            labels = json.loads(given["data.init_args.labels"])
            rows = ChestXray14(str(corpus), labels=labels, fold=fold)
            rows.check()
            table = pd.DataFrame(
                {"sample_id": sample.sample_id, "patient_id": sample.patient_id, "entity": label, "score": 0.5,
                 **shared, "target": float(sample.fields["label"][place])}
                for sample in rows.rows("test") for place, label in enumerate(labels)
            )  # fmt: skip
            tasks = ["classification"] + ["zero_shot"] * (made_by == "pretrained")
        else:
            rows = RsnaPneumonia(str(corpus), fold=fold)
            rows.check()
            table = pd.DataFrame(
                {"sample_id": sample.sample_id, "patient_id": sample.patient_id, "entity": "Pneumonia", "lateral": True,
                 "x": 1.0, "y": 1.0, "boxes": [0.0, 0.0, 2.0, 2.0], **shared} for sample in rows.rows("test")
            )  # fmt: skip
            tasks = ["grounding"]
        for task in tasks:
            write_predictions(
                folder / f"{task}.parquet", table, {"task": task, "data": rows.name, "split": rows.split_name}
            )

    monkeypatch.setattr(runs, "run_in_process", lightning)
    monkeypatch.setattr(arms, "start_from", lambda backbone: model_overrides(backbone=backbone))
    monkeypatch.setattr(real_chestxray14, "FEWEST", 3)
    return ran


def test_every_patient_of_chestxray14_is_tested_once_by_every_arm(lightning, corpus, tmp_path):
    words = ["--root", str(corpus), "--arms", "phantom", "public_weights", "--jobs", "1", "--out", str(tmp_path / "o")]
    assert main(["experiment", "real", "chestxray14", *words, "--record", str(tmp_path)]) == 0
    assert [stage for stage, _ in lightning] == ["fit", "test"] * (2 * FOLDS)
    assert {given["trainer.max_epochs"] for _, given in lightning} == {"12"}  # of 3,000 steps for all of the release
    rows = ChestXray14(str(corpus))
    rows.check()
    predictions = tmp_path / "o" / "classification" / "predictions"
    for task, models in (("classification", {"phantom", "public_weights"}), ("zero_shot", {"phantom"})):
        table, _ = read_predictions(predictions / f"{task}.parquet")
        assert set(table["model"]) == models
        assert not table.duplicated(["model", "sample_id", "entity"]).any()
        assert set(table["sample_id"]) == {sample.sample_id for sample in rows.samples}
        assert table.groupby("patient_id")["fold"].nunique().max() == 1
    figures = Results.read(tmp_path / "chestxray14-classification.json").figures
    assert {figure.model for figure in figures if figure.task == "classification"} == {"phantom", "public_weights"}
    groups = json.loads((tmp_path / "chestxray14-groups.json").read_text())
    told = [dict(zip(groups["columns"], row, strict=True)) for row in groups["rows"]]
    one = [row for row in told if (row["figure"], row["model"], row["by"]) == ("auroc_macro", "phantom", "sex")]
    patients = {
        row["group"]: int(row["n (patients)"].split("(")[1].rstrip(")")) for row in one if "(" in row["n (patients)"]
    }
    assert set(patients) == {"F", "M"}
    assert sum(patients.values()) == len({sample.patient_id for sample in rows.samples})
    assert main(["experiment", "real", "chestxray14", *words]) == 0
    assert len(lightning) == 4 * FOLDS


def test_a_backbone_is_calibrated_on_the_other_folds(corpus, tmp_path):
    """No model is trained; every image is measured once, by the calibration of other patients, beside before."""
    words = ["--root", str(corpus), "--only", "calibration", "--out", str(tmp_path / "o"), "--record", str(tmp_path)]
    backbone, made = tmp_path / "backbone", build("phantom-mimic-cxr")
    made.info["patients"] = []  # it says that it saw none of these
    backbones.save(made, backbone)
    assert main(["experiment", "real", "chestxray14", *words, "--backbone", str(backbone), "--arms", "pretrained"]) == 0
    table, meta = read_predictions(tmp_path / "o" / "calibration" / "predictions" / "calibration.parquet")
    assert set(table["model"]) == {"pretrained", "baseline:uncalibrated"}
    assert table.groupby("patient_id")["fold"].nunique().max() == 1
    rows = ChestXray14(str(corpus))
    rows.check()
    assert set(table["sample_id"]) == {sample.sample_id for sample in rows.samples}
    assert meta["split"].startswith(f"{FOLDS}folds@")
    figures = Results.read(tmp_path / "chestxray14-calibration.json").figures
    assert {figure.name for figure in figures} == {"ece", "brier"}
    assert all("uncalibrated" in figure.baselines for figure in figures)


def test_pointing_on_the_challenge_is_made_by_test_alone(lightning, corpus, tmp_path):
    words = ["--root", str(corpus), "--arms", "phantom", "public_weights", "--out", str(tmp_path)]
    assert main(["experiment", "real", "rsna", *words, "--only", "grounding"]) == 0
    assert [stage for stage, _ in lightning] == ["test"] * (2 * FOLDS)
    table, meta = read_predictions(tmp_path / "grounding" / "predictions" / "grounding.parquet")
    assert set(table["model"]) == {"phantom", "public_weights"}
    assert meta["split"].startswith(f"{FOLDS}folds@")


def test_a_probe_stands_beside_the_backbone_alone():
    both = real_chestxray14.with_probe({"pretrained": {"a": 1}, "public_weights": {}})
    assert both["linear_probe"] == {"a": 1, "model.init_args.linear_probe": True}
    assert list(real_chestxray14.with_probe({"public_weights": {}})) == ["public_weights"]

"""``gkmvlp evaluate calibration``: probabilities before and after, of findings and of answers, and what it refuses."""

import numpy as np
import pandas as pd
import pytest
import torch

import gkmvlp
from gkmvlp.app.cli import main
from gkmvlp.data_modules.formats.chest_xray14 import LABELS
from gkmvlp.data_modules.synthetic import chest_xray14
from gkmvlp.metrics.results.metric_result import Results
from tests.app.small_models import write_answering, write_labelling

PLAIN = ("--num_workers", "0", "--device", "cpu")
NIH, VQA = ("--data", "ChestXray14", *PLAIN), ("--data", "VqaRad", *PLAIN)


@pytest.fixture(scope="module")
def models(tmp_path_factory, phantoms):
    """Two models whose weights nobody trained, calibrated on a part of their data."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("evaluate")
    chest_xray14.write(folder / "nih", 160, 0, size=32, workers=1)
    chest_xray14.write(folder / "other", 60, 1, size=32, workers=1)
    write_labelling(folder / "labels", LABELS)
    write_answering(folder / "answers", "classify")
    write_labelling(folder / "plain", LABELS)
    assert main(["calibrate", str(folder / "labels"), "--root", str(folder / "nih"), *NIH]) == 0
    assert main(["calibrate", str(folder / "answers"), "--root", str(phantoms), *VQA, "--split", "all"]) == 0
    return folder


def evaluate(out, model, root, *words):
    given = ["evaluate", "calibration", "--model", model, "--root", root, "--out", out, *words]
    return main([str(word) for word in given])


def test_findings_of_other_phantoms(models, tmp_path):
    record = tmp_path / "recorded"
    words = (*NIH, "--split", "all", "--record", record, "--record-as", "mine")
    assert evaluate(tmp_path / "out", models / "labels", models / "other", *words) == 0
    table = pd.read_parquet(tmp_path / "out" / "predictions" / "labels.parquet")
    after, before = (table[table["model"] == name] for name in ("variant:labels", "baseline:uncalibrated"))
    maps = gkmvlp.load(models / "labels", device="cpu").calibration.of("labels")
    assert len(after) == len(before) == len(LABELS) * after["sample_id"].nunique()
    odds_N = np.log(before["score"] / (1 - before["score"])).to_numpy()
    expected = [float(maps[name].map(odds)) for name, odds in zip(before["entity"], odds_N, strict=True)]
    assert after["score"].to_numpy() == pytest.approx(np.array(expected), abs=1e-6)
    figures = {(f.name, f.label): f for f in Results.read(record / "mine.json").figures}
    assert figures["ece", "all"].split.startswith("all sides of official@")
    # the Brier score by its definition
    assert figures["brier", "all"].value == pytest.approx(((after["score"] - after["target"]) ** 2).mean(), abs=1e-6)
    assert "tmp" not in (record / "mine.json").read_text()
    assert (tmp_path / "out" / "report.html").is_file()


def test_how_sure_answers_are(models, phantoms, tmp_path):
    """By a split whose images lie in one side each: by the official one, they lie in several."""
    assert evaluate(tmp_path / "out", models / "answers", phantoms, "--data", "vqa-phantom", *PLAIN) == 0
    table = pd.read_parquet(tmp_path / "out" / "predictions" / "answers.parquet")
    after, before = (table[table["model"] == name] for name in ("variant:answers", "baseline:uncalibrated"))
    predictor = gkmvlp.load(models / "answers", device="cpu")
    assert set(table["entity"]) == {"answer"}
    assert set(table["target"]) <= {0.0, 1.0}
    assert (after["target"].to_numpy() == before["target"].to_numpy()).all()
    known = len(predictor.head.answers)
    assert before["score"].between(1 / known, 1).all()  # the best of K probabilities is never below 1 / K
    # a temperature above 1 makes every answer less sure, one below 1 surer
    warmer = (after["score"].to_numpy() - before["score"].to_numpy()) * np.sign(1 - predictor.temperature)
    assert (warmer >= -1e-6).all()


@pytest.mark.parametrize(
    ("model", "root", "words", "line"),
    [
        ("plain", "other", (*NIH, "--split", "all"), "this model is not calibrated"),
        ("answers", "PHANTOMS", (*VQA, "--split", "all"), "was calibrated on a part of these rows"),
        ("labels", "nih", (*NIH, "--split", "all"), "was calibrated on a part of these rows"),
        ("answers", "PHANTOMS", VQA, "patients of official lie in several splits"),
    ],
)
def test_what_cannot_be_measured_is_one_line(models, phantoms, tmp_path, capsys, model, root, words, line):
    root = phantoms if root == "PHANTOMS" else models / root
    assert evaluate(tmp_path / "out", models / model, root, *words) == 1
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1


def test_two_models_of_one_name_are_refused(models, tmp_path, capsys):
    words = ["--model", str(models / "labels"), str(models / "labels"), "--root", str(models / "nih")]
    assert main(["evaluate", "calibration", *words, "--out", str(tmp_path), *NIH]) == 2
    assert "a second model called labels" in capsys.readouterr().err

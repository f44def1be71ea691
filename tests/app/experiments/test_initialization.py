"""From a backbone and from scratch, compared: every arm with every seed once, figures beside each other."""

import json

import pandas as pd
import pytest

from gkmvlp.app.cli import main
from gkmvlp.app.experiments import classification, conditions, initialization
from gkmvlp.app.running import outcome
from gkmvlp.metrics.results.predictions import read_predictions, write_predictions
from tests.app.toy import given_by
from tests.metrics.corpora import META, entity_table

STRENGTH = {"public_weights": 0.3, "pretrained": 1.5, "variant:linear_probe": 1.0}


@pytest.fixture
def ran(monkeypatch):
    """Runs are recorded; each leaves predictions that depend on its arm."""
    calls = []

    def fit_and_test(run):
        given = given_by(run.words("fit"))
        calls.append((run.config, run.folder.name, given))
        model = "scratch" if given["model.init_args.backbone"] == "null" else "pretrained"
        model = "variant:linear_probe" if "model.init_args.linear_probe" in given else model
        strength = STRENGTH["public_weights" if model == "scratch" else model]  # a task knows of a backbone or none
        table = entity_table(seeds=(int(given["seed_everything"]),), models={model: strength})
        table["score"] = 1 / (1 + 2.7 ** -table["score"])
        share = float(given["data.init_args.train_fraction"])
        for task in ("classification", "zero_shot"):
            meta = {**META, "task": task, "label_fraction": share}
            write_predictions(run.folder / "predictions" / f"{task}.parquet", table, meta)

    for module in (conditions, classification):
        monkeypatch.setattr(module, "fit_and_test", fit_and_test)
    monkeypatch.setattr(initialization, "runs_at_once", lambda: 1)
    monkeypatch.setattr(outcome, "write_run_page", lambda out, found, groups: out / "report.html")
    return calls


def test_classification_at_two_shares_is_compared_and_recorded(ran, tmp_path, capsys):
    words = ["--root", __file__, "--backbone", "b", "--seeds", "0", "1", "--train-fractions", "0.1", "1", "--set=x=1"]
    places = ["--out", str(tmp_path / "o"), "--record", str(tmp_path / "r")]
    assert main(["experiment", "initialization", "classification", *words, *places]) == 0
    assert len(ran) == 3 * 2 * 2
    assert all(given["data.init_args.root"] == __file__ and given["x"] == "1" for _, _, given in ran)
    assert {config.rpartition("/")[2] for config, _, _ in ran} == {"classification-nih.yaml"}
    figures = json.loads((tmp_path / "r" / "classification.json").read_text())["figures"]
    main_ones = {
        (row["label_fraction"], row["model"]): row
        for row in figures
        if row["name"] == "auroc_macro" and row["label"] is None
    }
    assert set(main_ones) == {(share, model) for share in (0.1, 1.0) for model in STRENGTH}
    pretrained, public = main_ones[0.1, "pretrained"], main_ones[0.1, "public_weights"]  # what the config starts from
    assert (pretrained["seeds"], pretrained["predictions"]) == (2, None)
    gap = pretrained["difference"]["public_weights"]["value"]
    assert gap == pytest.approx(pretrained["value"] - public["value"])
    assert main(["experiment", "initialization", "classification", *words, *places]) == 0
    assert len(ran) == 3 * 2 * 2


def test_merged_rows_keep_what_was_noted_of_any(tmp_path):
    row = {
        "sample_id": "a",
        "patient_id": "1",
        "study_id": "s",
        "target": "",
        "prediction": "",
        "score": 0.0,
        "seed": 0,
    }
    notes = {"scratch": None, "pretrained": "seen before", "frozen": "seen before"}
    for model, note in notes.items():
        trained = "d" if model == "scratch" else "real, d"
        meta = {"task": "report_generation", "data": "d", "split": "s", "note": note, "trained_on": trained}
        write_predictions(tmp_path / f"{model}.parquet", pd.DataFrame([{**row, "model": model}]), meta)
    conditions.merge([tmp_path / f"{model}.parquet" for model in notes], tmp_path / "all.parquet")
    table, meta = read_predictions(tmp_path / "all.parquet")
    assert set(table["model"]) == set(notes)
    assert (meta["note"], meta["trained_on"]) == ("seen before", "d, real")


def test_answers_are_compared_with_those_of_a_model_that_sees_no_image():
    both = initialization.conditions_of("vqa", "b", "scratch")
    assert list(both) == ["scratch", "pretrained", "question_only"]
    assert both["question_only"] == {**both["pretrained"], "model.init_args.question_only": True}
    classes = initialization.conditions_of("image_text", "b", "scratch")
    assert list(classes) == ["scratch", "pretrained", "text_only"]
    assert classes["text_only"] == {**both["pretrained"], "model.init_args.text_only": True}
    assert list(initialization.conditions_of("report", "b", "scratch")) == ["scratch", "pretrained"]
    assert list(initialization.conditions_of("regions", "b", "scratch")) == ["scratch", "pretrained", "frozen"]

"""A miniature demo: every stage through the real command, its results repeated from its predictions."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from gkmvlp.app.cli import main
from gkmvlp.app.experiments import demo as demo_module
from gkmvlp.app.running.planted_truth import CELLS, best_cells
from gkmvlp.geometry import Letterbox
from gkmvlp.metrics.results.metric_result import FIELDS
from gkmvlp.metrics.results.predictions import read_predictions
from tests.tiny import options

TASKS = ("entity_classification", "zero_shot", "grounding", "vqa")


@pytest.fixture
def quiet(monkeypatch):
    """No progress bars, which the demo asks for, and no trace of that in the environment of later tests."""
    monkeypatch.setenv("GKMVLP_PROGRESS", "0")


@pytest.fixture
def demo(quiet, tmp_path, monkeypatch):
    """The folder of a demo on 24 patients at 64 px, its runs one after the other: a process of its own loads torch."""
    monkeypatch.setattr(demo_module, "runs_at_once", lambda: 1)
    out = tmp_path / "out"
    shrunk = [*options(), "--trainer.callbacks=null"]
    stages = [f"--set={stage}:{option.removeprefix('--')}" for stage in ("pretrain", "vqa") for option in shrunk]
    few = ["--patients", "24", "--vqa-images", "10", "--seed", "0"]  # of this seed a test patient has findings
    assert main(["demo", "--out", str(out), *few, *stages]) == 0
    return out


def figures_printed(file, capsys):
    capsys.readouterr()
    assert main(["evaluate", str(file), "--json"]) == 0
    return json.loads(capsys.readouterr().out)["figures"]


def nearly(a, b):
    """Equal, numbers to 1e-9."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(nearly(a[key], b[key]) for key in a)
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) <= 1e-9
    return a == b


def test_a_miniature_demo(demo, capsys):
    """One test: the demo takes seconds, and each worker that holds a part of its tests would make its own."""
    evaluate_repeats_it(demo, capsys)
    its_page_stands_alone(demo)
    its_entities_are_scored_on_what_was_planted(demo)


def evaluate_repeats_it(demo, capsys):
    results = json.loads((demo / "results.json").read_text())
    assert set(results) == {"schema", "created", "command", "commit", "seconds", "peak_rss_bytes", "figures"}
    assert results["schema"] == 1
    assert results["seconds"] > 0
    assert results["peak_rss_bytes"] > 10**8
    told = results["figures"]
    assert {figure["task"] for figure in told} == set(TASKS)
    assert all(set(figure) == set(FIELDS) for figure in told)
    again = [figure for task in TASKS for figure in figures_printed(demo / "predictions" / f"{task}.parquet", capsys)]
    assert len(again) == len(told)
    for old, new in zip(told, again, strict=True):
        assert (demo / old["predictions"]).is_file()
        assert {**new, "predictions": ""}.keys() == old.keys()
        assert nearly({**old, "predictions": ""}, {**new, "predictions": ""})
    for figure in told:
        for number in (figure["value"], figure["low"], figure["high"]):
            assert number is None or 0 <= number <= 1
        assert figure["value"] is not None or figure["note"]
    (overall,) = (f for f in told if (f["name"], f["label"], f["model"]) == ("accuracy_overall", None, "pretrained"))
    assert {"majority", "question_only"} <= set(overall["baselines"])
    assert {"majority", "question_only", "scratch"} <= set(overall["difference"])


def its_page_stands_alone(demo):
    page = (demo / "report.html").read_text()
    assert not re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', page)
    assert "url(http" not in page
    assert 'src="data:image/png;base64,' in page
    assert "never saw a patient" in page
    for section in ("Overview", "Pre-training", "Zero-shot", "Questions"):
        assert section in page


def its_entities_are_scored_on_what_was_planted(demo):
    """Every figure of the demo from plain loops over ``_truth`` and the model's points."""
    findings, images = (
        pd.read_parquet(demo / "data" / "_truth" / f"{name}.parquet") for name in ("findings", "images")
    )
    planted = {(row.sample_id, row.entity) for row in findings.itertuples()}
    for task in ("entity_classification", "zero_shot"):
        table, meta = read_predictions(demo / "predictions" / f"{task}.parquet")
        assert meta["note"] == "scored on planted findings"
        assert [(row.sample_id, row.entity) in planted for row in table.itertuples()] == table["target"].astype(
            bool
        ).tolist()
    table, _ = read_predictions(demo / "predictions" / "grounding.parquet")
    model, baseline = (table[table["model"].eq(name)] for name in ("pretrained", "baseline:prior_box"))
    test = set(images.loc[images["split"].eq("test"), "sample_id"])
    entities = set(read_predictions(demo / "predictions" / "zero_shot.parquet")[0]["entity"])
    trials = {key for key in planted if key[0] in test and key[1] in entities}
    assert {(row.sample_id, row.entity) for row in model.itertuples()} == trials
    assert len(model) == len(baseline) == len(trials)
    size = images.set_index("sample_id")[["width", "height"]]
    for rows in (model, baseline):
        for row in rows.itertuples():
            boxes = findings[findings["sample_id"].eq(row.sample_id) & findings["entity"].eq(row.entity)]
            assert np.array(row.boxes).tolist() == boxes[["x1", "y1", "x2", "y2"]].to_numpy(float).ravel().tolist()
            assert 0 <= row.x <= size.loc[row.sample_id, "width"]
            assert 0 <= row.y <= size.loc[row.sample_id, "height"]
    results = json.loads((demo / "results.json").read_text())["figures"]
    (figure,) = (f for f in results if (f["task"], f["label"]) == ("grounding", "all"))
    for rows, value in ((model, figure["value"]), (baseline, figure["baselines"]["prior_box"]["value"])):
        assert value == pytest.approx(
            np.mean(
                [any(inside(row.x, row.y, box) for box in np.reshape(row.boxes, (-1, 4))) for row in rows.itertuples()]
            )
        )


def inside(x, y, box):
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def test_the_best_fixed_cell_is_that_of_a_plain_search():
    rng = np.random.default_rng(0)
    images = pd.DataFrame(
        {"sample_id": [f"i{n}" for n in range(12)], "width": 100, "height": rng.integers(60, 140, 12)}
    )
    low = rng.uniform(0, 50, (30, 2))
    findings = pd.DataFrame(
        {"sample_id": rng.choice(images["sample_id"], 30), "entity": rng.choice(["mass", "nodule"], 30)}
        | dict(
            zip(("x1", "y1", "x2", "y2"), np.concatenate([low, low + rng.uniform(5, 30, (30, 2))], 1).T, strict=True)
        )
    )
    found = best_cells(findings, images)
    frames = {row.sample_id: Letterbox.fit(row.width, row.height, CELLS) for row in images.itertuples()}
    for name in ("mass", "nodule"):
        rows = list(findings[findings["entity"].eq(name)].itertuples())
        hits = {}
        for x in range(CELLS):
            for y in range(CELLS):
                hit = set()
                for row in rows:
                    frame = frames[row.sample_id]
                    px, py = (x + 0.5 - frame.left) / frame.scale_x, (y + 0.5 - frame.top) / frame.scale_y
                    if inside(px, py, (row.x1, row.y1, row.x2, row.y2)):
                        hit.add(row.sample_id)
                hits[x, y] = len(hit)
        chosen = tuple(int(c * CELLS) for c in found[name])
        assert hits[chosen] == max(hits.values()) > 1


def test_wrong_options_of_a_stage_are_one_line(quiet, tmp_path, capsys):
    """An option that no config has stops the demo before anything is fitted."""
    line = [
        "demo",
        "--out",
        str(tmp_path / "out"),
        "--patients",
        "8",
        "--vqa-images",
        "2",
        "--set=pretrain:trainer.max_epoch=1",
    ]
    assert main(line) == 2
    assert "did you mean --trainer.max_epochs?" in capsys.readouterr().err.splitlines()[-1]

"""A backbone with detected regions beside the atlas: what it reads and what it learns, with paired differences."""

from pathlib import Path

import pytest

from gkmvlp.app.experiments import conditions, region_boxes, runs
from gkmvlp.app.running.run import model_overrides
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.predictions import write_predictions
from tests.app.toy import given_by
from tests.metrics.corpora import META, entity_table, grounding_table, vqa_table

SHIFT = {"atlas": 0.0, "detected": 0.7}


def _leave(folder, task, table, boxes):
    write_predictions(Path(folder) / "predictions" / f"{task}.parquet", table, {**META, "task": task, "boxes": boxes})


@pytest.fixture
def ran(monkeypatch):
    """What was called; a run leaves predictions that depend on the boxes it read."""
    calls = []

    def lightning(*words):
        given = given_by(words)
        calls.append(given)
        folder, boxes = given["trainer.default_root_dir"], given["data.init_args.region_boxes"]
        entities = entity_table(seeds=(0,), models={"pretrained": 0.5, "baseline:prior": 0.2})
        entities["score"] += SHIFT[boxes] * entities["target"] * entities["model"].eq("pretrained")
        _leave(folder, "entity_classification", entities, boxes)
        _leave(folder, "grounding", grounding_table(), boxes)

    def fit_and_test(run):
        given, folder = given_by(run.words("fit")), run.folder
        calls.append(given)
        boxes, seed = given["data.init_args.region_boxes"], int(given["seed_everything"])
        table = vqa_table(seeds=(seed,))
        table = table[table["model"].ne("scratch")]
        if boxes == "detected":  # every second question of the model is answered rightly
            better = table["model"].eq("pretrained") & (table.index % 2 == 0)
            table.loc[better, "prediction"] = table.loc[better, "target"]
        _leave(folder, Path(folder).parent.name, table, boxes)

    monkeypatch.setattr(runs, "run_in_process", lightning)
    monkeypatch.setattr(region_boxes, "start_from", lambda backbone: model_overrides(backbone=backbone))
    monkeypatch.setattr(conditions, "fit_and_test", fit_and_test)
    monkeypatch.setattr(region_boxes, "LEARNERS", {"vqa": region_boxes.LEARNERS["vqa"]})
    monkeypatch.setattr(region_boxes, "gkmvlp", lambda *words: calls.append(words))
    monkeypatch.setattr(region_boxes, "score_on_truth", lambda predictions, root: None)
    return calls


@pytest.fixture
def files(ran, tmp_path):
    """The files of one comparison with two seeds, by task."""
    found = region_boxes.compare_boxes(tmp_path, "backbone", Path("data"), tmp_path / "model", [0, 1], {})
    return {file.stem: file for file in found}


def test_one_backbone_meets_either_boxes(ran, files, tmp_path):
    *finds, atlas, detected = ran[:4]
    assert [words[:3] for words in finds] == [("data", "regions", "MimicCxr"), ("data", "regions", "VqaRad")]
    assert all(str(tmp_path / "model") in words for words in finds)
    assert "data.init_args.detected_regions_file" not in atlas
    assert detected["data.init_args.detected_regions_file"] == finds[0][-1]
    learned = ran[4:]
    assert [(run["data.init_args.region_boxes"], run["seed_everything"]) for run in learned] == [
        ("atlas", "0"), ("atlas", "1"), ("detected", "0"), ("detected", "1"),
    ]  # fmt: skip
    assert {run.get("data.init_args.detected_regions_file") for run in learned} == {None, finds[1][-1]}
    assert {run["model.init_args.backbone"] for run in (atlas, detected, *learned)} == {"backbone"}


@pytest.mark.parametrize(
    ("task", "name", "least"),
    [("entity_classification", "entity_auroc_macro", 0.05), ("vqa", "accuracy_overall", 0.05)],
)
def test_both_boxes_stand_in_one_file_with_their_difference(files, task, name, least):
    found = {row.model: row for row in figures_of(files[task]) if (row.name, row.label) == (name, None)}
    assert set(found) == {"pretrained", "variant:detected_boxes"}
    gap = found["variant:detected_boxes"].difference["pretrained"]["value"]
    assert gap == pytest.approx(found["variant:detected_boxes"].value - found["pretrained"].value)
    assert gap > least
    assert "pretrained" not in found["pretrained"].difference
    assert {row.boxes for row in found.values()} == {None}


def test_every_reader_and_learner_has_a_file(files):
    assert list(files) == [*region_boxes.READERS, "vqa"]

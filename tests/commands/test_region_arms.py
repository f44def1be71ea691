"""The backbone with detected regions beside the atlas: one file, a paired difference."""

import pytest

from gkmvlp.commands import _region_arms
from gkmvlp.metrics.evaluate import figures_of
from gkmvlp.metrics.predictions import write_predictions
from tests.metrics.corpora import META, entity_table, grounding_table

SHIFT = {"atlas": 0.0, "detected": 0.7}


@pytest.fixture
def ran(monkeypatch):
    """What was called; a test leaves predictions that depend on the boxes it read."""
    calls = []

    def lightning(*words):
        given = dict(word.removeprefix("--").split("=", 1) for word in words if "=" in word)
        calls.append(given)
        folder, boxes = given["trainer.default_root_dir"], given["data.init_args.boxes"]
        entities = entity_table(seeds=(0,), models={"pretrained": 0.5, "floor:prior": 0.2})
        entities["score"] += SHIFT[boxes] * entities["target"] * entities["model"].eq("pretrained")
        for task, table in (("entity_classification", entities), ("grounding", grounding_table())):
            path = _region_arms.Path(folder) / "predictions" / f"{task}.parquet"
            write_predictions(path, table, {**META, "task": task, "boxes": boxes})

    monkeypatch.setattr(_region_arms, "lightning", lightning)
    monkeypatch.setattr(_region_arms, "gkmvlp", lambda *words: calls.append(words))
    monkeypatch.setattr(_region_arms, "score_on_truth", lambda predictions, root: None)
    return calls


def test_both_boxes_stand_in_one_file_with_their_difference(ran, tmp_path):
    files = _region_arms.read_with_both(tmp_path, "backbone", _region_arms.Path("data"), tmp_path / "model")
    detect, atlas, detected = ran
    assert detect[:2] == ("data", "regions")
    assert str(tmp_path / "model") in detect
    assert "data.init_args.region_file" not in atlas
    assert detected["data.init_args.region_file"] == detect[-1]
    assert {given["model.init_args.backbone"] for given in (atlas, detected)} == {"backbone"}
    assert [file.stem for file in files] == list(_region_arms.READERS)
    found = {row.model: row for row in figures_of(files[0]) if (row.name, row.label) == ("entity_auroc_macro", None)}
    assert set(found) == {"pretrained", "variant:detected_boxes"}
    gap = found["variant:detected_boxes"].difference["pretrained"]["value"]
    assert gap == pytest.approx(found["variant:detected_boxes"].value - found["pretrained"].value)
    assert gap > 0.05
    assert "pretrained" not in found["pretrained"].difference
    assert {row.boxes for row in found.values()} == {None}

"""Entity predictions of phantoms are scored on what was planted, whatever else a system predicts."""

import pandas as pd

from gkmvlp.app.running.planted_truth import score_on_truth
from gkmvlp.metrics.results.predictions import read_predictions, write_predictions
from tests.metrics.corpora import META, entity_table


def test_a_system_that_compares_with_no_sentence_and_points_nowhere_is_scored_too(tmp_path):
    (tmp_path / "_truth").mkdir()
    box = {"x1": 0.0, "y1": 0.0, "x2": 1.0, "y2": 1.0}
    planted = pd.DataFrame(
        [{"sample_id": "i0", "entity": "mass", **box}, {"sample_id": "i3", "entity": "edema", **box}]
    )
    planted.to_parquet(tmp_path / "_truth" / "findings.parquet")
    planted[["sample_id"]].to_parquet(tmp_path / "_truth" / "images.parquet")
    file = tmp_path / "predictions" / "entity_classification.parquet"
    table = entity_table(patients=2, seeds=(0,), models={"pretrained": 1.0})
    write_predictions(file, table, {**META, "task": "entity_classification"})
    score_on_truth(file.parent, tmp_path)
    scored, meta = read_predictions(file)
    present = scored[scored["target"].eq(1.0)]
    assert list(zip(present["sample_id"], present["entity"], strict=True)) == [("i0", "mass"), ("i3", "edema")]
    assert set(scored["target"]) == {0.0, 1.0}
    assert meta["note"] == "scored on planted findings"
    assert [path.name for path in file.parent.iterdir()] == [file.name]

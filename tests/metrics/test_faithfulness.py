"""Figures of hidden findings and swapped sides from a file, against counts by hand."""

import numpy as np
import pandas as pd
import pytest

from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.predictions import write_predictions
from gkmvlp.metrics.results.tables import is_headline
from gkmvlp.metrics.tasks.faithfulness import VARIANTS, label_of
from tests.metrics.corpora import META


def figures(tmp_path, task, rows):
    path = tmp_path / f"{task}.parquet"
    write_predictions(path, pd.DataFrame(rows), {**META, "task": task, "signature": {"fill": "mean"}})
    return {(f.name, f.label): f for f in figures_of(path)}


def drop_rows():
    """Two patients; of the second the random region is worth more than the finding."""
    values = {  # patient, entity, output, region: whole, finding hidden, random hidden
        ("a", "mass", "logit", "boxes"): (3.0, 1.0, 2.5),
        ("a", "edema", "logit", "boxes"): (1.0, 0.0, 1.0),
        ("b", "mass", "logit", "boxes"): (2.0, 2.0, 1.0),
        ("a", "mass", "sentence", "boxes"): (-4.0, -6.0, -4.0),
        ("a", "mass", "logit", "attended"): (3.0, 2.0, 3.0),
    }
    rows = []
    for (patient, entity, output, region), (whole, *hidden) in values.items():
        unit = {"sample_id": patient, "patient_id": patient, "entity": entity, "output": output, "region": region}
        for model, value in zip(("pretrained", "baseline:random_region"), hidden, strict=True):
            rows.append({**unit, "seed": 0, "model": model, "whole": whole, "hidden": value})
    return rows


def test_drops_are_means_over_trials_beside_the_random_region(tmp_path):
    found = figures(tmp_path, "faithfulness", drop_rows())
    main = found["counterfactual_drop", None]
    assert main.value == pytest.approx((2 + 1 + 0) / 3)
    assert main.baselines["random_region"]["value"] == pytest.approx((0.5 + 0 + 1) / 3)
    assert main.difference["random_region"]["value"] == pytest.approx(0.5)
    assert (main.n, main.n_patients) == (3, 2)
    assert found["counterfactual_drop", "mass"].value == pytest.approx(1)
    assert found["counterfactual_drop", "edema"].value == pytest.approx(1)
    assert found["counterfactual_drop", "sentence"].value == pytest.approx(2)
    assert found["counterfactual_drop", "attended"].value == pytest.approx(1)
    assert "region:box of the highest attention" in found["counterfactual_drop", "attended"].signature
    assert "output:log odds of the finding" in main.signature
    assert {label for _, label in found if is_headline(found["counterfactual_drop", label])} == {
        None, "sentence", "attended"
    }  # fmt: skip


def test_labels_name_output_and_region():
    assert label_of("logit", "boxes") is None
    assert label_of("answer", "attended") == "answer attended"
    assert "answer attended" in VARIANTS


def test_sides_are_counted_and_a_model_with_a_favourite_side_follows_nothing(tmp_path):
    margins = {"a": (1.0, 2.0), "b": (1.0, -1.0), "c": (-2.0, 0.5), "d": (0.0, 3.0)}
    rows = [
        {"sample_id": name, "patient_id": name, "model": "pretrained", "seed": 0, "entity": "mass", "side": "right",
         "output": "sentence", "margin": margin, "mirrored": mirrored}
        for name, (margin, mirrored) in margins.items()
    ]  # fmt: skip
    found = figures(tmp_path, "laterality", rows)
    assert found["side_original", "sentence"].value == pytest.approx((1 + 1 + 0 + 0.5) / 4)
    assert found["side_mirrored", "sentence"].value == pytest.approx(3 / 4)
    assert found["side_followed", "sentence"].value == pytest.approx(1 / 4)
    assert found["side_followed", "sentence"].baselines["random"]["value"] == 0.25
    always_right = [{**row, "margin": 1.0, "mirrored": -1.0} for row in rows]
    assert figures(tmp_path, "laterality", always_right)["side_followed", "sentence"].value == 0


def test_trials_of_one_patient_are_drawn_together(tmp_path):
    rows = [row for row in drop_rows() if row["output"] == "logit" and row["region"] == "boxes"]
    many = [{**row, "sample_id": f"{row['sample_id']}{n}"} for row in rows for n in range(5)]
    one, five = (figures(tmp_path, "faithfulness", each)["counterfactual_drop", None] for each in (rows, many))
    assert np.allclose([one.low, one.high], [five.low, five.high])

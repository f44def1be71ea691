"""Figures of grounding from points, top boxes and ratios in a file, against plain loops; files of points alone."""

import numpy as np
import pandas as pd
import pytest
from torch import tensor
from torchvision.ops import box_iou

from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.predictions import write_predictions
from gkmvlp.metrics.tasks.grounding import iou
from tests.metrics.corpora import META, grounding_table


def figures(tmp_path, table):
    path = tmp_path / "grounding.parquet"
    write_predictions(path, table, {**META, "task": "grounding", "signature": {"layers": "last"}})
    return {(f.name, f.label): f for f in figures_of(path)}


def full_table():
    """``grounding_table`` with top boxes and ratios; one trial without either."""
    table = grounding_table().reset_index(drop=True)
    top = [[0, 0, 10, 5], [14, 4, 16, 8], [], [20, 20, 30, 30], [0, 0, 1, 1]]
    ratio = [1.5, -0.5, np.nan, 0.25, 9.0]
    is_baseline = table["model"].str.startswith("baseline:")
    table["top_box"] = [[float(x) for x in top[n % 5]] for n in range(len(table))]
    table["cnr"] = [0.1 if baseline else ratio[n % 5] for n, baseline in enumerate(is_baseline)]
    return table


def test_iou_is_that_of_torchvision():
    generator = np.random.default_rng(0)
    low = generator.uniform(0, 8, (6, 2))
    boxes = np.concatenate([low, low + generator.uniform(0.5, 6, (6, 2))], 1)
    for box in boxes:
        assert np.allclose(iou(box, boxes), box_iou(tensor(box[None]), tensor(boxes))[0].numpy(), atol=1e-12)
    empty = np.array([3.0, 3.0, 3.0, 3.0])
    assert iou(empty, empty[None]).tolist() == [0.0]


def test_top_box_counts_its_best_iou_and_a_missing_one_is_zero(tmp_path):
    found = figures(tmp_path, full_table())
    # 10 x 5 in 10 x 10; 2 x 2 of 2 x 4 and the second box; none
    assert found["iou_top_box", None].value == pytest.approx((0.5 + 4 / 8 + 0) / 3)
    assert found["iou_top_box", "edema"].value == 0
    assert found["iou_top_box", "all"].n == 4
    assert "without a top box, counted as 0: 1" in found["iou_top_box", None].note
    assert "iou:best of the boxes" in found["iou_top_box", None].signature


def test_ratio_is_the_signed_mean_of_what_is_known(tmp_path):
    found = figures(tmp_path, full_table())
    assert found["cnr", None].value == pytest.approx((1.5 - 0.5) / 2)
    assert found["cnr", None].n == 2
    assert found["cnr", "all"].value == pytest.approx((1.5 - 0.5 + 0.25) / 3)
    assert "without a ratio, left out: 1" in found["cnr", None].note
    assert found["cnr", None].baselines["prior_box"]["value"] == pytest.approx(0.1)


def test_files_of_points_alone_have_the_pointing_game_alone(tmp_path):
    old, new = figures(tmp_path, grounding_table()), figures(tmp_path, full_table())
    assert {name for name, _ in old} == {"pointing_game"}
    assert {name for name, _ in new} == {"pointing_game", "iou_top_box", "cnr"}
    for key, figure in old.items():
        assert (figure.value, figure.n, figure.signature, figure.note) == (
            new[key].value, new[key].n, new[key].signature, new[key].note
        )  # fmt: skip


def test_no_trial_is_null_and_said(tmp_path):
    table = full_table().iloc[4:5]
    found = figures(tmp_path, table)
    assert {name for name, _ in found} == {"pointing_game", "iou_top_box", "cnr"}
    assert all(figure.value is None for figure in found.values())
    assert "no trial of a lateralised entity" in found["cnr", None].note
    assert "no row has a box" in found["iou_top_box", "all"].note


def test_patients_are_resampled_not_trials(tmp_path):
    """One patient with many trials, all hits: half of the resamples of two patients hold both or the other."""
    rows = [("a", "p0", 1.0)] * 9 + [("b", "p1", 0.0)]
    table = pd.DataFrame(
        [
            {"sample_id": f"{name}{n}", "patient_id": patient, "model": "pretrained", "seed": 0, "entity": "mass",
             "lateral": True, "x": 0.0, "y": 0.0, "boxes": [0.0, 0.0, 1.0, 1.0], "top_box": [], "cnr": ratio}
            for n, (name, patient, ratio) in enumerate(rows)
        ]
    )  # fmt: skip
    figure = figures(tmp_path, table)["cnr", None]
    assert (figure.value, figure.low, figure.high) == (0.9, 0.0, 1.0)

"""Figures before and after calibration against loops and other libraries."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss

from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.predictions import write_predictions
from tests.metrics.corpora import META

LABELS = ("Effusion", "Mass", "Hernia")  # Hernia is always absent


def table_of(images=120):
    """Two images a patient; before, log odds are doubled; one target of Mass is unknown."""
    generator = np.random.default_rng(0)
    rows = []
    for label in LABELS:
        odds = generator.normal(size=images) - 0.5
        target = (generator.random(images) < 1 / (1 + np.exp(-odds))).astype(float)
        if label == "Hernia":
            target[:] = 0
        if label == "Mass":
            target[3] = np.nan
        for model, factor in {"pretrained": 1.0, "baseline:uncalibrated": 3.0}.items():
            score = 1 / (1 + np.exp(-factor * odds))
            rows += [(f"i{i}", f"p{i // 2}", model, 0, label, target[i], score[i]) for i in range(images)]
    return pd.DataFrame(rows, columns=["sample_id", "patient_id", "model", "seed", "entity", "target", "score"])


def naive_ece(score, target, bins=15):
    """A loop over bins of equal width."""
    total = 0.0
    for b in range(bins):
        inside = [i for i, p in enumerate(score) if b / bins <= p < (b + 1) / bins or (b == bins - 1 and p == 1)]
        if inside:
            total += abs(sum(score[i] for i in inside) - sum(target[i] for i in inside))
    return total / len(score)


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    path = tmp_path_factory.mktemp("figures") / "calibration.parquet"
    write_predictions(path, table_of(), {**META, "task": "calibration"})
    return {(figure.name, figure.label): figure for figure in figures_of(path)}


def outside(name, rows):
    rows = rows[rows["target"].notna()]
    score, target = rows["score"].to_numpy(), rows["target"].to_numpy()
    return naive_ece(score, target) if name == "ece" else brier_score_loss(target, score)


@pytest.mark.parametrize("name", ["ece", "brier"])
def test_each_figure_is_that_of_a_loop_before_and_after(name, figures):
    table = table_of()
    for model, value in (("pretrained", "value"), ("baseline:uncalibrated", None)):
        rows = table[table["model"] == model]
        by_label = {label: outside(name, rows[rows["entity"] == label]) for label in LABELS[:2]}
        expected = {None: np.mean(list(by_label.values())), "all": outside(name, rows), **by_label}
        for label, wanted in expected.items():
            figure = figures[name, label]
            found = figure.value if value else figure.baselines["uncalibrated"]["value"]
            assert found == pytest.approx(wanted, abs=1e-9), (model, label)


def test_less_is_better_and_the_difference_is_paired(figures):
    for name in ("ece", "brier"):
        figure = figures[name, "all"]
        assert not figure.higher_is_better
        assert figure.value < figure.baselines["uncalibrated"]["value"]
        difference = figure.difference["uncalibrated"]
        assert difference["value"] == pytest.approx(figure.value - figure.baselines["uncalibrated"]["value"])
        if name == "brier":  # resampled rows are less calibrated than rows: ece has no such interval
            assert difference["low"] <= difference["value"] <= difference["high"] < 0


def test_a_label_with_one_class_is_named_and_counts_only_among_all(figures):
    assert figures["ece", "Hernia"].value is None
    assert "1 of 3 (Hernia)" in figures["ece", None].note
    assert (figures["brier", None].n, figures["brier", "all"].n) == (239, 359)


def test_signatures_tell_means_from_all_rows(figures):
    assert "average:macro" in figures["ece", None].signature
    assert "average:micro" in figures["ece", "all"].signature
    assert "bins:15 of equal width, l1" in figures["ece", "all"].signature
    assert "bins" not in figures["brier", "all"].signature

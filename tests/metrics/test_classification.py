"""Figures of classification against sklearn and torchmetrics, value by value and resample by resample."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score
from torchmetrics.functional.classification import binary_calibration_error

from gkmvlp.errors import ResultsError
from gkmvlp.metrics.assemble import Key
from gkmvlp.metrics.bootstrap import Resamples
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.predictions import write_predictions
from gkmvlp.metrics.tasks.classification import TASK, calibration_curve
from tests.metrics.corpora import META

LABELS = ("Effusion", "Mass", "Hernia")  # Hernia is always absent
NAMES = ("auroc_macro", "auprc_macro", "ece")


def table_of(patients=30, seeds=(0, 1), strengths=None):
    """Two images a patient; one target of Mass is unknown; the baseline says each label's share."""
    generator = np.random.default_rng(0)
    target = {label: (generator.random(2 * patients) < 0.35).astype(float) for label in LABELS}
    target["Hernia"][:], target["Mass"][3] = 0, np.nan
    rows = []
    for model, strength in (strengths or {"pretrained": 2.0, "scratch": 0.5, "baseline:prevalence": 0}).items():
        for seed in seeds:
            for label in LABELS:
                logit = strength * (np.nan_to_num(target[label]) - 0.5) + (strength > 0) * generator.normal(
                    size=2 * patients
                )
                rows += [
                    (f"i{i}", f"p{i // 2}", model, seed, label, target[label][i], 1 / (1 + np.exp(-logit[i])))
                    for i in range(2 * patients)
                ]
    return pd.DataFrame(rows, columns=["sample_id", "patient_id", "model", "seed", "entity", "target", "score"])


def figures(tmp_path, table, **meta):
    path = tmp_path / "classification.parquet"
    write_predictions(path, table, {**META, "task": "classification", **meta})
    return {(f.name, f.label, f.model): f for f in figures_of(path)}


def outside(name, rows):
    """The figure of one label by another library."""
    rows = rows[rows["target"].notna()]
    if name == "ece":
        score, target = torch.tensor(rows["score"].to_numpy()), torch.tensor(rows["target"].to_numpy()).long()
        return float(binary_calibration_error(score, target, n_bins=15))
    function = {"auroc_macro": roc_auc_score, "auprc_macro": average_precision_score}[name]
    return function(rows["target"], rows["score"])


def of(table, model, seed, label):
    return table[(table["model"] == model) & (table["seed"] == seed) & (table["entity"] == label)]


@pytest.mark.parametrize("name", NAMES)
def test_each_figure_is_the_mean_of_the_librarys_over_labels_and_seeds(name, tmp_path):
    table = table_of()
    found = figures(tmp_path, table, label_fraction=0.1)
    for model in ("pretrained", "scratch"):
        by_label = {
            label: [outside(name, of(table, model, seed, label)) for seed in (0, 1)] for label in ("Effusion", "Mass")
        }
        main = found[name, None, model]
        assert main.value == pytest.approx(np.mean(list(by_label.values())), abs=1e-6)
        assert (main.n, main.n_patients, main.label_fraction) == (119, 30, 0.1)
        assert main.low < main.high
        assert main.low < main.value < main.high or name == "ece"  # resampled rows are less calibrated than rows
        assert "left out, without both classes: 1 of 3 (Hernia)" in main.note
        for label, values in by_label.items():
            assert found[name, label, model].value == pytest.approx(np.mean(values), abs=1e-6)
    left_out = found[name, "Hernia", "pretrained"]
    assert left_out.value is None
    assert "no row of one of the two classes" in left_out.note
    assert found[name, None, "pretrained"].higher_is_better == (name != "ece")


def test_the_baseline_tells_no_image_from_another(tmp_path):
    table = table_of()
    shares = table[table["entity"].isin(["Effusion", "Mass"])].groupby("entity")["target"].mean()
    table.loc[table["model"] == "baseline:prevalence", "score"] = table["entity"].map(shares).fillna(0.0)
    found = figures(tmp_path, table)
    baseline = {name: found[name, None, "pretrained"].baselines["prevalence"] for name in NAMES}
    assert baseline["auroc_macro"] == {"value": 0.5, "low": 0.5, "high": 0.5}
    assert baseline["auprc_macro"]["value"] == pytest.approx(shares.mean())
    assert baseline["ece"]["value"] == pytest.approx(0, abs=1e-9)
    above = found["auroc_macro", None, "pretrained"].difference
    assert above["prevalence"]["low"] > 0
    assert above["scratch"]["value"] == pytest.approx(
        found["auroc_macro", None, "pretrained"].value - found["auroc_macro", None, "scratch"].value
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_interval_is_that_of_rows_drawn_patient_by_patient(name, tmp_path):
    table = table_of(patients=12, seeds=(0,), strengths={"pretrained": 1.0})
    found = figures(tmp_path, table)
    resamples = Resamples(pd.Series(0, index=table.index), table["patient_id"])
    by_patient = dict(list(table.groupby("patient_id")))
    drawn = []
    for counts_G in resamples.counts_VG[1:31]:
        times = zip(resamples.units, counts_G, strict=True)
        rows = pd.concat([by_patient[patient] for (_, patient), n in times for _ in range(n)])
        values = [rows[rows["entity"] == label] for label in ("Effusion", "Mass")]
        drawn.append([outside(name, part) if part["target"].nunique() == 2 else np.nan for part in values])
    expected_V = np.nanmean(drawn, axis=1)
    unit_N = resamples.unit_of(pd.Series(0, index=table.index), table["patient_id"])
    curve_V = TASK.score(table, unit_N, resamples.counts_VG)[Key(name, None)].curve_V
    np.testing.assert_allclose(curve_V[1:31], expected_V, atol=1e-6)
    low, high = np.quantile(curve_V[1:], [0.025, 0.975])
    assert (found[name, None, "pretrained"].low, found[name, None, "pretrained"].high) == pytest.approx((low, high))


def test_edges_of_the_bins_are_torchmetrics():
    score_N = np.concatenate([np.arange(16) / 16, [0.0, 1.0, 1.0]])
    target_N = (np.arange(len(score_N)) % 2).astype(float)
    ours = calibration_curve(score_N, target_N, np.arange(len(score_N)), np.ones((1, len(score_N)), np.uint16))
    theirs = binary_calibration_error(torch.tensor(score_N), torch.tensor(target_N).long(), n_bins=15)
    assert ours[0] == pytest.approx(float(theirs), abs=1e-6)


def test_sure_and_wrong_is_1_and_sure_and_right_is_0():
    unit_N, counts_VG = np.arange(4), np.ones((1, 4), np.uint16)
    target_N = np.array([0, 1, 1, 0.0])
    assert calibration_curve(1 - target_N, target_N, unit_N, counts_VG)[0] == 1
    assert calibration_curve(target_N, target_N, unit_N, counts_VG)[0] == 0


def test_no_label_with_both_classes_is_a_null_figure(tmp_path):
    found = figures(tmp_path, table_of(strengths={"pretrained": 1.0}).assign(target=1.0))
    assert all(figure.value is None and figure.note for figure in found.values())
    assert "3 of 3" in found["ece", None, "pretrained"].note


def test_logits_are_no_probabilities(tmp_path):
    with pytest.raises(ResultsError, match=r"column score of classification: expected numbers in \[0, 1\]"):
        figures(tmp_path, table_of().assign(score=1.5))

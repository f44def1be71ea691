"""Baselines of Open-i: logistic regression against scikit-learn, neighbours against a loop, rows of the look-alike."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from gkmvlp.app.experiments.real import linear_probe, openi_baselines
from gkmvlp.app.experiments.real.linear_probe import (
    fit_logistic,
    macro_auroc,
    nearest,
    pooled_features,
    probe,
    standardised,
)
from gkmvlp.app.experiments.real.openi_baselines import baseline_figures, beside, frequent_figures, make_baselines
from gkmvlp.data_modules import OpenI
from gkmvlp.data_modules.synthetic.lookalikes import write_lookalikes
from gkmvlp.entities import ENTITIES
from gkmvlp.metrics.r2gen import as_scored, frequent_words, r2gen_words
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.predictions import read_predictions, write_predictions
from gkmvlp.metrics.rouge import rouge_l
from gkmvlp.models.config import Architecture, TextConfig, VisionConfig

REPORT_BASELINES = ("nearest_image", "most_common_report")


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def test_logistic_regression_is_that_of_scikit_learn_where_every_label_is_known(rng):
    feature_ND = rng.normal(size=(80, 5))
    target_NE = (feature_ND[:, :2] + rng.normal(size=(80, 2)) > 0).astype(float)
    strength = 0.1
    weight_DE, offset_E = fit_logistic(feature_ND, target_NE, strength)
    for entity in range(2):
        # its penalty stands beside a sum over images
        theirs = LogisticRegression(C=1 / (strength * len(feature_ND)), tol=1e-10, max_iter=1000)
        theirs.fit(feature_ND, target_NE[:, entity])
        np.testing.assert_allclose(weight_DE[:, entity], theirs.coef_[0], atol=1e-4)
        assert offset_E[entity] == pytest.approx(theirs.intercept_[0], abs=1e-4)


def test_unknown_labels_teach_nothing(rng):
    feature_ND = rng.normal(size=(60, 4))
    target_N1 = (feature_ND[:, :1] > 0).astype(float)
    unknown_N1 = np.where(np.arange(60)[:, None] < 40, target_N1, np.nan)
    weight_D1, _ = fit_logistic(feature_ND, unknown_N1, 0.1 * 40 / 60)
    alone_D1, _ = fit_logistic(feature_ND[:40], target_N1[:40], 0.1)
    np.testing.assert_allclose(weight_D1, alone_D1, atol=1e-4)


def test_mean_auroc_leaves_out_entities_without_both_classes(rng):
    score_NE = rng.normal(size=(30, 3))
    target_NE = rng.integers(0, 2, (30, 3)).astype(float)
    target_NE[:, 2] = 0
    expected = np.mean([roc_auc_score(target_NE[:, e], score_NE[:, e]) for e in range(2)])
    assert macro_auroc(score_NE, target_NE) == pytest.approx(expected)


def test_the_penalty_is_the_one_that_validation_likes_best(rng, capsys):
    feature_ND = rng.normal(size=(120, 40))
    target_N1 = (feature_ND[:, :1] + rng.normal(size=(120, 1)) > 0).astype(float)
    parts = [slice(0, 60), slice(60, 90), slice(90, 120)]
    score_NE, strength = probe(*((feature_ND[part], target_N1[part]) for part in parts[:2]), feature_ND[parts[2]])
    train_ND, validate_ND, test_ND = standardised(*(feature_ND[part] for part in parts))
    areas = {}
    for each in linear_probe.STRENGTHS:
        weight, offset = fit_logistic(train_ND, target_N1[parts[0]], each)
        areas[each] = roc_auc_score(target_N1[parts[1]][:, 0], (validate_ND @ weight + offset)[:, 0])
        if each == strength:
            np.testing.assert_allclose(score_NE, test_ND @ weight + offset)
    assert areas[strength] == max(areas.values())


def test_nearest_is_that_of_a_loop(rng):
    train_ND, test_ND = rng.normal(size=(12, 6)), rng.normal(size=(5, 6))
    train_ND[:, 5] = 2.0  # constant: says nothing
    test_ND[:, 5] = 9.0
    mean_D, std_D = train_ND[:, :5].mean(0), train_ND[:, :5].std(0)
    for row, found in enumerate(nearest(train_ND, test_ND)):
        x_D = (test_ND[row, :5] - mean_D) / std_D
        others = [(train[:5] - mean_D) / std_D for train in train_ND]
        cosine = [x_D @ y_D / np.linalg.norm(x_D) / np.linalg.norm(y_D) for y_D in others]
        assert found == int(np.argmax(cosine))


def test_frequent_entities_are_averaged_alone():
    rows = [
        {"sample_id": str(i), "patient_id": str(i), "model": "pretrained", "seed": 0, "entity": entity,
         "target": float(i < positives), "score": float(i < positives) if entity == "mass" else 0.0}
        for i in range(9)
        for entity, positives in (("mass", 4), ("edema", 3))
    ]  # fmt: skip
    meta = {"task": "zero_shot", "data": "d", "split": "s@0"}
    (mass,) = frequent_figures(pd.DataFrame(rows), meta, fewest=4)
    assert (mass.label, mass.value) == ("frequent", 1.0)
    assert "1 of 2 (mass 4)" in mass.note
    assert "labels:4 positives or more" in mass.signature
    (both,) = frequent_figures(pd.DataFrame(rows), meta, fewest=3)
    assert both.value == pytest.approx(0.75)
    assert frequent_figures(pd.DataFrame(rows), meta, fewest=5) == []


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root = tmp_path_factory.mktemp("openi")
    write_lookalikes(root, {"openi": 40}, 0, size=64, workers=1)
    return root


def test_baselines_of_the_lookalike_are_scored_beside_a_model(corpus, tmp_path, monkeypatch):
    """A small encoder with fresh weights stands for a public one: features differ, nothing else."""
    small = {"vision": {"name": "resnet10t", "weights": None}}
    monkeypatch.setattr(openi_baselines, "architecture_in", lambda config: small)
    files = make_baselines(corpus, "zoo://pretrain-openi", "zoo://report-openi", tmp_path)
    data = openi_baselines.openi_of("zoo://pretrain-openi", corpus)
    table, meta = read_predictions(files["entity_classification"])
    assert meta["split"] == data.split_name
    assert len(table) == len(data.rows("test")) * len(ENTITIES)
    for sample in data.rows("test"):
        told = table[table["sample_id"].eq(sample.sample_id)].set_index("entity")["target"]
        for entity, status in zip(ENTITIES, sample.fields["status"], strict=True):
            expected = {1: 1.0, 0: 0.0, -2: 0.0}.get(int(status))
            assert np.isnan(told[entity.name]) if expected is None else told[entity.name] == expected
    reports, _ = read_predictions(files["report_generation"])
    written = openi_baselines.openi_of("zoo://report-openi", corpus)
    training = [sample.fields["text"] for sample in written.rows("train")]
    assert set(reports["prediction"]) <= set(training)
    assert list(reports["target"][::2]) == [sample.fields["text"] for sample in written.rows("test")]
    found = baseline_figures(files, "zoo://report-openi", corpus)
    assert {figure.model for figure in found} == {f"variant:{name}" for name in ("linear_probe", *REPORT_BASELINES)}
    # R2Gen's protocol scores the reports with their marks of de-identification
    raw = openi_baselines.openi_of("zoo://report-openi", corpus, redactions="keep").rows("test")
    known = frequent_words([sample.fields["text"] for sample in written.rows("train")])
    wanted = [as_scored(sample.fields["text"], known) for sample in raw for _ in REPORT_BASELINES]
    assert any("xxxx" in r2gen_words(sample.fields["text"]) for sample in raw)
    means = reports.assign(value=[rouge_l(as_scored(text, known), words)
                                  for text, words in zip(reports["prediction"], wanted, strict=True)])  # fmt: skip
    by_model = {figure.model: figure.value for figure in found if (figure.name, figure.label) == ("rouge_l", "r2gen")}
    for name in REPORT_BASELINES:
        expected = means[means["model"] == f"baseline:{name}"]["value"].mean()
        assert by_model[f"variant:{name}"] == pytest.approx(expected)
    # a model that knows two entities and was tested on a part of the images
    known = table[table["entity"].isin(["cardiomegaly", "pleural effusion"])]
    known = known[known["sample_id"].isin(known["sample_id"].unique()[:3])]
    mine = tmp_path / "mine.parquet"
    write_predictions(mine, known.assign(model="pretrained", score=0.0), meta)
    figures = {figure.label: figure for figure in figures_of(beside(mine, files["entity_classification"]))}
    assert set(figures) == {None, "cardiomegaly", "pleural effusion"}
    assert all({"linear_probe", "random"} <= set(figure.baselines) for figure in figures.values())
    assert figures["cardiomegaly"].n == known["target"][known["entity"].eq("cardiomegaly")].notna().sum()


def test_features_are_computed_once_for_one_encoder(corpus, tmp_path, monkeypatch):
    data = OpenI(str(corpus), image_size=64, batch_size=4, num_workers=0, augmentation_strength=0.0)
    data.check()
    calls = []

    def computed(data, samples, architecture):
        calls.append(architecture.vision.name)
        return np.arange(len(samples) * 2, dtype=np.float32).reshape(-1, 2)

    monkeypatch.setattr(linear_probe, "_computed", computed)
    for name in ("resnet10t", "resnet10t", "resnet18"):
        architecture = Architecture(vision=VisionConfig(name=name), text=TextConfig(hidden_size=48))
        found = pooled_features(data, architecture, tmp_path / "features.npz")
        assert found[data.samples[1].sample_id].tolist() == [2.0, 3.0]
    assert calls == ["resnet10t", "resnet18"]

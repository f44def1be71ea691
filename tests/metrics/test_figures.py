import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from gkmvlp.metrics.answers import exact_v1, vqav2
from gkmvlp.metrics.bootstrap import Resamples
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.predictions import write_predictions
from tests.metrics.corpora import META, entity_table, grounding_table, vqa_table


def _figures(tmp_path, task, table, **meta):
    path = tmp_path / f"{task}.parquet"
    write_predictions(path, table, {**META, "task": task, **meta})
    return {(f.name, f.label, f.model): f for f in figures_of(path)}


def _auroc(table, model, seed, entity):
    rows = table[(table["model"] == model) & (table["seed"] == seed) & (table["entity"] == entity)]
    return roc_auc_score(rows["target"], rows["score"])


def test_entity_auroc_is_the_mean_of_sklearns_over_entities_and_seeds(tmp_path):
    table = entity_table()
    found = _figures(tmp_path, "entity_classification", table, signature={"layers": "last"})
    main = found["entity_auroc_macro", None, "pretrained"]
    by_seed = [np.mean([_auroc(table, "pretrained", seed, e) for e in ("edema", "mass")]) for seed in (0, 1)]
    assert main.value == pytest.approx(np.mean(by_seed), abs=1e-12)
    assert main.seed_sd == pytest.approx(np.std(by_seed, ddof=1))
    assert (main.n, main.n_patients, main.seeds) == (80, 20, 2)
    assert "always" in main.note
    assert "1 of 3" in main.note
    assert main.low < main.value < main.high
    left_out = found["entity_auroc_macro", "always", "pretrained"]
    assert left_out.value is None
    assert left_out.note
    assert not any(model.startswith("baseline:") for _, _, model in found)


def test_baselines_and_paired_differences(tmp_path):
    table = entity_table()
    found = _figures(tmp_path, "entity_classification", table)
    main, scratch = (found["entity_auroc_macro", None, m] for m in ("pretrained", "scratch"))
    assert set(main.baselines) == {"prior", "random"}
    assert set(main.difference) == {"prior", "random", "scratch"}
    assert set(scratch.difference) == {"prior", "random"}
    assert main.baselines["random"] == {"value": 0.5, "low": 0.5, "high": 0.5}
    assert main.difference["random"]["low"] == pytest.approx(main.low - 0.5)
    assert main.difference["scratch"]["value"] == pytest.approx(main.value - scratch.value)


def test_a_paired_interval_is_narrower_than_an_unpaired_one_and_null_for_equal_models(tmp_path):
    table = entity_table(patients=40, models={"pretrained": 1.0})
    twin = pd.concat([table, table.assign(model="scratch")])
    main = _figures(tmp_path, "entity_classification", twin)["entity_auroc_macro", None, "pretrained"]
    assert main.high - main.low > 0.02
    assert main.difference["scratch"] == {"value": 0, "low": 0, "high": 0}


def test_folds_are_averaged_and_never_pooled(tmp_path):
    table = entity_table(patients=30, seeds=(0,), folds=3, models={"pretrained": 1.5})
    table["score"] += 100 * table["fold"]  # pooling would see the shift
    main = _figures(tmp_path, "zero_shot", table)["entity_auroc_macro", None, "pretrained"]
    by_fold = [np.mean([_auroc(rows, "pretrained", 0, e) for e in ("edema", "mass")]) for _, rows in
               table.groupby("fold")]  # fmt: skip
    assert main.value == pytest.approx(np.mean(by_fold), abs=1e-12)
    assert "inside folds" in main.signature


def test_a_class_missing_from_a_fold_is_named(tmp_path):
    table = entity_table(patients=12, seeds=(0,), folds=3, models={"pretrained": 1.5})
    table.loc[(table["fold"] == 1) & (table["entity"] == "mass"), "target"] = 0.0
    found = _figures(tmp_path, "entity_classification", table)
    assert "1 of 3 folds" in found["entity_auroc_macro", "mass", "pretrained"].note
    assert "mass in 1" in found["entity_auroc_macro", None, "pretrained"].note
    by_fold = [_auroc(rows, "pretrained", 0, "mass") for fold, rows in table.groupby("fold") if fold != 1]
    assert found["entity_auroc_macro", "mass", "pretrained"].value == pytest.approx(np.mean(by_fold))


def test_all_targets_unknown_is_a_null_figure(tmp_path):
    table = entity_table(patients=3).assign(target=np.nan)
    found = _figures(tmp_path, "zero_shot", table)
    assert all(figure.value is None and figure.note for figure in found.values())


def test_pointing_game_counts_hits_in_any_box(tmp_path):
    found = _figures(tmp_path, "grounding", grounding_table(), signature={"layers": "last"})
    main, every, edema = (found["pointing_game", label, "pretrained"] for label in (None, "all", "edema"))
    assert main.value == pytest.approx(2 / 3)
    assert (main.n, main.n_patients) == (3, 2)
    assert every.value == pytest.approx(2 / 4)
    assert edema.value == 0
    assert main.baselines["prior_box"]["value"] == 0
    assert main.difference["prior_box"]["value"] == pytest.approx(2 / 3)
    assert "without a box, left out: 1" in every.note
    assert "without a point, counted as misses: 1" in main.note
    assert "layers:last" in main.signature


@pytest.mark.parametrize(("label", "rule"), [(None, exact_v1), ("vqav2", vqav2)])
def test_vqa_accuracies_equal_a_plain_count(tmp_path, label, rule):
    table = vqa_table()
    found = _figures(tmp_path, "vqa", table)
    rows = table[table["model"] == "pretrained"]
    right = pd.Series([rule(p) == rule(t) for p, t in zip(rows["prediction"], rows["target"], strict=True)], rows.index)
    kind = rows["answer_type"].str.strip()
    for name, subset in {"overall": kind != "", "open": kind == "OPEN", "closed": kind == "CLOSED",
                         "chest": rows["chest"]}.items():  # fmt: skip
        figure = found[f"accuracy_{name}", label, "pretrained"]
        assert figure.value == pytest.approx(right[subset].mean(), abs=1e-12)
        assert figure.n == subset.sum() / 3
    assert found["accuracy_overall", label, "pretrained"].baselines.keys() == {"question_only", "majority"}
    assert "ceiling 0.500" in found["accuracy_overall", label, "pretrained"].note
    assert f"match:{'vqav2' if label else 'exact-v1'}" in found["accuracy_open", label, "pretrained"].signature


def test_the_two_match_rules_differ(tmp_path):
    found = _figures(tmp_path, "vqa", vqa_table())
    assert found["accuracy_open", "vqav2", "pretrained"].value > found["accuracy_open", None, "pretrained"].value


def test_a_second_evaluation_gives_the_same_figures(tmp_path):
    path = tmp_path / "a.parquet"
    table = entity_table()
    write_predictions(path, table, {**META, "task": "zero_shot"})
    first = figures_of(path)
    write_predictions(path, table.sample(frac=1, random_state=0), {**META, "task": "zero_shot"})
    for a, b in zip(first, figures_of(path), strict=True):
        assert a.key == b.key
        if a.value is not None:
            np.testing.assert_allclose([b.value, b.low, b.high], [a.value, a.low, a.high], atol=1e-12)


def test_paired_interval_equals_a_loop_over_drawn_rows(tmp_path):
    """Every resample built row by row, both models and all seeds on the same patients."""
    table = vqa_table(patients=8)
    main = _figures(tmp_path, "vqa", table)["accuracy_overall", None, "pretrained"]
    right = [exact_v1(p) == exact_v1(t) for p, t in zip(table["prediction"], table["target"], strict=True)]
    share = table.assign(right=right).groupby(["model", "seed", "patient_id"])["right"].mean()
    resamples = Resamples(pd.Series(0, index=table.index), table["patient_id"])
    order = [patient for _, patient in resamples.units]
    by_seed = {m: [share[m][seed][order].to_numpy() for seed in range(3)] for m in ("pretrained", "scratch")}
    drawn = []
    for counts_G in resamples.counts_VG[1:]:
        units = [unit for unit, count in enumerate(counts_G) for _ in range(count)]
        of_model = {m: np.mean([np.mean(seed_G[units]) for seed_G in seeds]) for m, seeds in by_seed.items()}
        drawn.append(of_model["pretrained"] - of_model["scratch"])
    low, high = np.percentile(drawn, [2.5, 97.5])
    assert main.difference["scratch"]["low"] == pytest.approx(low, abs=1e-12)
    assert main.difference["scratch"]["high"] == pytest.approx(high, abs=1e-12)

"""Figures of retrieval against plain loops and, for chance, against all orders of a small gallery."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from gkmvlp.errors import ResultsError
from gkmvlp.metrics.bootstrap import Resamples
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.predictions import write_predictions
from gkmvlp.metrics.tasks.retrieval import median_curve, random_recall
from tests.metrics.corpora import META


def retrieval_table(queries=12, findings=False):
    """Ranks drawn at random, two queries a patient; right candidates in pairs."""
    generator = np.random.default_rng(0)
    rows = []
    for direction in ("i2t", "t2i"):
        for n in range(queries):
            row = {"sample_id": f"i{n}", "patient_id": f"p{n // 2}", "seed": 0, "direction": direction,
                   "candidates": queries, "right": 2, "rank": float(generator.integers(1, queries))}  # fmt: skip
            if findings:
                row |= {"right_findings": 4, "rank_findings": max(row["rank"] - 2, 1.0)}
            rows.append(row)
    table = pd.DataFrame(rows)
    chance = table.assign(**{name: np.nan for name in table if name.startswith("rank")})
    return pd.concat([table.assign(model="pretrained"), chance.assign(model="baseline:random")], ignore_index=True)


def figures(tmp_path, table):
    path = tmp_path / "retrieval.parquet"
    write_predictions(path, table, {**META, "task": "retrieval", "signature": {"gallery": "fixed"}})
    return {(f.name, f.label): f for f in figures_of(path)}


@pytest.mark.parametrize("cut", [1, 2, 5, 7])
@pytest.mark.parametrize("right", [1, 2, 5])
def test_chance_is_the_mean_over_all_orders(cut, right):
    orders = list(permutations(range(5)))
    wanted = np.mean([any(item < right for item in order[:cut]) for order in orders])
    assert random_recall(np.array([right]), np.array([5]), cut)[0] == pytest.approx(wanted, abs=1e-12)


def test_expected_rank_of_chance_is_the_mean_over_all_orders(tmp_path):
    table = retrieval_table(queries=6)
    orders = list(permutations(range(6)))
    wanted = np.mean([min(order.index(item) for item in (0, 1)) + 1 for order in orders])
    assert figures(tmp_path, table)["median_rank", "i2t"].baselines["random"]["value"] == pytest.approx(wanted)


@pytest.mark.parametrize(("label", "column"), [(None, "rank"), ("findings", "rank_findings")])
def test_figures_equal_a_plain_count(tmp_path, label, column):
    table = retrieval_table(findings=True)
    found = figures(tmp_path, table)
    own = table[table["model"].eq("pretrained")]
    for direction in ("i2t", "t2i"):
        rank = own.loc[own["direction"].eq(direction), column]
        for cut in (1, 5, 10):
            figure = found[f"{direction}_recall_at_{cut}", label]
            assert figure.value == pytest.approx(sum(place <= cut for place in rank) / len(rank))
            assert (figure.n, figure.n_patients, figure.higher_is_better) == (12, 6, True)
        figure = found["median_rank", " ".join(filter(None, (direction, label)))]
        assert figure.value == np.median(rank)
        assert not figure.higher_is_better
        assert f"match:{label or 'text'}" in figure.signature
    assert "12 candidates of 6 different texts" in found["i2t_recall_at_1", None].note
    assert "of 3 different sets of findings" in found["median_rank", "t2i findings"].note


def test_without_findings_there_is_the_match_of_texts_alone(tmp_path):
    found = figures(tmp_path, retrieval_table())
    assert {label for _, label in found} == {None, "i2t", "t2i"}


def test_difference_from_chance_is_paired(tmp_path):
    found = figures(tmp_path, retrieval_table(findings=True))
    figure = found["i2t_recall_at_5", "findings"]
    baseline = 1 - (8 * 7 * 6 * 5 * 4) / (12 * 11 * 10 * 9 * 8)
    assert figure.baselines["random"] == {name: pytest.approx(baseline) for name in ("value", "low", "high")}
    assert figure.difference["random"]["value"] == pytest.approx(figure.value - baseline)


@pytest.mark.parametrize("patients", [1, 4, 5])
def test_median_curve_equals_numpys_of_repeated_rows(patients):
    generator = np.random.default_rng(1)
    value_N = generator.integers(1, 9, 11).astype(float)
    patient_N = pd.Series(generator.integers(0, patients, 11)).astype(str)
    zeros = pd.Series(np.zeros(11, int))
    resamples = Resamples(zeros, patient_N)
    unit_N = resamples.unit_of(zeros, patient_N)
    curve_V = median_curve(value_N, unit_N, resamples.counts_VG)
    for counts_G, median in zip(resamples.counts_VG[:50], curve_V, strict=False):
        assert median == np.median(np.repeat(value_N, counts_G[unit_N]))


def test_both_directions_must_be_scored_by_every_model(tmp_path):
    table = retrieval_table()
    is_baseline = table["model"].eq("baseline:random")
    table.loc[is_baseline, "direction"] = "i2t"  # as many rows, of the same samples
    with pytest.raises(ResultsError, match="same units"):
        figures(tmp_path, table)

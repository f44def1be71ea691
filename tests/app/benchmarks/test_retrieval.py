"""Retrieval from features beside the whole model: the same scores, and totals out of measured rates."""

import pytest
import torch
import yaml

from gkmvlp.app.benchmarks import retrieval
from gkmvlp.app.benchmarks.retrieval import (
    Retrieved,
    agreement,
    build_retrieval,
    encode,
    measure_retrieval,
    retrieval_figures,
    whole_odds,
)
from gkmvlp.errors import UsageError
from gkmvlp.metrics.results.metric_result import check_unique
from tests.tiny import ARCHITECTURE, ARL_ARCHITECTURE


@pytest.fixture(params=[("GkMvlpPretraining", ARCHITECTURE), ("ArlPretraining", ARL_ARCHITECTURE)])
def config(request, tmp_path):
    name, architecture = request.param
    file = tmp_path / "tiny.yaml"
    file.write_text(yaml.safe_dump({"model": {"class_path": name, "init_args": {"architecture": str(architecture)}}}))
    return str(file)


@torch.no_grad()
def test_features_give_the_odds_of_the_whole_model(config):
    task, batches = build_retrieval(config, 5, torch.device("cpu"))
    memory, similarity_NN = encode(task, batches)
    assert similarity_NN.shape == (5, 5)
    odds_NN = task.match(torch.ones(5, 5, dtype=torch.bool), memory, task.texts)
    torch.testing.assert_close(odds_NN, whole_odds(task, batches, 5), rtol=1e-4, atol=1e-5)


def test_what_is_measured(config, monkeypatch):
    monkeypatch.setattr(retrieval, "RERANKED", 2)
    monkeypatch.setattr(retrieval, "SUBSET", 3)
    measured = measure_retrieval(config, "cpu", 6)
    assert (measured.images, measured.subset) == (6, 3)
    assert 6 * 2 <= measured.pairs <= 6 * 4  # two of each image and two of each text
    assert 0 < measured.matched < measured.pairs
    assert measured.same == 1.0


def test_totals_are_counts_times_rates():
    figures = retrieval_figures(Retrieved("c", 10, 2, 30, 8, "cpu", 4.0, 0.1, 0.5, 1.0))
    check_unique(figures, "bench")
    values = {(one.name, one.label): one.value for one in figures}
    assert values["retrieval_seconds", None] == pytest.approx(4 + 30 * 0.1)
    assert values["retrieval_seconds", "all matched"] == pytest.approx(4 + 100 * 0.1)
    assert values["retrieval_seconds", "whole model"] == pytest.approx(50)
    assert values["retrieval_time_share", None] == pytest.approx(7 / 50)


def test_agreement_counts_places():
    one = torch.tensor([[3.0, 2.2, 2.1], [1.0, 2.0, 3.0], [2.0, 3.0, 1.0]])
    assert agreement(one, one * 7 + 2) == 1.0
    other = one.clone()
    other[0] = torch.tensor([3.0, 2.15, 2.18])  # two places of the first row change, and none of a column
    assert agreement(one, other) == pytest.approx(1 - 2 / 18)


def test_a_config_without_a_task_is_refused(tmp_path):
    file = tmp_path / "none.yaml"
    file.write_text("model: {class_path: Nothing}")
    with pytest.raises(UsageError, match=r"no model\.init_args\.architecture"):
        measure_retrieval(str(file), "cpu", 4)

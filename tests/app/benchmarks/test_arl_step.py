"""A step of ARL beside four forwards: the same losses, more operations; and what the bench prints of both."""

import json

import pytest
import torch
import yaml

from gkmvlp.app.benchmarks.arl_step import METER, OBJECTIVES, build_arl, separate_loss
from gkmvlp.app.benchmarks.setup import architecture_as
from gkmvlp.app.cli import main
from gkmvlp.app.running.configs import mapping_in
from gkmvlp.metrics.results.metric_result import MetricResult, check_unique
from gkmvlp.models.config import ArlArchitecture
from tests.tiny import ARL_ARCHITECTURE, arl_architecture


@pytest.fixture
def config(tmp_path):
    torch.set_num_threads(1)
    file = tmp_path / "tiny.yaml"
    file.write_text(yaml.safe_dump({"model": {"init_args": {"architecture": str(ARL_ARCHITECTURE)}}}))
    return file


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_forward_of_its_own_gives_the_loss_of_the_shared_step(name):
    task, studies = build_arl(arl_architecture(), 3, torch.device("cpu"))
    losses = []
    for one in (lambda: separate_loss(task, studies, name), lambda: task.losses(studies, {name})[name]):
        torch.manual_seed(2)
        losses.append(one())
    assert losses[0].item() == pytest.approx(losses[1].item(), rel=1e-5)


def test_both_ways_are_measured_by_the_command(config, tmp_path, capsys):
    words = ["bench", "--what", "arl", "--config", str(config), "--batch", "2", "--steps", "1", "--device=cpu"]
    assert main([*words, "--json", "--out", str(tmp_path / "b.json")]) == 0
    rows = json.loads(capsys.readouterr().out)["figures"]
    check_unique([MetricResult(**row) for row in rows], "bench")
    values = {(row["name"], row["label"]): row["value"] for row in rows}
    ours, apart = (values["gflop_per_pair", label] for label in (None, "four forwards"))
    assert values["operations_ratio", None] == pytest.approx(apart / ours)
    assert values["operations_ratio", None] > 1
    task, _ = build_arl(architecture_as(ArlArchitecture, str(config)), 2, torch.device("cpu"))
    assert values["parameters_millions", None] * 1e6 == sum(x.numel() for x in task.parameters())
    assert values["parameters_millions", "core"] < values["parameters_millions", None]


def test_base_is_vit_b_and_roberta_base():
    base = ArlArchitecture.from_dict(mapping_in(METER, "architecture"))
    assert (base.text.hidden_size, base.text.num_hidden_layers, base.text.vocab_size) == (768, 12, 50265)
    assert base.vision.weights is base.text.weights is None


def test_one_pair_is_too_few(capsys):
    assert main(["bench", "--what", "arl", "--batch", "1"]) == 2
    assert "--batch from 2" in capsys.readouterr().err

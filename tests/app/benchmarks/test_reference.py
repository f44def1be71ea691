"""The reference recipe: what it adds to our step, and what the bench prints of both."""

import json
import math
from dataclasses import replace

import pytest
import torch
import yaml

from gkmvlp.app.benchmarks.reference import MOMENTUM, SOFT, ReferencePretraining, reference_architecture
from gkmvlp.app.benchmarks.setup import build
from gkmvlp.app.cli import main
from gkmvlp.metrics.results.metric_result import MetricResult, check_unique
from tests.tiny import ARCHITECTURE, architecture

CPU = torch.device("cpu")


@pytest.fixture
def reference():
    torch.manual_seed(0)
    late = replace(architecture(), text=replace(architecture().text, fusion_layer=1))
    task, studies = build(reference_architecture(late), 3, CPU, "corpus", ReferencePretraining)
    task.eval().keep_copies()
    return task, studies


def test_all_text_layers_see_the_image_and_padding_is_computed(reference):
    task, studies = reference
    assert task.architecture.text.fusion_layer == 0
    tokens = task.tokens(studies["text"])
    assert tokens.ids.shape == (3, task.architecture.text.max_length)
    assert tokens.mask.all()


def test_copies_follow_the_weights_and_are_not_trained(reference):
    task, studies = reference
    trained = {id(parameter) for parameter in task.parameters()}
    assert not trained & {id(parameter) for parameter in task.copies.parameters()}
    weight, copy = task.model.match_head.weight, task.copies.match_head.weight
    old = copy.clone()
    with torch.no_grad():
        weight.add_(1.0)
    task.losses(studies, {"itc"})
    torch.testing.assert_close(copy, MOMENTUM * old + (1 - MOMENTUM) * weight)


def test_contrast_has_soft_targets(reference):
    task, studies = reference
    mixed = task.losses(studies, {"itc"})["itc"].item()
    image, text = (
        x.detach() for x in (task.copies.embed_image(task.copies.vision(studies["image"])),
                             task.copies.embed_text(task.tokens(studies["text"])))
    )  # fmt: skip
    scale, soft, plain = task.scale().item(), 0.0, 0.0
    for i in range(3):
        rows = [math.exp(scale * float(image[i] @ text[j])) for j in range(3)]
        columns = [math.exp(scale * float(image[j] @ text[i])) for j in range(3)]
        soft -= sum(row / sum(rows) * math.log(row / sum(rows)) for row in rows) / 3
        plain -= (math.log(rows[i] / sum(rows)) + math.log(columns[i] / sum(columns))) / 6
    assert mixed == pytest.approx((1 - SOFT) * plain + SOFT * soft, rel=1e-4)


def test_both_steps_are_measured_by_the_command(tmp_path, capsys):
    torch.set_num_threads(1)
    file = tmp_path / "tiny.yaml"
    file.write_text(yaml.safe_dump({"model": {"init_args": {"architecture": str(ARCHITECTURE)}}}))
    words = ["bench", "--what", "model", "reference", "--config", str(file), "--batch", "2", "--steps", "1"]
    assert main([*words, "--device=cpu", "--lengths=corpus", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["figures"]
    check_unique([MetricResult(**row) for row in rows], "bench")
    values = {(row["name"], row["label"]): row["value"] for row in rows}
    ours, theirs = (values["pairs_per_s", label] for label in ("beside the reference", "reference"))
    assert values["step_speed_ratio", "reference"] == pytest.approx(ours / theirs)
    assert values["gflop_per_pair", "reference"] > values["gflop_per_pair", None]

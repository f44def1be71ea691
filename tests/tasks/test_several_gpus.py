"""What only several GPUs would show: what tasks ask of them, observed where there is none."""

import warnings

import pytest
import torch

from gkmvlp.tasks import GkMvlpPretraining, Localization, VisualQuestionAnswering
from tests.tiny import architecture


def logged(task):
    """Catches what a task logs."""
    found = {}
    task.log = lambda name, value, **options: found.update({name: (value, options)})
    return found


def test_answers_are_averaged_over_ranks_as_a_number(questions):
    """Lightning puts a number on the rank's GPU; a tensor stays in main memory, where NCCL reduces nothing."""
    task = VisualQuestionAnswering(architecture(), None, answer_mode="generate")
    task.prepare(questions)
    found = logged(task)
    batch = next(iter(questions.val_dataloader()))
    guesses = ["no such answer", *batch["answer"][1:]]
    task.predicted = lambda batch: guesses
    task.validation_step(batch, 0)
    value, options = found["val/accuracy"]
    assert isinstance(value, float)
    assert options["sync_dist"]
    assert value == pytest.approx(1 - 1 / len(guesses))


def test_boxes_are_averaged_over_ranks_as_a_number():
    task = Localization(architecture(), None)
    found = logged(task)
    task.on_validation_epoch_end()
    value, options = found["val/map_40_75"]
    assert isinstance(value, float)
    assert options["sync_dist"]


def test_validation_keeps_the_chance_of_its_own_device_alone(studies, monkeypatch):
    """With the other GPUs' torch warns that it prepares them all."""
    task = GkMvlpPretraining(architecture())
    task.prepare(studies)
    task.shared_step = lambda *_: torch.rand(1)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    monkeypatch.setattr(torch.random, "_fork_rng_warned_already", False)
    before = torch.get_rng_state()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        task.validation_step({}, 0)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_rank_without_findings_has_the_graph_of_the_others(studies):
    """Ranks whose graphs differ start their collectives in other orders, and wait for one another for ever."""
    task = GkMvlpPretraining(architecture())
    task.prepare(studies)
    memory = task.encode_images(next(iter(studies.train_dataloader()))).memory
    reached = []
    for status_BE in (torch.eye(2, len(task.names), dtype=torch.int8), torch.zeros(2, len(task.names))):
        task.zero_grad()
        loss = task.statements(status_BE.to(torch.int8), memory)
        loss.backward(retain_graph=True)
        reached.append({name for name, weight in task.named_parameters() if weight.grad is not None})
    assert reached[0] == reached[1]
    assert any(name.startswith("model.match_head") for name in reached[0])
    assert loss.item() == 0
    assert all(not weight.grad.any() for weight in task.parameters() if weight.grad is not None)

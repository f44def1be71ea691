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
    task = VisualQuestionAnswering(architecture(), None, head="free")
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

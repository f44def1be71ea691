"""A loss that is no number, or a spike, ends a fit with the rows that made it, and weights as they were before."""

from types import SimpleNamespace

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader

from gkmvlp.app.running.loss_guard import WARMUP, LossGuard
from gkmvlp.errors import TrainingError


def seen(losses, names=("a", "b"), **options):
    """A guard that has seen some losses."""
    guard, trainer = LossGuard(**options), SimpleNamespace(global_step=7)
    guard.on_train_batch_start(trainer, None, {"sample_id": list(names)}, 0)
    for loss in losses:
        guard.on_before_backward(trainer, None, torch.tensor(loss))


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_no_number_is_told_with_step_and_rows(loss):
    with pytest.raises(TrainingError, match=rf"loss {loss:g} at step 7, rows a, b: weights are as before"):
        seen([1.0, loss])


def test_a_batch_without_names_is_none_the_less_told():
    with pytest.raises(TrainingError, match=r"loss nan at step 7: weights are"):
        seen([float("nan")], names=())


def test_many_rows_are_counted():
    with pytest.raises(TrainingError, match=r"rows 0, 1, 2, 3, 4 and 3 more: "):
        seen([float("nan")], names="01234567")


def test_a_spike_is_one_after_some_steps_and_only_far_above_the_mean():
    seen([1.0] * (WARMUP - 1) + [500.0])  # too early
    seen([1.0] * WARMUP + [19.0])
    with pytest.raises(TrainingError, match=r"loss 21, 21 times its mean at step 7"):
        seen([1.0] * WARMUP + [21.0])
    with pytest.raises(TrainingError, match="loss 4, 4 times its mean"):
        seen([1.0] * WARMUP + [4.0], spike=3.0)


class Diverging(L.LightningModule):
    """Its third loss is no number."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.before = []

    def training_step(self, batch, batch_idx):
        self.before.append(self.weight.item())
        return (self.weight * (float("nan") if batch_idx == 2 else 1.0)).sum()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def test_a_fit_ends_before_the_weights_follow(tmp_path):
    rows = DataLoader([{"sample_id": f"s{n}"} for n in range(6)], batch_size=1)
    task = Diverging()
    options = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "max_epochs": 1}
    trainer = L.Trainer(callbacks=[LossGuard()], default_root_dir=tmp_path, accelerator="cpu", **options)
    with pytest.raises(TrainingError, match="at step 2, rows s2:"):
        trainer.fit(task, rows)
    assert task.before == pytest.approx([1.0, 0.9, 0.8])
    assert task.weight.item() == pytest.approx(0.8)

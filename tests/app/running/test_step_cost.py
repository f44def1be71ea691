"""What a fit cost: operations by their closed form, each kind of step counted once and weighed by how often it came."""

import json
from dataclasses import dataclass, field

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader

from gkmvlp.app.running.step_cost import Cost, StepCost
from gkmvlp.tasks.parts.objectives import BaseObjectives, Objective

B, INPUTS, OUTPUTS = 3, 5, 7


@dataclass
class Two(BaseObjectives):
    always: Objective = field(default_factory=Objective)
    seldom: Objective = field(default_factory=lambda: Objective(every_n_steps=4))


class Products(L.LightningModule):
    """A product at every step, and three at every fourth; the input needs no gradient."""

    def __init__(self):
        super().__init__()
        self.objectives = Two()
        self.layer = torch.nn.Linear(INPUTS, OUTPUTS, bias=False)
        self.steps = []

    def training_step(self, batch, batch_idx):
        times = 3 if self.objectives.seldom.is_due(self.global_step) else 1
        self.steps.append(times)
        return torch.stack([self.layer(batch["image"]).sum() for _ in range(times)]).sum()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


@pytest.mark.filterwarnings("ignore")
def test_operations_are_the_mean_over_steps_and_parameters_all_of_the_task(tmp_path):
    rows = [{"image": torch.rand(INPUTS), "text": "a"} for _ in range(6 * B)]
    trainer = L.Trainer(
        max_epochs=1, logger=False, enable_checkpointing=False, enable_progress_bar=False, accelerator="cpu",
        callbacks=[StepCost()], default_root_dir=tmp_path, enable_model_summary=False,
    )  # fmt: skip
    task = Products()
    trainer.fit(task, DataLoader(rows, batch_size=B))
    assert task.steps == [3, 1, 1, 1, 3, 1]
    cost = Cost.read(tmp_path)
    one = 2 * 2 * INPUTS * OUTPUTS  # a product forward, one for the weights' gradient; two operations each
    assert cost.gflop_per_pair * 1e9 == pytest.approx(one * 10 / 6)
    assert cost.parameters == INPUTS * OUTPUTS
    assert 0 < cost.hours < 0.1
    assert set(json.loads((tmp_path / "cost.json").read_text())) == {"parameters", "gflop_per_pair", "hours"}

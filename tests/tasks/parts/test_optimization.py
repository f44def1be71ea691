"""Parameter groups and the schedule, against their closed forms."""

import math
import pickle
from dataclasses import asdict
from itertools import pairwise

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import nn

from gkmvlp.models.config import Architecture, TextConfig, VisionConfig
from gkmvlp.models.gk_mvlp import GkMvlp
from gkmvlp.models.tokenizer import Tokens
from gkmvlp.tasks.parts.optimization import (
    OptimizerConfig,
    build_optimizer,
    layer_index,
    parameter_groups,
    warmup_cosine,
)
from tests.tiny import architecture

TOTAL, WARMUP, FLOOR = 100, 10, 0.1


@pytest.mark.parametrize(
    ("step", "factor"),
    [
        (0, 0.1),
        (4, 0.5),
        (9, 1.0),
        (10, 1.0),
        (55, 0.55),  # half of the cosine: the mean of peak and floor
        (40, 0.1 + 0.9 * 0.75),  # a third: cos 60 degrees
        (100, 0.1),
        (250, 0.1),
    ],
)
def test_schedule_has_its_closed_form(step, factor):
    assert warmup_cosine(step, TOTAL, WARMUP, FLOOR) == pytest.approx(factor)


def test_schedule_rises_then_falls_without_a_jump():
    factors = [warmup_cosine(step, TOTAL, WARMUP, FLOOR) for step in range(TOTAL + 1)]
    steps = [after - before for before, after in pairwise(factors)]
    assert min(steps[: WARMUP - 1]) > 0
    assert max(steps[WARMUP:]) <= 0
    assert max(map(abs, steps[WARMUP:])) < math.pi / 2 / (TOTAL - WARMUP)


def test_warmup_takes_at_most_half_of_a_short_run():
    assert warmup_cosine(2, 6, 500, 0.0) == 1.0
    assert warmup_cosine(3, 6, 500, 0.0) == 1.0
    assert warmup_cosine(6, 6, 500, 0.0) == 0.0
    assert warmup_cosine(0, 1, 500, 0.0) == 1.0


class Holder(nn.Module):
    """A backbone under the name that tasks give it, and a head beside it."""

    def __init__(self, made: Architecture) -> None:
        super().__init__()
        prompts = Tokens(torch.zeros(6, 4, dtype=torch.long), torch.ones(6, 4, dtype=torch.bool))
        self.model = GkMvlp(made, 50, prompts)
        self.classifier = nn.Linear(made.text.hidden_size, 3)


@pytest.fixture(scope="module")
def holder():
    made = architecture()
    made.vision = VisionConfig(
        "vit_tiny_patch16_224", timm_kwargs={"patch_size": 8, "embed_dim": 16, "depth": 3, "num_heads": 2}
    )
    made.text = TextConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24)
    return Holder(made)


def test_every_parameter_moves_once_and_only_matrices_decay(holder):
    names = {id(parameter): name for name, parameter in holder.named_parameters()}
    groups = parameter_groups(holder.named_parameters(), OptimizerConfig(weight_decay=0.3))
    seen = [names[id(parameter)] for group in groups for parameter in group["params"]]
    assert sorted(seen) == sorted(names.values())
    for group in groups:
        assert {parameter.ndim > 1 for parameter in group["params"]} == {group["weight_decay"] == 0.3}
    frozen = next(iter(holder.parameters()))
    frozen.requires_grad_(False)
    kept = parameter_groups(holder.named_parameters(), OptimizerConfig())
    assert all(parameter is not frozen for group in kept for parameter in group["params"])
    frozen.requires_grad_(True)


@pytest.mark.parametrize(
    ("name", "below"),
    [
        ("model.vision.model.patch_embed.proj.weight", 4),
        ("model.vision.model.pos_embed", 4),
        ("model.vision.model.blocks.0.attn.qkv.weight", 3),
        ("model.vision.model.blocks.2.attn.qkv.weight", 1),
        ("model.text.word.weight", 3),
        ("model.text.layers.0.attention.query.weight", 2),
        ("model.text.layers.1.attention.query.weight", 1),
        ("model.vision.pool.query_KD", 0),
        ("model.text.head.0.weight", 0),
        ("model.knowledge.layers.0.patch.query.weight", 0),
        ("model.entity_head.weight", 0),
    ],
)
def test_layers_of_each_encoder_are_counted_from_its_output(holder, name, below):
    parameters = dict(holder.named_parameters())
    match = [
        key
        for key in parameters
        if key == name or (name.endswith("query.weight") and key.startswith(name.rsplit(".", 2)[0]))
    ]
    assert match, sorted(parameters)
    groups = parameter_groups(holder.named_parameters(), OptimizerConfig(lr=2.0, layer_decay=0.5, head_lr_mult=10.0))
    (rate,) = {group["lr"] for group in groups for p in group["params"] if p is parameters[match[0]]}
    assert rate == pytest.approx(2.0 * 0.5**below)


def test_what_is_not_of_the_backbone_has_its_own_factor(holder):
    groups = parameter_groups(holder.named_parameters(), OptimizerConfig(lr=2.0, layer_decay=0.5, head_lr_mult=10.0))
    (rate,) = {group["lr"] for group in groups for p in group["params"] if p is holder.classifier.weight}
    assert rate == 20.0


def test_depth_of_pyramids():
    assert layer_index("model.vision.model.layer3.0.conv1.weight") == 4
    assert layer_index("model.vision.model.layers_2.blocks.0.norm1.weight") == 3
    assert layer_index("model.vision.model.conv1.weight") == 0
    assert layer_index("model.vision.project.0.weight") is None
    assert layer_index("model.vision.model.blocks.6.0.bn2.weight") == 7
    # an EfficientNet's last convolution, and the norm of a ViT, lie behind all blocks
    assert [layer_index(f"model.vision.model.{name}.weight") for name in ("conv_head", "bn2", "norm")] == [None] * 3


def moved(**changes: float) -> torch.Tensor:
    """A small model's weights after five steps."""
    torch.manual_seed(0)
    module = nn.ModuleDict(
        {"model": nn.ModuleDict({"text": nn.ModuleDict({"word": nn.Linear(3, 3)})}), "head": nn.Linear(3, 1)}
    )
    options = OptimizerConfig(**{"lr": 0.01, "warmup_steps": 2} | changes)
    optimizer, scheduler = build_optimizer(module, options, 5)
    x = torch.randn(8, 3)
    for _ in range(5):
        optimizer.zero_grad()
        module["head"](module["model"]["text"]["word"](x).tanh()).square().mean().backward()
        optimizer.step()
        scheduler.step()
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


CHOICES = {
    "lr": 0.02,
    "weight_decay": 0.5,
    "warmup_steps": 0,
    "min_lr_ratio": 0.5,
    "layer_decay": 0.5,
    "head_lr_mult": 3.0,
    "beta2": 0.9,
}


@pytest.mark.parametrize(("key", "value"), CHOICES.items())
def test_a_choice_changes_the_steps(key, value):
    assert torch.equal(moved(), moved())
    assert (moved() - moved(**{key: value})).abs().max() > 1e-5


def test_the_list_of_choices_is_complete():
    assert set(CHOICES) == set(asdict(OptimizerConfig()))


def test_the_schedule_can_be_pickled():
    """Loaders that spawn their workers pickle the trainer, and with it the schedule."""
    _, scheduler = build_optimizer(torch.nn.Linear(2, 2), OptimizerConfig(warmup_steps=3), 10)
    factor, *_ = pickle.loads(pickle.dumps(scheduler.lr_lambdas))
    assert [factor(step) for step in range(12)] == [scheduler.lr_lambdas[0](step) for step in range(12)]


class Steep(LightningModule):
    """One weight with a gradient of 100; keeps the norm of the gradients that each step has used."""

    def __init__(self):
        super().__init__()
        self.weight, self.norms = nn.Parameter(torch.ones(4)), []

    def training_step(self, batch, batch_idx):
        return 50 * self.weight.sum()

    def configure_optimizers(self):
        return build_optimizer(self, OptimizerConfig(warmup_steps=0), TOTAL)[0]

    def on_train_batch_end(self, *_):
        self.norms.append(float(self.weight.grad.norm()))


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_gradients_are_clipped_in_every_precision(precision, tmp_path):
    task, off = Steep(), dict.fromkeys(("logger", "enable_checkpointing", "enable_model_summary"), False)
    quiet = {**off, "enable_progress_bar": False, "default_root_dir": tmp_path}
    trainer = Trainer(accelerator="cpu", precision=precision, max_steps=3, gradient_clip_val=0.5, **quiet)
    trainer.fit(task, [torch.zeros(1)] * 3)
    assert task.norms == pytest.approx([0.5] * 3)
    assert bool((task.weight < 1).all())

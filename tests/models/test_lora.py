"""Which layers are adapted, what is trained then, and what is refused."""

import importlib.util

import pytest
import torch

from gkmvlp.errors import ConfigError
from gkmvlp.models.lora import LoraConfig, adaptable, insert_lora

pytest.importorskip("peft", reason="the extra lora is not installed")


def test_only_matrices_of_the_rank_are_trained_and_nothing_changes_at_first(build, images, outputs):
    backbone = build()
    model = backbone.model.eval()
    shown = images()
    before = outputs(backbone, *shown)
    width = {name: part.weight.shape for name, part in model.named_modules() if hasattr(part, "weight")}
    layers = insert_lora(model, LoraConfig(rank=3))
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert {name.rpartition(".lora_")[0] for name in trained} == set(layers)
    assert sum(p.numel() for p in trained.values()) == sum(3 * sum(width[name]) for name in layers)
    after = outputs(backbone, *shown)
    torch.testing.assert_close(after, before, rtol=0, atol=1e-6)  # processors differ in how they add the zeros


def test_attention_of_text_image_and_knowledge_unless_it_is_held_still(build):
    model = build().model
    ends = {name.rpartition(".")[2] for name in adaptable(model)}
    assert ends == {"query", "value", "qkv"}
    assert {name.partition(".")[0] for name in adaptable(model)} == {"text", "vision", "knowledge"}
    model.freeze_image_side()
    assert {name.partition(".")[0] for name in adaptable(model)} == {"text"}


def test_statistics_of_batch_norms_stay(tiny, build):
    vision = {"vision.name": "resnet18", "vision.timm_kwargs": {"layers": [1, 1, 1, 1]}}
    model = build(tiny(**vision)).model.train()
    insert_lora(model, LoraConfig())
    norms = [part for part in model.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    assert norms
    assert not any(part.training for part in norms)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (LoraConfig(rank=0), "rank and alpha from 1 on"),
        (LoraConfig(dropout=1.0), "dropout in"),
        (LoraConfig(target_modules=["querry"]), "did you mean query"),
        (LoraConfig(target_modules=["text.norm"]), "not LayerNorm"),
    ],
)
def test_what_cannot_be_adapted_is_one_line(build, config, message):
    with pytest.raises(ConfigError, match=message) as told:
        insert_lora(build().model, config)
    assert "\n" not in str(told.value)


EFFICIENT = {"vision.name": "tf_efficientnet_lite0", "vision.timm_kwargs": {}}


@pytest.mark.parametrize(
    ("end", "message"), [("conv_dw", "depthwise"), ("conv_stem", "1 x 1"), ("conv_pw", None), ("conv_pwl", None)]
)
def test_convolutions_of_an_efficient_net_are_adapted_where_they_are_pointwise(tiny, build, images, end, message):
    model = build(tiny(**EFFICIENT)).model
    if message is not None:
        with pytest.raises(ConfigError, match=message):
            adaptable(model, [end])
        return
    assert insert_lora(model, LoraConfig(rank=2, target_modules=[end]))
    patches_BPD = model.vision(torch.rand(2, 1, 32, 32)).patches
    (patches_BPD * torch.rand_like(patches_BPD)).sum().backward()  # the sum alone of normed patches is a constant
    grown = [p.grad for name, p in model.named_parameters() if "lora_B" in name]
    assert all(gradient is not None for gradient in grown)
    assert any(gradient.abs().sum() > 0 for gradient in grown)


def test_nothing_left_to_adapt(build):
    model = build().model.requires_grad_(False)
    with pytest.raises(ConfigError, match="holds all of them still"):
        adaptable(model)


def test_without_peft_the_extra_is_named(build, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "peft" else find(name, *more))
    with pytest.raises(ConfigError, match=r"pip install 'gkmvlp\[lora\]'"):
        insert_lora(build().model, LoraConfig())

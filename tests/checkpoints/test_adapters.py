"""Adapters in peft's layout: opened by peft itself and by us with the same numbers; another base is refused."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints.adapters import Adapter
from gkmvlp.checkpoints.weights import digest
from gkmvlp.errors import BackboneError
from gkmvlp.models.lora import LoraConfig, insert_lora

peft = pytest.importorskip("peft", reason="the extra lora is not installed")
RESNET = {"vision.name": "resnet18", "vision.out_indices": [2], "vision.timm_kwargs": {"layers": [1, 1, 1, 1]}}
LAYERS = {
    "attention of a vision transformer": ({}, None, 1 + 2 * 3 * 2 + 2 * 2 * 2),
    "convolutions": (RESNET, ["layer1.0.conv1", "layer2.0.downsample.0", "query"], 2 + 2 * 3 + 2 * 2),
}


def adapted(backbone, base, ends=None):
    """Saves a backbone and puts an adapter into it whose matrices are no longer zero."""
    backbones.save(backbone, base)
    state = digest(backbone.model.state_dict())
    config = LoraConfig(rank=2, alpha=6, target_modules=ends)
    backbone.adapter = Adapter(config, insert_lora(backbone.model, config), str(base), state)
    torch.manual_seed(5)
    for name, parameter in backbone.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    return backbone


@pytest.fixture
def made(build, tmp_path):
    """A model with an adapter, its folder, and that of its base."""
    backbone = adapted(build(), tmp_path / "base")
    backbones.save(backbone, tmp_path / "adapter")
    return backbone, tmp_path / "adapter", tmp_path / "base"


@pytest.mark.parametrize("kind", LAYERS)
def test_merged_when_opened_with_the_numbers_of_training_and_of_peft(kind, tiny, build, images, outputs, tmp_path):
    changes, ends, count = LAYERS[kind]
    trained = adapted(build(tiny(**changes)), tmp_path / "base", ends)
    assert len(trained.adapter.layers) == count
    backbones.save(trained, tmp_path / "adapter")
    opened, base = backbones.load(tmp_path / "adapter"), backbones.load(tmp_path / "base")
    for backbone in (trained, opened, base):
        backbone.model.eval()
    shown = images()
    wanted, got, before = (outputs(backbone, *shown) for backbone in (trained, opened, base))
    theirs = peft.PeftModel.from_pretrained(base.model, str(tmp_path / "adapter")).merge_and_unload()
    base.model = theirs
    by_peft = outputs(base, *shown)
    assert any((wanted[name] - before[name]).abs().max() > 1e-3 for name in wanted)
    for name in wanted:
        torch.testing.assert_close(got[name], wanted[name], atol=2e-5, rtol=1e-4)
        torch.testing.assert_close(by_peft[name], got[name], atol=2e-5, rtol=1e-4)
    assert opened.model.state_dict().keys() == backbones.load(tmp_path / "base").model.state_dict().keys()


def test_a_folder_holds_the_adapter_alone_and_a_merged_one_is_whole(made, tmp_path):
    _, folder, base = made
    files = {"adapter_config.json", "adapter_model.safetensors", "config.json", "entities.json", "grounding.json"}
    assert {file.name for file in folder.iterdir()} == files | {"checksums.json"}
    opened = backbones.load(folder)
    assert opened.adapter is None
    backbones.save(opened, tmp_path / "merged")
    again = backbones.load(tmp_path / "merged").model.state_dict()
    assert all(torch.equal(tensor, again[name]) for name, tensor in opened.model.state_dict().items())
    assert "adapter" not in json.loads((tmp_path / "merged" / "config.json").read_text())
    assert {file.name for file in (tmp_path / "merged").iterdir()} == {file.name for file in base.iterdir()}


def test_a_frozen_image_side_keeps_the_prompts_that_it_was_frozen_with(build, images, outputs, tmp_path):
    """Their vectors are those of the text encoder without its adapter."""
    backbone, base = build(), tmp_path / "base"
    backbones.save(backbone, base)
    state = digest(backbone.model.state_dict())
    backbone.model.freeze_image_side()
    config = LoraConfig(rank=2)
    backbone.adapter = Adapter(config, insert_lora(backbone.model, config), str(base), state)
    assert {name.partition(".")[0] for name in backbone.adapter.layers} == {"text"}
    for name, parameter in backbone.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    backbones.save(backbone, tmp_path / "adapter")
    assert set(load_file(tmp_path / "adapter" / "model.safetensors")) == {"fixed_prompt_ED"}
    opened = backbones.load(tmp_path / "adapter")
    backbone.model.eval(), opened.model.eval()
    shown = images()
    wanted, got = outputs(backbone, *shown), outputs(opened, *shown)
    for name in wanted:
        torch.testing.assert_close(got[name], wanted[name], atol=2e-5, rtol=1e-4)


def test_another_base_is_refused_in_one_line(made, tmp_path):
    _, folder, base = made
    file = base / "model.safetensors"
    state = load_file(file)
    save_file({**state, "kind": state["kind"] + 1e-3}, file, {"format": "pt"})
    with pytest.raises(
        BackboneError, match=r"an adapter over .*base with tensors [0-9a-f]{12}, those there are"
    ) as told:
        backbones.load(folder)
    assert "\n" not in str(told.value)


def test_a_base_in_half_precision_is_the_same_base_where_that_is_exact():
    state = {"a": torch.tensor([0.5, 0.25]), "b": torch.arange(3), "c": torch.tensor(True)}
    assert digest(state) == digest({**state, "a": state["a"].half()})
    assert digest(state) != digest({**state, "a": state["a"][:1]})
    assert digest(state) != digest({**state, "b": state["b"] + 1})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "adapter_model.safetensors").unlink(), "no whole safetensors file"),
        (lambda folder: (folder / "adapter_config.json").write_text("{"), "no readable adapter"),
        (lambda folder: edit(folder / "adapter_config.json", target_modules=["text.nothing"]), "no readable adapter"),
        (lambda folder: edit(folder / "adapter_config.json", r=0), "no readable adapter"),
        (lambda folder: edit(folder / "config.json", adapter={"kind": "lora"}), "base and base_sha256 expected"),
        (
            lambda folder: edit(folder / "config.json", adapter={"kind": "dora", "base": "b", "base_sha256": "0"}),
            "kind 'lora'",
        ),
        (
            lambda folder: edit(folder / "config.json", adapter={"kind": "lora", "base": "/no", "base_sha256": "0"}),
            "no backbone at /no",
        ),
    ],
)
def test_a_broken_folder_is_one_line(made, change, message):
    _, folder, _ = made
    change(folder)
    with pytest.raises(BackboneError, match=message) as told:
        backbones.load(folder)
    assert "\n" not in str(told.value)


def edit(file: Path, **changes: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))

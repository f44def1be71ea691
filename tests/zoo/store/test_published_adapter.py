"""An adapter is published over a base of the zoo: small, without a path of this machine, and opened from there."""

import dataclasses
import json

import pytest
import torch
import yaml

import gkmvlp
from gkmvlp.app.cli import main
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints import heads
from gkmvlp.checkpoints.adapters import Adapter
from gkmvlp.checkpoints.weights import digest
from gkmvlp.models.heads.label_head import label_head
from gkmvlp.models.lora import LoraConfig, insert_lora
from tests.tiny import tree
from tests.zoo.store.runs import figure, write_results, write_run

pytest.importorskip("peft", reason="the extra lora is not installed")


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    """A zoo of one backbone, ``tiny``."""
    torch.set_num_threads(1)
    run = write_run(tmp_path / "base-run")
    assert main(["zoo", "publish", str(run), "--out", str(tmp_path / "zoo"), "--name", "tiny"]) == 0
    monkeypatch.setenv("GKMVLP_ZOO", str(tmp_path / "zoo"))
    return tmp_path / "zoo"


def adapted_run(folder, base):
    """A fine-tuning for labels that left an adapter over a base."""
    write_run(folder)
    model = backbones.load(base)
    model.info |= {"task": "classification", "backbone": base}
    state, config = digest(model.model.state_dict()), LoraConfig(rank=2)
    model.adapter = Adapter(config, insert_lora(model.model, config), base, state)
    for name, parameter in model.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    heads.save(model, label_head(("Effusion", "Mass"), model.model.architecture, "both"), folder / "model")
    write_results(folder, dataclasses.replace(figure(), task="classification", name="auroc_macro"))
    return model


def test_from_a_run_to_a_reader(zoo, tmp_path, capsys):
    run = tmp_path / "run"
    trained = adapted_run(run, "zoo://tiny").model.eval()
    assert main(["zoo", "publish", str(run), "--out", str(zoo), "--name", "tiny-labels"]) == 0, capsys.readouterr().err
    written = tree(zoo / "tiny-labels")
    assert "model.safetensors" not in written
    assert "tokenizer.json" not in written
    assert not [name for name, content in written.items() if str(tmp_path).encode() in content]
    pinned = yaml.safe_load((zoo / "tiny-labels.yaml").read_text())["backbone"]
    assert json.loads(written["config.json"])["adapter"]["base"] == pinned
    assert json.loads(written["adapter_config.json"])["base_model_name_or_path"] == pinned
    opened = gkmvlp.load("tiny-labels", device="cpu")
    image = torch.rand(2, 1, 32, 32), torch.rand(2, 29, 4).sort(-1).values, torch.ones(2, 29, dtype=torch.bool)
    with torch.no_grad():
        wanted, got = (model.encode_image(*image).memory.value for model in (trained, opened.model))
    torch.testing.assert_close(got, wanted, atol=2e-5, rtol=1e-4)


def test_an_adapter_over_a_folder_is_not_published(zoo, tmp_path, capsys):
    run = tmp_path / "run"
    adapted_run(run, str(tmp_path / "base-run" / "backbone"))
    assert main(["zoo", "publish", str(run), "--out", str(zoo), "--name", "tiny-labels"]) == 1
    error = capsys.readouterr().err
    assert "published over a base of the zoo" in error
    assert error.count("\n") == 1
    assert not (zoo / "tiny-labels").exists()

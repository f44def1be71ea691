"""Every config that ships is parsed; the phantom ones run; a resumed run ends where an uninterrupted one does."""

import json
from dataclasses import fields

import pytest
import torch
import yaml
from lightning.pytorch import Callback
from safetensors.torch import load_file

from gkmvlp.app.cli import main
from gkmvlp.app.running.configs import zoo_configs
from gkmvlp.checkpoints.systems import SYSTEMS
from gkmvlp.metrics.results.evaluate import figures_of
from tests.tiny import words

CONFIGS = {name: file for name, file in zoo_configs().items() if not name.startswith("_base/")}
PRESETS = [name for name in zoo_configs() if name.startswith("_base/") and "architecture" not in name]


class StopAfterFirstEpoch(Callback):
    """Ends a run as a full disk or a time limit would, between two epochs."""

    def on_train_epoch_end(self, trainer, pl_module):
        trainer.should_stop = True


def test_something_ships():
    assert {"pretrain-phantom", "vqa-phantom"} <= set(CONFIGS)
    assert {"_base/cpu", "_base/one_gpu", "_base/eight_gpus", "_base/eight_gpus_fsdp"} <= set(PRESETS)


@pytest.mark.parametrize("name", CONFIGS)
def test_config_is_parsed_into_what_it_says(name, capsys):
    said = yaml.safe_load(CONFIGS[name].read_text())
    assert CONFIGS[name].read_text().startswith("# ")
    assert main(["fit", f"--config=zoo://{name}", "--print_config"]) == 0
    parsed = yaml.safe_load(capsys.readouterr().out)
    for part in ("model", "data"):
        assert parsed[part]["class_path"].rpartition(".")[2] == said[part]["class_path"]
        for key, value in said[part]["init_args"].items():
            if not isinstance(value, dict | str):
                assert parsed[part]["init_args"][key] == value
    given = parsed["model"]["init_args"]["architecture"]
    system = next(one for one in SYSTEMS.values() if {part.name for part in fields(one.architecture)} == set(given))
    architecture = system.architecture.from_dict(given)
    for key in ("image_size", "resize_mode", "intensity"):
        assert parsed["data"]["init_args"][key] == getattr(architecture, key)


@pytest.mark.parametrize("name", PRESETS)
def test_trainer_preset_is_parsed(name, capsys):
    assert main(["fit", "--config=zoo://pretrain-phantom", f"--trainer=zoo://{name}", "--print_config"]) == 0
    parsed = yaml.safe_load(capsys.readouterr().out)["trainer"]
    said = yaml.safe_load(zoo_configs()[name].read_text())
    for owner in said.keys() & {"logger", "strategy"}:  # what it leaves open is filled in
        given, wanted = parsed[owner]["init_args"], said.pop(owner)["init_args"]
        assert {key: given[key] for key in wanted} == wanted
    assert {key: parsed[key] for key in said} == said


def test_pre_training_on_phantoms_runs_and_is_tested(phantoms, pretrained, tmp_path, capsys):
    """The best checkpoint of the fit, tested; predictions of the three entity tasks."""
    out = tmp_path / "run"
    assert (
        main(["test", *words("pretrain-phantom", phantoms, out), f"--ckpt_path={pretrained}/checkpoints/best.ckpt"])
        == 0
    )
    assert capsys.readouterr().err == ""
    for task in ("entity_classification", "zero_shot", "grounding"):
        figures = figures_of(out / "predictions" / f"{task}.parquet")
        assert {figure.model for figure in figures} == {"pretrained"}
        assert {figure.data for figure in figures} == {"phantom-mimic-cxr"}
        assert {figure.boxes for figure in figures} == {"atlas"}
    written = {file.name for file in pretrained.iterdir()}
    assert {"config.yaml", "manifest.json", "backbone", "checkpoints", "tensorboard"} <= written
    assert json.loads((pretrained / "manifest.json").read_text())["rows"] == {"train": 21, "validate": 1, "test": 3}


def test_a_longer_pre_training_goes_on_from_a_backbone(phantoms, pretrained, tmp_path):
    line = words("pretrain-phantom-longer", phantoms, tmp_path, f"--model.init_args.backbone={pretrained / 'backbone'}")
    assert main(["fit", *line]) == 0
    before, after = (load_file(folder / "backbone" / "model.safetensors") for folder in (pretrained, tmp_path))
    assert before.keys() == after.keys()
    names = [name for name in before if before[name].is_floating_point() and "running_" not in name]
    moved = max((after[name] - before[name]).abs().max().item() for name in names)
    assert 0 < moved < 0.01  # three steps of AdamW at 1e-3; a fresh start would differ by its initialisation


def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(phantoms, tmp_path):
    """Shuffled, augmented, two workers, stopped after the first of two epochs."""

    def fit(folder, *more):
        line = words("pretrain-phantom", phantoms, tmp_path / folder, "--data.init_args.num_workers=2")
        assert main(["fit", *line, "--trainer.max_epochs=2", *more]) == 0
        return torch.load(tmp_path / folder / "checkpoints" / "last.ckpt", weights_only=True)

    whole = fit("whole")
    # the second fit is cut off at an epoch's end, its schedule still made for both
    cut = fit("part", "--trainer.callbacks+=StopAfterFirstEpoch")
    assert (whole["epoch"], cut["epoch"]) == (1, 0)
    assert any(not torch.equal(tensor, cut["state_dict"][name]) for name, tensor in whole["state_dict"].items())
    rest = fit("part", f"--ckpt_path={tmp_path / 'part/checkpoints/last.ckpt'}")
    assert rest["global_step"] == whole["global_step"]
    for name, tensor in whole["state_dict"].items():
        assert torch.equal(tensor, rest["state_dict"][name]), name

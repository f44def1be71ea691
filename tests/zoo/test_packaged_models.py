"""The models of the package: made, measured as released, published without loss, and small."""

import dataclasses

import pytest
import torch
import yaml
from safetensors.torch import load_file

from gkmvlp.app.cli import main
from gkmvlp.app.experiments import packaged_figures, packaged_models
from gkmvlp.app.running.configs import by_name
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints.calibration_file import read_calibration
from gkmvlp.zoo.entry import PACKAGED, dump
from gkmvlp.zoo.inference.loading import open_predictor
from gkmvlp.zoo.registry import find, list_models
from gkmvlp.zoo.store import model_files, packaged
from gkmvlp.zoo.store.download import download
from tests import tiny
from tests.app.small_models import write_images
from tests.zoo.store.server import serving

MOST = 22e6  # bytes of all models that come with the package: five of GK-MVLP, two of ARL


def test_only_what_is_its_own_and_halves_where_they_are_exact():
    state = {"same": torch.tensor([1.0, 1 / 3]), "half": torch.tensor([0.5]), "full": torch.tensor([1 / 3]),
             "whole": torch.tensor([70_001]), "wide": torch.tensor([1e6])}  # fmt: skip
    found = model_files.compact(state, {"same": state["same"].clone(), "half": torch.tensor([0.25])})
    assert {name: t.dtype for name, t in found.items()} == {
        "half": torch.float16, "full": torch.float32, "whole": torch.int64, "wide": torch.float32}  # fmt: skip
    assert all(torch.equal(t.to(state[name].dtype), state[name]) for name, t in found.items())
    assert torch.equal(model_files.rounded(state)["wide"], state["wide"])
    third = model_files.rounded(state)["full"]
    assert third.dtype == torch.float32
    assert third.item() == torch.tensor(1 / 3).half().item()


@pytest.mark.slow
def test_a_backbone_and_what_is_fine_tuned_from_it(package, tmp_path, monkeypatch):
    """What is published reads as what was measured, holds no tensor of its backbone, and is not trained twice."""
    monkeypatch.setattr(packaged_models, "CORPORA", {"mimic": 24, "vqa": 10})
    monkeypatch.setattr(packaged_figures, "CORPORA", packaged_models.CORPORA)
    monkeypatch.setattr(packaged_figures, "MODELS", packaged.MODELS[:2])
    monkeypatch.setattr(packaged_models, "CALIBRATION", {"mimic": 40, "vqa": 10})
    monkeypatch.setattr(packaged_models, "MODELS", packaged.MODELS[:2])

    out, models = tmp_path / "out", tmp_path / "models"
    words = ["zoo", "make", "--out", str(out), "--models", str(models)]
    words += [f"--set={word.removeprefix('--')}" for word in tiny.options()]
    monkeypatch.setenv("GKMVLP_ZOO", str(models))
    models.mkdir()
    assert main(words) == 0
    base, vqa = find("gk-mvlp-phantom"), find("gk-mvlp-phantom-vqa")
    assert vqa.backbone == base.reference
    for entry in (base, vqa):
        calibration = open_predictor(entry.reference, "cpu").calibration
        assert calibration.split.startswith("all of ")
        assert any(calibration.summary in limit for limit in entry.limits)
        assert calibration.summary in (models / f"{entry.name}.md").read_text()
    measured = tiny.tree(models)
    for entry in (base, vqa):  # tested again as they are, they give the same figures
        bare = dataclasses.replace(entry, results=[], groups=[])
        (models / f"{entry.name}.yaml").write_text(dump(bare))
    assert main([*words, "--only-test"]) == 0
    assert tiny.tree(models) == measured
    assert {grouped.by for grouped in base.groups} == {"sex", "age", "view"}
    own = load_file(download(vqa) / "model.safetensors")
    assert all(t.dtype != torch.float32 for t in own.values())
    assert not [name for name in own if name.startswith(("vision.", "knowledge.", "regions."))]
    run = out / "gk-mvlp-phantom-vqa"
    whole, ours = (backbones.load(folder).model.state_dict() for folder in (download(vqa), run / "model"))
    assert whole.keys() == ours.keys()
    assert all(torch.equal(t, whole[name]) for name, t in ours.items())
    checkpoint = torch.load(run / "checkpoints" / "rounded.ckpt", weights_only=True)["state_dict"]
    assert all(torch.equal(t, checkpoint[f"model.{name}"]) for name, t in ours.items())
    image = write_images(tmp_path, 1)[0]
    question = "is there a pleural effusion?"
    assert open_predictor("zoo://gk-mvlp-phantom-vqa", "cpu").predict(image, question) == open_predictor(
        run, "cpu"
    ).predict(image, question)
    monkeypatch.setattr("gkmvlp.zoo.registry.PACKAGED", tmp_path / "none")  # a name of the package is not taken twice
    with serving(models) as server:  # by the address of the fine-tuned model alone
        monkeypatch.setenv("GKMVLP_CACHE", str(tmp_path / "other"))
        monkeypatch.delenv("GKMVLP_ZOO")
        assert main(["zoo", "download", f"{server.url}/gk-mvlp-phantom-vqa.yaml"]) == 0
    monkeypatch.setenv("GKMVLP_OFFLINE", "1")
    assert (
        open_predictor("gk-mvlp-phantom-vqa", "cpu").predict(image, question).answer in open_predictor(run).head.answers
    )
    monkeypatch.setenv("GKMVLP_ZOO", str(models))
    monkeypatch.setenv("GKMVLP_CACHE", str(tmp_path / "cache"))
    before = tiny.tree(models)
    monkeypatch.setattr(packaged_models, "fit", lambda *words: pytest.fail("run again"))
    assert main(words) == 0
    assert tiny.tree(models) == before
    assert main([*words, "--only", "gk-mvlp-phantom-vqa"]) == 0
    assert tiny.tree(models) == before
    assert main([*words, "--only", "gk-mvlp-phantom-xyz"]) == 2
    anew = ["zoo", "make", "--only-calibrate", "--out", str(out), "--models", str(models)]
    assert main(anew) == 0  # the weights stay, and who stands on another's files names those of today
    assert find("gk-mvlp-phantom-vqa").backbone == find("gk-mvlp-phantom").reference != base.reference
    after = {file.name: file.sha256 for file in find("gk-mvlp-phantom").files}
    changed = {file.name for file in base.files if after[file.name] != file.sha256}
    assert changed == {"calibration.json"}
    assert open_predictor("gk-mvlp-phantom-vqa", "cpu").predict(image, question).answer is not None
    assert main([*anew, "--set", "trainer.max_epochs=1"]) == 2
    with pytest.raises(SystemExit):
        main([*anew, "--only-test"])


CHOSEN_ELSEWHERE = ("root", "default_root_dir", "backbone", "architecture")


@pytest.mark.parametrize("one", packaged.MODELS, ids=lambda one: one.config)
def test_what_ships_was_trained_by_the_config_of_today(package, one):
    """Every value of the config stands in the training config that lies with the model."""
    entry = find(one.name)
    trained = yaml.safe_load((download(entry) / entry.config).read_text())
    config = yaml.safe_load(by_name(one.config).read_text())
    differing = []
    for key in tiny.leaves({name: config[name] for name in ("seed_everything", "model", "data")}):
        if not set(key.split(".")) & {*CHOSEN_ELSEWHERE, "class_path"} and value(trained, key) != value(config, key):
            differing.append(key)
    assert not differing
    assert {key: trained["trainer"][key] for key in ("max_epochs", "max_steps")} == {
        key: config["trainer"].get(key, -1) for key in ("max_epochs", "max_steps")
    }


def value(config, key):
    """What a dotted key holds, of a dataclass that is written with its path too; None where the config lacks it."""
    for name in key.split("."):
        inside = config or {}
        config = inside.get(name, inside.get("init_args", {}).get(name))
    return config


@pytest.mark.parametrize("one", packaged.MODELS, ids=lambda one: one.name)
def test_what_ships_says_what_its_probabilities_mean(package, one):
    """Each head with probabilities is calibrated on phantoms that did not train it, and entry and card say so."""
    entry = find(one.name)
    calibration = read_calibration(download(entry))
    if entry.task in ("report_generation", "localization"):
        assert calibration is None
        return
    assert calibration.split.startswith("all of ")
    assert calibration.split.removeprefix("all of ") not in {result.split for result in entry.results}
    assert any(calibration.summary in limit for limit in entry.limits)
    assert calibration.notes == []


def test_what_ships_is_there_small_and_right(package):
    assert {one.name for one in packaged.MODELS} == {name for name in list_models() if find(name).packaged_folder}
    starts = {one.name: one.backbone and find(one.backbone).reference for one in packaged.MODELS}
    assert {name: find(name).backbone for name in starts} == starts
    files = [file for file in PACKAGED.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < MOST
    assert main(["zoo", "verify"]) == 0


@pytest.mark.parametrize("name", ["gk-mvlp-phantom", "arl-phantom"])
def test_the_command_on_the_card_of_a_backbone_reads_an_image(package, tmp_path, capsys, name):
    image = write_images(tmp_path, 1)[0]
    (command,) = [
        line for line in (PACKAGED / f"{name}.md").read_text().splitlines() if line.startswith("gkmvlp predict")
    ]
    assert main([*command.split()[1:-1], str(image), "--gate", "off"]) == 0
    assert "pneumothorax" in capsys.readouterr().out

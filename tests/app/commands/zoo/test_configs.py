"""gkmvlp zoo configs, and every config of the zoo against the code."""

import pytest
import yaml

from gkmvlp.app.cli import main
from gkmvlp.app.running.configs import zoo_configs

CONFIGS = [name for name in zoo_configs() if not name.startswith("_")]
BASES = [name for name in zoo_configs() if name.startswith("_")]
PRESETS = [name for name in BASES if "accelerator" in zoo_configs()[name].read_text()]  # of the trainer


@pytest.mark.parametrize("name", CONFIGS)
def test_config_matches_the_code(name, capsys):
    assert main(["fit", f"--config=zoo://{name}", "--print_config"]) == 0
    assert "class_path" in yaml.safe_load(capsys.readouterr().out)["model"]


def holds(values, wanted):
    """Whether values have all that is wanted; a class's arguments may have defaults beside."""
    if isinstance(wanted, dict):
        return all(holds(values[key], value) for key, value in wanted.items())
    return values == wanted


@pytest.mark.parametrize("name", PRESETS)
def test_preset_composes_by_relative_path(name, tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["zoo", "configs", "copy", name, str(tmp_path / "_base")]) == 0
    config = tmp_path / "config.yaml"
    config.write_text(f"trainer: {name}.yaml\nmodel: lightning.pytorch.demos.boring_classes.BoringModel\n")
    capsys.readouterr()
    assert main(["fit", f"--config={config}", "--trainer.max_epochs=7", "--print_config"]) == 0
    trainer = yaml.safe_load(capsys.readouterr().out)["trainer"]
    preset = yaml.safe_load(zoo_configs()[name].read_text())
    assert holds(trainer, preset)
    assert trainer["max_epochs"] == 7


def test_what_a_config_is_for_is_a_whole_sentence(capsys):
    assert main(["zoo", "configs", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert not [line for line in lines if line.endswith((":", ",", ";", " from", " public"))]
    (line,) = [line for line in lines if line.startswith("zoo://report-openi ")]
    assert line.endswith("R2Gen's split and its sections, from the backbone of pretrain-openi")


def test_list_names_every_config_with_its_purpose(capsys):
    assert main(["zoo", "configs", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [f"zoo://{name}" for name in [*CONFIGS, *BASES]]
    assert all(len(line.split()) > 1 for line in lines)


def test_show_prints_the_file(capsys):
    assert main(["zoo", "configs", "show", "_base/cpu"]) == 0
    assert capsys.readouterr().out == zoo_configs()["_base/cpu"].read_text()


def test_copy_takes_the_presets_along_and_overwrites_nothing_of_the_users(tmp_path, monkeypatch, capsys):
    zoo = tmp_path / "zoo"
    (zoo / "_base").mkdir(parents=True)
    (zoo / "a.yaml").write_text("trainer: _base/cpu.yaml\n")
    (zoo / "_base/cpu.yaml").write_text("devices: 1\n")
    monkeypatch.setattr("gkmvlp.app.running.configs.zoo_folder", lambda: zoo)
    mine = tmp_path / "mine"
    for _ in range(2):  # the same bytes may be written again
        assert main(["zoo", "configs", "copy", "a", str(mine)]) == 0
    assert (mine / "a.yaml").read_text() == "trainer: _base/cpu.yaml\n"
    assert (mine / "_base/cpu.yaml").read_text() == "devices: 1\n"
    (mine / "_base/cpu.yaml").write_text("devices: 2\n")
    (mine / "a.yaml").unlink()
    capsys.readouterr()
    assert main(["zoo", "configs", "copy", "a", str(mine)]) == 1
    assert "_base/cpu.yaml exists and differs" in capsys.readouterr().err
    assert not (mine / "a.yaml").exists()

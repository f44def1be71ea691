"""What pretrain and finetune choose: config, data, backbone. No model is run; the commands are recorded."""

import dataclasses
import gc
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gkmvlp.app.cli import main
from gkmvlp.app.running import configs, outcome, recipes
from gkmvlp.app.running.outcome import finish_run
from gkmvlp.app.running.planted_truth import phantom_root
from gkmvlp.app.running.run import words_of
from gkmvlp.data_modules.synthetic.lookalikes import LOOKALIKES, layout_of
from gkmvlp.metrics.results.metric_result import Results
from gkmvlp.metrics.results.predictions import write_predictions
from gkmvlp.metrics.results.provenance import ProcessTreePeak
from tests.metrics.corpora import META, entity_table


@pytest.fixture
def ran(tmp_path, monkeypatch):
    """The commands that a recipe ran, in a folder with a toy zoo; a fit leaves its checkpoint, phantoms their root."""
    monkeypatch.chdir(tmp_path)
    zoo = tmp_path / "zoo"
    zoo.mkdir()
    for name, data in (
        ("pretrain-phantom", "MimicCxr"),
        ("pretrain-mimic", "MimicCxr"),
        ("pretrain-openi", "OpenI"),
        ("pretrain-roco", "Roco"),
        ("pretrain-pairs", "ImageReportPairs"),
        ("vqa-phantom", "gkmvlp.data_modules.VqaRad"),
        ("vqa-rad", "VqaRad"),
        ("vqa-slake", "Slake"),
        ("vqa-med-2019", "VqaMed2019"),
        ("classification-phantom", "ChestXray14"),
    ):
        (zoo / f"{name}.yaml").write_text(f"data: {{class_path: {data}}}\n")
    commands: list[list[str]] = []

    def gkmvlp(*words: str) -> None:
        commands.append([word.replace(f"{zoo}/", "") for word in words])
        out = Path(next((word.partition("=")[2] for word in words if "default_root_dir" in word), "."))
        (out / "checkpoints").mkdir(parents=True, exist_ok=True)
        (out / "checkpoints/best.ckpt").touch()
        (out / "config.yaml").write_text("data: {class_path: ImageReportPairs}\nmodel: {class_path: Any}\n")

    def write_lookalikes(root: Path, counts: dict[str, int], seed: int) -> None:
        commands.append(["phantoms", str(root), str(seed), *(f"{layout} {count}" for layout, count in counts.items())])
        for layout in counts:
            (root / LOOKALIKES[layout].folder).mkdir(parents=True)

    monkeypatch.setattr(configs, "zoo_folder", lambda: zoo)
    monkeypatch.setattr(recipes, "gkmvlp", gkmvlp)
    monkeypatch.setattr(recipes, "write_lookalikes", write_lookalikes)
    monkeypatch.setattr(recipes, "backbone_overrides", lambda backbone: {"brought-by": backbone})
    return commands


def backbone(folder: str, age: int) -> None:
    Path(folder).mkdir(parents=True)
    (Path(folder) / "config.json").touch()
    os.utime(Path(folder) / "config.json", (1e9 - age, 1e9 - age))


def test_pretrain_on_phantoms_writes_them_once(ran):
    assert main(["pretrain"]) == 0
    assert main(["pretrain", "--out", "o", "--trainer.max_epochs=1"]) == 0
    assert [words[0] for words in ran] == ["phantoms", "fit", "test", "fit", "test"]
    assert ran[0][1:] == ["outputs/demo/data", "3", "mimic 1500"]
    assert ran[1] == ["fit", "--config=pretrain-phantom.yaml", "--trainer.default_root_dir=outputs/pretrain"]
    assert ran[2] == ["test", *ran[1][1:], "--ckpt_path=outputs/pretrain/checkpoints/best.ckpt"]
    assert ran[3][2:] == ["--trainer.default_root_dir=o", "--trainer.max_epochs=1"]
    assert Path("o/results.json").is_file()


def test_each_config_gets_its_own_look_alike(ran, capsys):
    for config in ("classification-phantom", "pretrain-phantom", "classification-phantom", "vqa-phantom"):
        assert main(["pretrain", "--config", config]) == 0
    written = [words[2:] for words in ran if words[0] == "phantoms"]
    assert written == [["3", "nih 3000"], ["3", "mimic 1500"], ["3", "vqa 300"]]
    capsys.readouterr()
    Path("own.yaml").write_text("data: {class_path: ImageReportPairs}\n")
    assert main(["pretrain", "--config", "own.yaml"]) == 0
    assert "phantom" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "holds", "data", "config"),
    [
        ("pretrain", "d/notes.txt", "d", "pretrain-mimic"),
        ("pretrain", "d/mimic-cxr-jpg/2.1.0/mimic-cxr-2.0.0-split.csv.gz", "d", "pretrain-mimic"),
        ("pretrain", "d/mimic-cxr-2.0.0-split.csv.gz", "d", "pretrain-mimic"),
        ("pretrain", "d/ecgen-radiology/1.xml", "d", "pretrain-openi"),
        ("pretrain", "d/iu_xray/annotation.json", "d", "pretrain-openi"),
        ("pretrain", "d/indiana_reports.csv", "d", "pretrain-openi"),
        ("pretrain", "d/data/train/radiology/captions.txt", "d", "pretrain-roco"),
        ("pretrain", "d/own.csv", "d/own.csv", "pretrain-pairs"),
        ("finetune vqa", "d/VQA_RAD Dataset Public.json", "d", "vqa-rad"),
        ("finetune vqa", "d/Slake1.0/train.json", "d", "vqa-slake"),
        (
            "finetune vqa",
            "d/ImageClef-2019-VQA-Med-Training/QAPairsByCategory/C1_Modality_train.txt",
            "d",
            "vqa-med-2019",
        ),
    ],
)
def test_data_choose_the_real_config_by_what_they_hold(ran, capsys, command, holds, data, config):
    Path(holds).parent.mkdir(parents=True)
    Path(holds).touch()
    given = [] if command == "pretrain" else ["--backbone", "null"]
    assert main([*command.split(), *given, "--root", data]) == 0
    assert ran[0][1] == f"--config={config}.yaml"
    assert f"config: {config} (" in capsys.readouterr().out
    assert ran[0][3] == f"--data.init_args.{'table' if config == 'pretrain-pairs' else 'root'}={data}"


@pytest.mark.parametrize("command", ["pretrain", "finetune vqa", "evaluate grounding", "experiment learning-rate"])
@pytest.mark.parametrize("data", ["nowhere", "empty", "own.csv/inside"])
def test_a_place_without_data_is_told_before_a_library_is_loaded(command, data, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "own.csv").touch()
    words = [sys.executable, "-X", "importtime", "-m", "gkmvlp", *command.split(), "--root", data]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    *loaded, line = done.stderr.splitlines()
    assert done.returncode == 2
    assert line.startswith(f"gkmvlp: argument --root: {data}: ")
    assert "name the place of the data" in line
    assert not [each for each in loaded if each.split("|")[-1].strip() in ("torch", "pandas", "lightning")]


def test_what_is_set_is_what_is_given_as_an_option(ran):
    Path("d").mkdir()
    Path("d/notes.txt").touch()
    for words in (["--set", "trainer.max_epochs=1"], ["--trainer.max_epochs=1"]):
        assert main(["finetune", "vqa", "--root", "d", "--backbone", "null", *words]) == 0
    assert ran[0] == ran[2]
    assert "--trainer.max_epochs=1" in ran[0]


def test_a_table_of_pairs_is_named_as_data_are(ran):
    Path("own.yaml").write_text("data: {class_path: gkmvlp.data_modules.ImageReportPairs}\n")
    Path("pairs.csv").touch()
    assert main(["pretrain", "--config", "own.yaml", "--root", "pairs.csv"]) == 0
    assert ran[0][3:] == ["--data.init_args.table=pairs.csv"]


def test_only_phantoms_that_were_read_are_scored_on_what_was_planted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for root in ("outputs/demo/data", "own"):  # the demo's phantoms lie there, whatever a run reads
        (Path(root) / "_truth").mkdir(parents=True)
        (Path(root) / "_truth" / "findings.parquet").touch()
    for name, part in (
        ("pairs", "table: p.csv"),
        ("mimic", "root: /mimic"),
        ("phantoms", "root: own"),
        ("openi", "root: own"),
    ):
        Path(name).mkdir()
        kind = "gkmvlp.data_modules.OpenI" if name == "openi" else "D"
        text = f"data: {{class_path: {kind}, init_args: {{{part}}}}}\nmodel: {{class_path: M}}\n"
        (Path(name) / "config.yaml").write_text(text)
    assert [phantom_root(Path(name)) for name in ("pairs", "mimic", "phantoms")] == [None, None, Path("own")]
    assert phantom_root(Path("openi")) is None  # the truth there is of MIMIC-CXR's look-alike


def test_a_backbone_brings_its_architecture_and_its_frame():
    assert words_of(recipes.backbone_overrides("zoo://gk-mvlp-phantom")) == [
        "--model.init_args.architecture=null",
        "--data.init_args.image_size=128",
        "--data.init_args.resize_mode=pad",
        "--data.init_args.intensity=equalized",
    ]


def test_finetune_takes_the_newest_backbone_and_tests_its_best_checkpoint(ran, capsys):
    backbone("outputs/pretrain/backbone", age=2)
    backbone("outputs/demo/backbone", age=1)
    Path("rad.json").touch()
    assert main(["finetune", "vqa", "--root", "rad.json", "--out", "o", "--trainer.max_epochs=1"]) == 0
    common = [
        "--config=vqa-rad.yaml",
        "--trainer.default_root_dir=o",
        "--data.init_args.root=rad.json",
        "--model.init_args.backbone=outputs/demo/backbone",
        "--brought-by=outputs/demo/backbone",
        "--trainer.max_epochs=1",
    ]
    assert ran == [["fit", *common], ["test", *common, "--ckpt_path=o/checkpoints/best.ckpt"]]
    assert "backbone: outputs/demo/backbone" in capsys.readouterr().out


def test_finetune_without_any_backbone_takes_the_one_of_the_package_and_says_so(ran, capsys):
    assert main(["finetune", "vqa"]) == 0
    assert [words[0] for words in ran] == ["phantoms", "fit", "test"]
    assert ran[1][1] == "--config=vqa-phantom.yaml"
    assert "--model.init_args.backbone=zoo://gk-mvlp-phantom" in ran[1]
    assert "backbone: zoo://gk-mvlp-phantom" in capsys.readouterr().out


def test_named_backbone_and_config_win(ran, capsys):
    Path("own.yaml").write_text("seed_everything: 1\n")
    assert main(["finetune", "vqa", "--root", "own.yaml", "--config", "own.yaml", "--backbone", "null"]) == 0
    assert ran[0][1] == "--config=own.yaml"
    assert ran[0][-1] == "--model.init_args.backbone=null"
    assert main(["finetune", "vqa", "--config", "vqa-rda"]) == 2
    assert "did you mean zoo://vqa-rad?" in capsys.readouterr().err


def test_a_failing_step_ends_the_recipe_with_its_code(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        recipes.gkmvlp("zoo", "configs", "show", "nothing-like-this")
    assert stop.value.code == 2
    assert capfd.readouterr().err.count("\n") == 1


def test_recorded_figures_are_those_of_the_run_without_the_place_of_predictions(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(outcome, "write_run_page", lambda out, found, groups: out / "report.html")
    table, meta = entity_table(), {**META, "task": "entity_classification"}
    write_predictions(tmp_path / "run" / "predictions" / "entity_classification.parquet", table, meta)
    finish_run(tmp_path / "run", ProcessTreePeak(), tmp_path / "docs" / "entities.json")
    own, recorded = (Results.read(tmp_path / file).figures for file in ("run/results.json", "docs/entities.json"))
    assert [dataclasses.replace(figure, predictions=None) for figure in own] == recorded
    assert all(figure.predictions for figure in own)
    assert "entity_auroc_macro" in capsys.readouterr().out


@pytest.mark.parametrize(("task", "config"), [("vqa", "vqa-phantom"), ("regions", "regions-phantom")])
def test_a_backbone_of_another_architecture_is_fine_tuned_as_it_is(
    task, config, pretrained, phantoms, tmp_path, monkeypatch
):
    """The config is of 128 pixels and the small model, the backbone of 32 and a tiny one."""
    monkeypatch.setattr(recipes, "gkmvlp", lambda *words: main(list(words)))
    places = ["--root", str(phantoms), "--out", str(tmp_path / "run"), "--backbone", str(pretrained / "backbone")]
    short = ["--trainer.max_epochs=1", "--trainer.check_val_every_n_epoch=1"]
    assert main(["finetune", task, "--config", config, *places, *short]) == 0
    ours, theirs = (
        json.loads((folder / "config.json").read_text())["architecture"]
        for folder in (tmp_path / "run" / "model", pretrained / "backbone")
    )
    assert (ours["image_size"], ours["vision"]) == (32, theirs["vision"])
    assert (tmp_path / "run" / "results.json").is_file()


def test_a_class_of_ones_own_is_no_class_of_this_package_of_that_name(tmp_path, monkeypatch):
    """Its data lie where its own class says, and it has no look-alike."""
    (tmp_path / "my_sets.py").write_text(
        "from gkmvlp.data_modules import ImageReportPairs\nclass OpenI(ImageReportPairs):\n    pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    config = tmp_path / "mine.yaml"
    for data, name, key in (
        ("{class_path: my_sets.OpenI}", "my_sets.OpenI", "table"),
        ("{class_path: gkmvlp.data_modules.OpenI}", "OpenI", "root"),
        ("OpenI", "OpenI", "root"),
    ):
        config.write_text(f"data: {data}\n")
        assert configs.data_class(config) == name
        assert recipes.location_key(name) == key
    assert layout_of("my_sets.OpenI") is None
    assert layout_of("OpenI") == "openi"
    del sys.modules["my_sets"]  # else the short name OpenI means two classes in the tests that follow
    gc.collect()

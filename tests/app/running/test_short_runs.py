"""Trials: a fit of a few steps is validated, one without validation says so, and any logger leaves curves."""

import importlib.util
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from lightning.pytorch import Trainer

from gkmvlp.app.cli import main
from gkmvlp.app.pages.training_curves import curves_of
from gkmvlp.app.running.run import Run
from gkmvlp.app.running.trainer_defaults import allow_unused
from tests.processes import gkmvlp
from tests.tiny import words

CONFIG = """
trainer: {accelerator: cpu, devices: 1, max_epochs: 2, log_every_n_steps: 1, default_root_dir: out}
model: {class_path: tests.app.toy.ToyTask, init_args: {width: 3}}
data: {class_path: tests.app.toy.ToyData, init_args: {rows: 20}}
"""  # ten batches an epoch


def fit(*more: str) -> int:
    return main(["fit", "--config=toy.yaml", *more])


def validated() -> list[int]:
    """Steps of the validations of the fit in ``out``."""
    return curves_of(Path("out"))["val/loss"]["step"].tolist()


@pytest.mark.parametrize(
    ("more", "steps"),
    [
        (["--trainer.max_steps=3"], [2]),
        (["--trainer.max_steps=13", "--trainer.check_val_every_n_epoch=2"], [12]),
        (["--trainer.max_steps=3", "--trainer.val_check_interval=5"], [2]),
        (["--trainer.max_steps=3", "--trainer.accumulate_grad_batches=2"], [2]),
        (["--trainer.max_epochs=1", "--trainer.check_val_every_n_epoch=5"], [9]),
        (["--trainer.check_val_every_n_epoch=null", "--trainer.val_check_interval=50"], [19]),
        (["--trainer.check_val_every_n_epoch=null", "--trainer.val_check_interval=1.0"], [9, 19]),  # a share of each
        (["--trainer.limit_train_batches=4", "--trainer.val_check_interval=10"], [3, 7]),
        (["--trainer.val_check_interval=5"], [4, 9, 14, 19]),  # long enough as it is
        ([], [9, 19]),
    ],
)
def test_a_fit_is_validated_before_it_ends(more, steps, toy, capsys):
    assert fit(*more) == 0
    assert validated() == steps
    best = torch.load("out/checkpoints/best.ckpt", weights_only=True)
    assert best["global_step"] - 1 in steps
    noted = "note: val_check_interval 10 is more than the 4 batches of an epoch" in capsys.readouterr().out
    assert noted == ("--trainer.limit_train_batches=4" in more)


@pytest.mark.parametrize("key", ["max_steps", "max_epochs", "limit_train_batches"])
def test_a_fit_that_would_train_nothing_is_one_line_and_leaves_nothing(key, toy, capsys):
    assert fit(f"--trainer.{key}=0") == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"trainer.{key}: 0 trains nothing" in error
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("accumulate_grad_batches=0", "trainer.accumulate_grad_batches must be at least 1, got 0"),
        ("accumulate_grad_batches=-1", "trainer.accumulate_grad_batches must be at least 1, got -1"),
        ("check_val_every_n_epoch=0", "trainer.check_val_every_n_epoch must be at least 1, got 0"),
        ("val_check_interval=0", "trainer.val_check_interval must be above 0"),
        ("val_check_interval=0.0", "trainer.val_check_interval must be above 0"),
        ("gradient_clip_val=-1", "trainer.gradient_clip_val must be at least 0"),
        ("log_every_n_steps=-1", "trainer.log_every_n_steps must be at least 0"),
        ("devices=-5", "trainer.devices must be a number of devices from 1 on, a list, -1 or auto, got -5"),
    ],
)
def test_a_number_that_cannot_work_is_one_line_and_leaves_nothing(word, told, toy, capsys):
    assert fit(f"--trainer.{word}") == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert told in error
    assert not Path("out").exists()


@pytest.mark.parametrize(
    "key", ["trainer.default_root_dir", "data.init_args.root", "model.init_args.backbone", "config"]
)
def test_an_empty_option_is_no_folder(key, toy, capsys):
    for given in ([f"--{key}="], [f"--{key}", ""]):
        assert fit(*given) == 2
        assert capsys.readouterr().err == f"gkmvlp: --{key} is empty: name what is meant, or leave it out\n"


def test_a_seed_that_no_generator_takes_is_one_line(toy, capsys):
    assert fit("--seed_everything=-1") == 1
    assert capsys.readouterr().err == "gkmvlp: seed_everything must be from 0 to 4294967295, got -1\n"


def test_going_on_from_nothing_is_said_in_one_line(toy, capsys):
    assert fit("--ckpt_path=last", "--trainer.max_epochs=1") == 0
    told = capsys.readouterr()
    assert "note: no last.ckpt in out/checkpoints to go on from\n" in told.out
    assert "no last checkpoint available" not in told.out + told.err


def test_a_fit_that_ends_before_its_first_step_leaves_no_backbone(phantoms, tmp_path):
    done = gkmvlp("fit", *words("pretrain-phantom", phantoms, tmp_path / "out"), "--trainer.max_time=00:00:00:00")
    assert done.returncode == 1, done.stdout
    assert done.stderr.count("\n") == 1
    assert "ended before its first step: no model is left" in done.stderr
    assert not (tmp_path / "out" / "backbone").exists()


def test_a_fit_without_validation_leaves_its_last_checkpoint_which_a_recipe_takes_and_says_why(toy, capsys):
    assert fit("--trainer.limit_val_batches=0") == 0
    assert sorted(file.name for file in Path("out/checkpoints").iterdir()) == ["last.ckpt"]
    capsys.readouterr()
    assert Run("toy.yaml", Path("out")).tested_checkpoint() == Path("out/checkpoints/last.ckpt")
    assert "no best.ckpt: the fit was never validated" in capsys.readouterr().out


def test_a_rerun_without_validation_does_not_take_the_best_of_the_fit_before(toy, capsys):
    folder = Path("out/checkpoints")
    assert fit("--trainer.max_epochs=1") == 0
    before = (folder / "best.ckpt").read_bytes()
    assert fit("--trainer.limit_val_batches=0", f"--ckpt_path={folder / 'last.ckpt'}") == 0
    assert (folder / "best.ckpt").read_bytes() == before  # a fit that goes on has what its validation chose
    capsys.readouterr()
    assert fit("--trainer.limit_val_batches=0") == 0
    assert "best.ckpt is of an earlier fit, and is now earlier-best.ckpt" in capsys.readouterr().out
    assert sorted(file.name for file in folder.iterdir()) == ["earlier-best.ckpt", "last.ckpt"]
    assert (folder / "earlier-best.ckpt").read_bytes() == before
    assert Run("toy.yaml", Path("out")).tested_checkpoint() == folder / "last.ckpt"
    assert fit("--trainer.enable_checkpointing=false") == 0
    assert sorted(file.name for file in folder.iterdir()) == ["earlier-best.ckpt", "earlier-last.ckpt"]


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("--trainer.logger=CSVLogger", "CSVLogger needs save_dir: add --trainer.logger.init_args.save_dir=VALUE"),
        ("--trainer.logger=[{class_path: CSVLogger}]", "CSVLogger needs save_dir: add --trainer.logger"),
        ("--trainer.logger.class_path=TensorBoardLogger", "TensorBoardLogger needs save_dir"),
        ("--trainer.callbacks=EarlyStopping", "EarlyStopping needs monitor: add --trainer.callbacks"),
    ],
)
def test_a_class_without_an_argument_that_it_needs_is_one_line_with_the_remedy(word, told, toy, capsys):
    assert fit(word) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert told in error


def test_a_fit_without_validation_rows_stops_before_it_writes_anything(phantoms, tmp_path):
    out = tmp_path / "out"
    table = tmp_path / "pairs.csv"
    images = sorted((phantoms / "mimic-cxr-jpg").rglob("*.jpg"))[:4]
    rows = [(str(image), "No effusion.", image.stem, "train") for image in images]
    pd.DataFrame(rows, columns=["image", "report", "patient_id", "split"]).to_csv(table, index=False)
    tiny = [word for word in words("pretrain-pairs", phantoms, out) if "init_args.root" not in word]
    done = gkmvlp("fit", *tiny, f"--data.init_args.table={table}")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "no validate rows are left" in done.stderr
    assert not out.exists()


@pytest.mark.parametrize("logger", ["false", "lightning.pytorch.loggers.CSVLogger"])
def test_any_logger_leaves_curves(logger, toy):
    more = ["--trainer.logger.init_args.save_dir=own"] if "CSV" in logger else []
    assert fit(f"--trainer.logger={logger}", *more) == 0
    assert validated() == [9, 19]
    assert Path("own").is_dir() == bool(more)


def test_curves_of_a_resumed_fit_go_on(toy):
    assert fit("--trainer.max_epochs=1") == 0
    assert fit("--ckpt_path=out/checkpoints/last.ckpt") == 0
    assert validated() == [9, 19]
    assert fit("--trainer.max_epochs=1") == 0  # begun anew
    assert validated() == [9]


@pytest.mark.parametrize("name", ["WandbLogger", "MLFlowLogger", "CometLogger"])
def test_a_logger_whose_package_is_missing_is_one_line_with_the_command(name, toy):
    package = {"WandbLogger": "wandb", "MLFlowLogger": "mlflow", "CometLogger": "comet"}[name]
    if importlib.util.find_spec(package):
        pytest.skip(f"{package} is installed")
    done = gkmvlp("fit", "--config=toy.yaml", f"--trainer.logger={name}")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"the package {package}" in done.stderr
    assert f"pip install '{package}" in done.stderr
    assert not Path("out").exists()


@pytest.fixture
def named(toy):
    """A config that names its data as phantoms."""
    Path("named.yaml").write_text(CONFIG.replace("rows: 20", "rows: 20, dataset_name: phantom-toy"))
    return toy


@pytest.mark.parametrize(
    ("more", "kept"),
    [
        (["--data=tests.app.toy.OtherData"], None),
        (["--data=tests.app.toy.OtherData", "--data.init_args.dataset_name=mine"], "mine"),
        (["--data.init_args.rows=4"], "phantom-toy"),
    ],
)
def test_an_own_class_does_not_take_the_name_of_a_configs_phantoms(more, kept, named):
    assert main(["fit", "--config=named.yaml", "--trainer.max_epochs=1", *more]) == 0
    assert yaml.safe_load(Path("out/config.yaml").read_text())["data"]["init_args"]["dataset_name"] == kept


def test_a_strategy_of_several_devices_allows_unused_parameters_unless_told_otherwise():
    for strategy, allowed in (("auto", True), ("ddp", True), ("ddp_find_unused_parameters_false", False)):
        trainer = Trainer(accelerator="cpu", devices=2, strategy=strategy, logger=False)
        allow_unused(trainer)
        assert trainer.strategy._ddp_kwargs["find_unused_parameters"] == allowed

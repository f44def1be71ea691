"""fit, validate and test on a toy task: what a run writes, and what a failing one leaves behind."""

import errno
import fcntl
import json
import logging
import os
import signal
import sys
import warnings
from io import StringIO
from pathlib import Path

import pytest
import torch
import yaml
from torch.utils.data import DataLoader

from gkmvlp.app.cli import main
from gkmvlp.app.running.folder_lock import FolderLock
from gkmvlp.app.running.trainer_defaults import quiet_log
from gkmvlp.errors import ConfigError, DataError

CONFIG = """
trainer: {accelerator: cpu, devices: 1, max_epochs: 2, log_every_n_steps: 1}
model: {class_path: ToyTask, init_args: {width: 3}}
data: {class_path: ToyData, init_args: {rows: 4}}
"""


def tree(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def fit(*words: str, config: str = "toy.yaml") -> int:
    return main(["fit", f"--config={config}", "--trainer.default_root_dir=out", *words])


def test_fit_writes_config_manifest_checkpoints_and_curves(toy, capsys):
    assert fit() == 0
    output = capsys.readouterr()
    assert output.err == ""
    assert "litlogger" not in output.out
    assert "parameters: 0.0 M, trained 0.0 M" in output.out
    assert output.out.splitlines()[-2:] == ["rows: 4 read, 0 dropped", "written to out"]
    files = tree(toy / "out")
    assert {"config.yaml", "manifest.json", "checkpoints/best.ckpt", "checkpoints/last.ckpt"} <= set(files)
    assert any(name.startswith("tensorboard/events.") for name in files)
    assert json.loads(files["manifest.json"])["rows"] == {"train": 4}
    written = yaml.safe_load(files["config.yaml"])
    assert written["seed_everything"] == 0
    assert (written["model"]["class_path"], written["model"]["init_args"]["width"]) == ("tests.app.toy.ToyTask", 3)
    assert set(tree(toy)) == {"toy.yaml", *(f"out/{name}" for name in files)}


def test_last_checkpoint_is_of_the_last_epoch_though_it_was_not_the_best(toy, monkeypatch):
    def worse(task, batch, batch_idx):
        task.log("val/loss", torch.tensor(float(task.current_epoch)), batch_size=len(batch))

    monkeypatch.setattr("tests.app.toy.ToyTask.validation_step", worse)
    assert fit() == 0
    epochs = {
        name: torch.load(toy / "out/checkpoints" / f"{name}.ckpt", weights_only=True)["epoch"]
        for name in ("best", "last")
    }
    assert epochs == {"best": 0, "last": 1}


@pytest.mark.parametrize(("epochs", "best"), [(1, 0), (2, 1), (3, 2)])
def test_a_run_shorter_than_its_validation_interval_is_validated_at_its_end(toy, epochs, best):
    assert fit(f"--trainer.max_epochs={epochs}", "--trainer.check_val_every_n_epoch=3") == 0
    assert torch.load(toy / "out/checkpoints/best.ckpt", weights_only=True)["epoch"] == best


def test_written_config_repeats_the_run_and_a_rerun_overwrites(toy):
    assert fit() == 0
    first = torch.load("out/checkpoints/last.ckpt", weights_only=True)["state_dict"]
    assert fit(config="out/config.yaml") == 0
    second = torch.load("out/checkpoints/last.ckpt", weights_only=True)["state_dict"]
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert sorted(file.name for file in Path("out/checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]


def test_a_test_on_other_rows_than_its_fit_stops(toy, capsys):
    assert fit() == 0
    before = tree(toy / "out")
    words = ["test", "--config=toy.yaml", "--ckpt_path=out/checkpoints/best.ckpt", "--data.init_args.rows=3"]
    capsys.readouterr()
    assert main([*words, "--trainer.default_root_dir=out"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "manifest.json does not match the files: 1 of its images are gone, 0 are new" in error
    after = tree(toy / "out")
    assert {name: after[name] for name in before} == before
    assert all("events" in name for name in after.keys() - before.keys())  # the logger of the test
    assert main([*words, "--trainer.default_root_dir=other"]) == 0


def test_test_keeps_the_config_of_the_fit(toy, capsys):
    assert fit() == 0
    before = Path("out/config.yaml").read_bytes()
    words = ["--config=toy.yaml", "--trainer.default_root_dir=out", "--ckpt_path=out/checkpoints/best.ckpt"]
    for subcommand in ("test", "validate"):
        assert main([subcommand, *words]) == 0
        assert Path(f"out/config-{subcommand}.yaml").is_file()
    assert Path("out/config.yaml").read_bytes() == before
    assert capsys.readouterr().err == ""


def test_later_configs_and_options_win(toy, capsys):
    Path("wide.yaml").write_text("model: {init_args: {width: 5}}\ntrainer: {max_epochs: 9}\n")
    words = ["--config", "toy.yaml", "--config", "wide.yaml", "--trainer=zoo://_base/cpu", "--print_config"]
    assert main(["fit", *words]) == 0
    config = yaml.safe_load(capsys.readouterr().out)
    assert config["model"]["init_args"]["width"] == 5
    assert (config["trainer"]["max_epochs"], config["trainer"]["gradient_clip_val"]) == (9, 1.0)


USAGE = [
    (["--trainer.max_epoch=1"], "", "did you mean --trainer.max_epochs?"),
    (["--trainr.max_epochs=1"], "", "did you mean --trainer.max_epochs?"),
    (["--model.init_args.widht=1"], "", "ToyTask has no option 'widht'; did you mean width?"),
    (["--trainer.precision=bf17"], "", "key 'trainer.precision' must be int or one of "),
    (["--trainer.precision=bf17"], "", "got bf17; did you mean bf16?"),
    (["--ckpt_path="], "", "--ckpt_path is empty: name a checkpoint, or leave the option out"),
    (["--ckpt_path=out/checkpoints/bst.ckpt"], "", "did you mean out/checkpoints/best.ckpt?"),
    ([], "trainer: {max_epoch: 1}\nmodel: ToyTask", "x.yaml: no key 'trainer.max_epoch'; did you mean"),
    ([], "modle: ToyTask", "x.yaml: no key 'modle'; did you mean model?"),
    ([], "model: {class_path: ToyTaks}", "x.yaml: no class 'ToyTaks'; did you mean ToyTask?"),
    ([], "model: {class_path: ToyTask, init_args: {widht: 1}}", "x.yaml: ToyTask has no option 'widht'; did you"),
    ([], "model: ToyTask\ndata: {class_path: ToyTask}", "class 'ToyTask' is no LightningDataModule"),
    ([], "model: ToyTask\ntrainer: {max_epochs: some}", "x.yaml: key 'trainer.max_epochs' must be int, got some"),
    ([], "model: ToyTask\ntrainer: toi.yaml", "x.yaml: no config file 'toi.yaml'; did you mean toy.yaml?"),
    ([], "model: {class_pth: ToyTask}", "no option 'class_pth'; did you mean class_path?"),
    ([], "model: {class_pth: ToyTask, init_args: {width: 1}}", "x.yaml: key 'model' needs class_path and init_args"),
    ([], "data: ToyData", "key 'model' is missing: name a config by --config"),
    ([], "model: {", "x.yaml, line 1: not YAML"),
    ([], " ", "x.yaml: keys with values were expected"),
    ([], "- model", "x.yaml: keys with values were expected"),
    ([], "model: ToyTask\ntrainer:\n  max_epochs: 1\n  max_epochs: 2", "x.yaml, line 4: key 'max_epochs' stands twice"),
    ([], "a: &a [*a]\nmodel: ToyTask\nmodel: ToyTask", "x.yaml, line 3: key 'model' stands twice"),
    (["--max_epochs=1"], "", "no option --max_epochs; did you mean --trainer.max_epochs?"),
    (["--batch_size=1"], "", "no option --batch_size; did you mean --data.init_args.batch_size?"),
    (["--optimizer.lr=1"], "", "no option --optimizer.lr; did you mean --model.init_args.optimizer.lr?"),
]
MENDABLE = [
    (["--model.init_args.backbone=other"], "backbone other holds a ResNet"),
    (["--model.init_args.width=0"], "width must be at least 1, got 0"),
    (["--data.init_args.root=missing"], "no folder missing: set data.init_args.root"),
    (["--trainer.default_root_dir=toy.yaml/out"], "cannot be written (Not a directory)"),
    (["--trainer.accelerator=no_such"], "no_such"),
]


@pytest.fixture
def finished(toy, capsys):
    """A folder that already holds a run."""
    (toy / "out/checkpoints").mkdir(parents=True)
    (toy / "out/checkpoints/best.ckpt").write_bytes(b"x")
    (toy / "out/config.yaml").write_text("a: 1\n")
    return toy


@pytest.mark.parametrize(("words", "config", "expected"), USAGE)
def test_wrong_key_class_or_file(words, config, expected, finished, capsys):
    Path("x.yaml").write_text(config)
    before = tree(finished)
    assert fit(*words, config="x.yaml" if config else "toy.yaml") == 2
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1
    assert tree(finished) == before


def test_a_config_that_is_no_text_or_a_folder_is_one_line(toy, capsys):
    Path("x.yaml").write_bytes("model: ToyTask".encode("utf-16"))
    Path("y.yaml").mkdir()
    for name, told in (("x.yaml", "x.yaml is no text in UTF-8"), ("y.yaml", "no config file y.yaml: it is a folder")):
        assert fit(config=name) == 2
        error = capsys.readouterr().err
        assert told in error
        assert error.count("\n") == 1


@pytest.mark.parametrize(("name", "nearest"), [("toi.yaml", "toy.yaml"), ("zoo://_base/cppu", "zoo://_base/cpu")])
def test_missing_config(name, nearest, toy, capsys):
    assert fit(config=name) == 2
    assert capsys.readouterr().err.endswith(f"{name}; did you mean {nearest}?\n")


@pytest.mark.parametrize(("words", "expected"), MENDABLE)
def test_errors_before_the_first_step_leave_the_folder_as_it_was(words, expected, finished, capsys):
    before = tree(finished)
    assert fit(*words) == 1
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1
    assert tree(finished) == before


def test_broken_sample_in_a_worker_is_one_line_and_keeps_the_last_checkpoint(toy, capsys):
    assert fit() == 0
    before = Path("out/checkpoints/last.ckpt").read_bytes()
    capsys.readouterr()
    assert fit("--data.init_args.broken=3", "--data.init_args.workers=1") == 1
    assert capsys.readouterr().err == "gkmvlp: row 3 is cut short: remove it or set on_unreadable: drop\n"
    assert Path("out/checkpoints/last.ckpt").read_bytes() == before


def test_best_is_the_best_of_the_runs_folder(toy, capsys):
    assert fit("--ckpt_path=best") == 2
    assert capsys.readouterr().err == "gkmvlp: no checkpoint out/checkpoints/best.ckpt\n"
    assert fit("--trainer.max_epochs=1") == 0
    assert fit("--ckpt_path=best") == 0
    assert torch.load("out/checkpoints/last.ckpt", weights_only=True)["epoch"] == 1


def test_one_fit_at_a_time_writes_into_a_folder(toy, capsys):
    assert fit() == 0
    before = tree(Path("out"))
    other = os.open("out", os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    capsys.readouterr()
    assert fit() == 1
    told = "another fit writes into out: wait for its end, or name another folder by --trainer.default_root_dir"
    assert capsys.readouterr().err == f"gkmvlp: {told}\n"
    assert fit("--trainer.fast_dev_run=true") == 0  # it writes nothing
    assert tree(Path("out")) == before
    os.close(other)
    assert fit() == 0
    assert fit("--model.init_args.width=-1") == 1
    assert fit() == 0


def test_the_folder_is_held_while_data_are_read_and_gone_where_they_cannot_be(toy, monkeypatch, capsys):
    def read(self: object, stage: str) -> None:
        with pytest.raises(ConfigError, match="another fit writes into out/deeper"):
            FolderLock(Path("out/deeper"))
        raise DataError("no rows")

    monkeypatch.setattr("tests.app.toy.ToyData.setup", read)
    assert fit("--trainer.default_root_dir=out/deeper") == 1
    assert capsys.readouterr().err == "gkmvlp: no rows\n"
    assert set(tree(toy)) == {"toy.yaml"}
    assert not Path("out").exists()


def test_a_folder_that_its_holder_removes_is_not_held_by_who_opened_it_before(tmp_path, monkeypatch):
    """Another would make the folder anew, and hold that."""
    first, opened = FolderLock(tmp_path / "out"), os.open
    monkeypatch.setattr(os, "open", lambda *given: (opened(*given), first.release())[0])
    with pytest.raises(ConfigError, match="another fit writes into"):
        FolderLock(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_fit_reads_the_checkpoint_that_it_goes_on_from_once(toy, monkeypatch):
    assert fit("--trainer.max_epochs=1") == 0
    load, read = torch.load, []
    monkeypatch.setattr(torch, "load", lambda *args, **options: read.append(args) or load(*args, **options))
    assert fit("--ckpt_path=last", "--trainer.max_epochs=2") == 0
    assert len(read) == 1
    assert load("out/checkpoints/last.ckpt", weights_only=True)["epoch"] == 1


def test_fast_dev_run_writes_nothing(toy):
    assert fit("--trainer.fast_dev_run=true") == 0
    assert set(tree(toy)) == {"toy.yaml"}


def test_interrupt_ends_with_130(toy, monkeypatch, capsys):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tests.app.toy.ToyTask.training_step", interrupted)
    handler = signal.getsignal(signal.SIGINT)  # Lightning ignores the signal from the first one on
    try:
        assert fit() == 130
    finally:
        signal.signal(signal.SIGINT, handler)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda whole: whole["state_dict"], "is no checkpoint of a fit: name another"),
        (lambda whole: {"state_dict": whole["state_dict"]}, "is no checkpoint of a fit: name another"),
        (lambda whole: [1, 2], "is no checkpoint of a fit: name another"),
        (
            lambda whole: whole | {"state_dict": {k: v * float("nan") for k, v in whole["state_dict"].items()}},
            "weights of layer.weight are no finite numbers",
        ),
        (
            lambda whole: whole | {"state_dict": {k: v + float("inf") for k, v in whole["state_dict"].items()}},
            "weights of layer.weight are no finite numbers",
        ),
        (
            lambda whole: whole | {"state_dict": {"version": 3, **whole["state_dict"], "more": torch.zeros(1)}},
            "is of another model, 2 tensors differ (more: (1,) there, None here)",
        ),
    ],
)
def test_a_checkpoint_that_no_fit_wrote_is_one_line(change, told, toy, capsys):
    assert fit() == 0
    torch.save(change(torch.load("out/checkpoints/last.ckpt", weights_only=True)), "x.ckpt")
    capsys.readouterr()
    for command in ("fit", "test"):
        assert main([command, "--config=toy.yaml", "--ckpt_path=x.ckpt"]) == 1
        error = capsys.readouterr().err
        assert told in error
        assert error.count("\n") == 1


def test_a_test_that_would_read_nothing_is_one_line(toy, capsys):
    for command, key in (("test", "limit_test_batches"), ("validate", "limit_val_batches")):
        assert main([command, "--config=toy.yaml", f"--trainer.{key}=0"]) == 1
        assert capsys.readouterr().err == f"gkmvlp: trainer.{key}: 0 reads nothing: give 1 or more, or leave it out\n"


def test_more_workers_than_cores_are_no_news():
    with warnings.catch_warnings(record=True) as told, quiet_log():
        DataLoader([0], num_workers=4096)
    assert not told


def test_a_log_that_nobody_reads_ends_the_program(monkeypatch):
    class Closed(StringIO):
        def flush(self):
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(sys, "stdout", Closed())
    with pytest.raises(BrokenPipeError), quiet_log():
        logging.getLogger("lightning.pytorch").warning("a line")

"""A fit that is killed and goes on ends as one that runs through: rows, weights, moments, bit for bit."""

import errno
import json
import os
import random
import subprocess
from pathlib import Path

import pytest
import torch
import yaml

from gkmvlp.app.cli import main
from gkmvlp.app.running.step_checkpoints import StepCheckpoints
from gkmvlp.app.running.whole_checkpoints import WholeCheckpoints
from gkmvlp.errors import ConfigError, TrainingError
from tests.processes import PROCESSES, program
from tests.tiny import ARCHITECTURE, words

STEPS, KILLS = 60, 20
HOOKS = ("on_train_batch_start", "on_before_optimizer_step", "on_train_batch_end", "on_validation_start",
         "on_save_checkpoint")  # fmt: skip
CONFIG = """
trainer: {accelerator: cpu, devices: 1, max_epochs: 1, log_every_n_steps: 1, default_root_dir: out}
model: {class_path: tests.app.toy.ToyTask, init_args: {width: 3}}
data: {class_path: tests.app.toy.ToyData, init_args: {rows: 20}}
"""


def fit(root: Path, folder: Path, *more: str, step: int = -1, hook: str = "") -> int:
    """Exit code of a fit with shuffling, augmentation, dropout and two workers: six epochs of ten steps."""
    folder.mkdir(exist_ok=True)
    architecture = yaml.safe_load(ARCHITECTURE.read_text())
    for part in ("text", "knowledge"):
        architecture[part]["dropout"] = 0.1
    (folder / "architecture.yaml").write_text(yaml.safe_dump(architecture))
    killed = {"log": str(folder / "log.jsonl"), "step": step, "hook": hook}
    callbacks = [
        {"class_path": "tests.app.running.killed.Killed", "init_args": killed},
        {"class_path": "StepCheckpoints", "init_args": {"every_n_steps": 2}},
    ]
    (folder / "callbacks.yaml").write_text(yaml.safe_dump({"trainer": {"callbacks": callbacks}}))
    options = [
        f"--config={folder / 'callbacks.yaml'}", f"--model.init_args.architecture={folder / 'architecture.yaml'}",
        "--data.init_args.batch_size=2", "--data.init_args.num_workers=2", "--data.init_args.augmentation_strength=1.0",
        "--trainer.max_epochs=6", *more,
    ]  # fmt: skip
    line = ("fit", *words("pretrain-phantom", root, folder / "run"), *options)
    process = PROCESSES.Process(target=program, args=(line, str(folder / "out.txt"), str(folder / "error.txt")))
    process.start()
    process.join()
    return process.exitcode


def seen(folder: Path) -> dict[int, set[str]]:
    """Step -> what it was shown, each time that it was run."""
    rows: dict[int, set[str]] = {}
    for line in (folder / "log.jsonl").read_text().splitlines():
        step, names = json.loads(line)
        rows.setdefault(step, set()).add(" ".join(names))
    return rows


def same(first: object, second: object) -> bool:
    """Equality to the last bit of nested states."""
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second


@pytest.mark.slow
def test_a_fit_killed_twenty_times_ends_with_the_weights_of_one_that_ran_through(phantoms, tmp_path):
    chance = random.Random(0)
    whole, part = tmp_path / "whole", tmp_path / "part"
    assert fit(phantoms, whole) == 0, (whole / "error.txt").read_text()
    last = part / "run" / "checkpoints" / "last.ckpt"
    for step in sorted(chance.sample(range(STEPS), KILLS)):
        more = [f"--ckpt_path={last}"] if last.exists() else []
        assert fit(phantoms, part, *more, step=step, hook=chance.choice(HOOKS)) == -9, step
        assert len(list(last.parent.glob("step=*.ckpt"))) <= 3
    assert fit(phantoms, part, f"--ckpt_path={last}") == 0, (part / "error.txt").read_text()
    expected, found = (torch.load(folder / "run" / "checkpoints" / "last.ckpt", weights_only=True) for folder in
                       (whole, part))  # fmt: skip
    assert expected["global_step"] == STEPS
    for key in ("global_step", "epoch", "state_dict", "optimizer_states", "lr_schedulers"):
        assert same(expected[key], found[key]), key
    best = [(folder / "run" / "backbone" / "model.safetensors").read_bytes() for folder in (whole, part)]
    assert best[0] == best[1]
    shown = seen(whole)
    assert sorted(shown) == list(range(STEPS))
    assert shown == seen(part)  # a step that was run twice was shown the same rows twice


def kept(*more: str) -> list[str]:
    assert main(["fit", "--config=toy.yaml", "--trainer.callbacks+=StepCheckpoints", *more]) == 0
    return sorted(file.name for file in Path("out/checkpoints").glob("step=*"))


def test_the_last_ones_are_kept_and_the_newest_is_named_last(toy):
    assert kept("--trainer.callbacks.every_n_steps=2") == ["step=4.ckpt", "step=6.ckpt", "step=8.ckpt"]
    # those of an earlier fit go first; step 10 is the last of the epoch, whose end writes last.ckpt
    assert kept("--trainer.callbacks.every_n_steps=3", "--trainer.callbacks.keep=2") == ["step=6.ckpt", "step=9.ckpt"]
    assert torch.load("out/checkpoints/last.ckpt", weights_only=True)["global_step"] == 10


def test_none_is_written_before_a_validation_or_between_gradients_that_add_up(toy):
    """After step 4 comes a validation: step 5 is taken. Of two batches a step, the second."""
    more = ["--trainer.callbacks.every_n_steps=4", "--trainer.val_check_interval=4"]
    assert kept(*more) == ["step=5.ckpt", "step=9.ckpt"]
    more = ["--trainer.accumulate_grad_batches=2", "--trainer.callbacks.every_n_steps=1", "--trainer.max_epochs=1"]
    kept(*more)
    content = torch.load("out/checkpoints/step=4.ckpt", weights_only=True)
    assert content["loops"]["fit_loop"]["epoch_loop.batch_progress"]["current"]["processed"] == 8


def test_a_full_disk_ends_the_fit_and_leaves_the_checkpoint_before(toy, capsys, monkeypatch):
    real, written = os.fsync, []

    def full(number: int) -> None:
        written.append(number)
        if len(written) > 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(number)

    monkeypatch.setattr(os, "fsync", full)
    words = ["fit", "--config=toy.yaml", "--trainer.callbacks+=StepCheckpoints", "--trainer.callbacks.every_n_steps=2"]
    assert main(words) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "No space left on device" in error
    assert sorted(file.name for file in Path("out/checkpoints").iterdir()) == [
        "last.ckpt",
        "step=2.ckpt",
        "step=4.ckpt",
    ]
    assert torch.load("out/checkpoints/last.ckpt", weights_only=True)["global_step"] == 4


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MB in memory."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no rights to mount a disk in memory")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_disk_that_fills_up_leaves_the_last_good_checkpoint(toy, capfd, small_disk):
    """No byte is left after step 5: the checkpoint of step 6 and the tables of curves find none."""
    words = ["fit", "--config=toy.yaml", f"--trainer.default_root_dir={small_disk}"]
    words += ["--trainer.callbacks+=StepCheckpoints", "--trainer.callbacks.every_n_steps=2"]
    assert main([*words, "--trainer.callbacks+=tests.app.running.killed.Filler", "--trainer.callbacks.step=5"]) == 1
    error = capfd.readouterr().err
    assert error.count("\n") == 1
    assert "Traceback" not in error
    folder = small_disk / "checkpoints"
    assert sorted(file.name for file in folder.iterdir()) == ["last.ckpt", "step=2.ckpt", "step=4.ckpt"]
    assert torch.load(folder / "last.ckpt", weights_only=True)["global_step"] == 4
    (small_disk / "ballast").unlink()
    assert main([*words, f"--ckpt_path={folder / 'last.ckpt'}"]) == 0
    assert torch.load(folder / "last.ckpt", weights_only=True)["global_step"] == 10


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(tmp_path):
    file = tmp_path / "last.ckpt"
    WholeCheckpoints().save_checkpoint({"step": 1}, file)
    with pytest.raises(TrainingError, match=r"last\.ckpt is as it was; make room"):
        WholeCheckpoints().save_checkpoint({"step": 2, "weights": _Unsaved()}, file)
    assert torch.load(file, weights_only=True) == {"step": 1}
    assert list(tmp_path.iterdir()) == [file]


class _Unsaved:
    """What ends ``torch.save`` halfway, as torch's own writer ends at a full disk."""

    def __reduce__(self):
        raise RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed")


@pytest.mark.parametrize("words", [(0, 3), (2, 0)])
def test_numbers_from_one(words):
    with pytest.raises(ConfigError, match="numbers from 1"):
        StepCheckpoints(*words)

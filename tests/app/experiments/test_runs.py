"""Runs that are complete are not repeated; those that would differ are."""

import os
import time
from pathlib import Path

import pytest

from gkmvlp.app.experiments import runs
from gkmvlp.app.experiments.runs import fit, run_missing, side_by_side
from gkmvlp.app.running.run import Run, parse_overrides
from gkmvlp.checkpoints import references
from gkmvlp.hardware import usable_cores

LEFT = "predictions/x.parquet"


@pytest.fixture
def again(tmp_path):
    """Asks for one run with the given overrides; says whether it was made."""
    made = []

    def work(run):
        made.append(run)
        if "stop" in run.overrides:
            raise KeyboardInterrupt
        (run.folder / LEFT).parent.mkdir(parents=True, exist_ok=True)
        (run.folder / LEFT).touch()

    def ask(*words, config="vqa-phantom", seed=None):
        before = len(made)
        run_missing(work, [Run(config, tmp_path / "run", parse_overrides(words), seed)], LEFT, 1)
        return len(made) > before

    return ask


def test_the_same_run_is_made_once(again):
    assert again("--a=1")
    assert not again("--a=1")


@pytest.mark.parametrize("words", [("--a=2",), ("--a=1", "--b=1"), ()])
def test_other_words_are_another_run(again, words):
    again("--a=1")
    assert again(*words)
    assert again("--a=1")


def test_another_spelling_of_the_same_overrides_is_the_same_run(again):
    again("--a=1", "--b=2")
    assert not again("--a", "1", "--b", "2")


def test_another_seed_is_another_run(again):
    assert again(seed=0)
    assert not again(seed=0)
    assert again(seed=1)


def test_another_config_is_another_run(again, tmp_path):
    again()
    assert again(config="vqa-rad")
    own = tmp_path / "own.yaml"
    own.write_text("a: 1")
    assert again(config=str(own))
    own.write_text("a: 2")
    assert again(config=str(own))


@pytest.mark.parametrize("name", ["backbone/model.safetensors", "regions.parquet"])
def test_what_the_words_name_is_part_of_the_run(again, tmp_path, name):
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"one")
    word = f"--x={file.parent if file.parent != tmp_path else file}"
    again(word)
    assert not again(word)
    file.write_bytes(b"two")
    assert again(word)


def test_a_broken_run_is_made_again(again, tmp_path):
    again("--a=1")
    with pytest.raises(KeyboardInterrupt):
        again("--stop=1")
    assert (tmp_path / "run" / LEFT).is_file()
    assert again("--a=1")


def test_what_a_run_leaves_has_to_be_there(again, tmp_path):
    again("--a=1")
    (tmp_path / "run" / LEFT).unlink()
    assert again("--a=1")


def test_what_changes_during_a_run_is_another_run(tmp_path):
    file, made = tmp_path / "backbone" / "model.safetensors", []
    file.parent.mkdir()
    file.write_bytes(b"one")

    def work(run):
        made.append(file.read_bytes())
        file.write_bytes(b"two")
        run.folder.mkdir(exist_ok=True)
        (run.folder / "left").touch()

    for _ in range(3):
        run_missing(work, [Run("vqa-phantom", tmp_path / "run", {"x": file.parent})], "left", 1)
    assert made == [b"one", b"two"]


def test_the_weights_behind_a_reference_are_part_of_the_run(again, tmp_path, monkeypatch):
    word = "--model.init_args.backbone=zoo://some"
    monkeypatch.setitem(references.SCHEMES, "zoo", lambda reference: tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"one")
    again(word)
    assert not again(word)
    (tmp_path / "model.safetensors").write_bytes(b"two")
    assert again(word)


def meet(folder: Path) -> None:
    """Leaves what this process was given, and waits for the other one."""
    import torch

    (folder / str(os.getpid())).write_text(f"{os.environ['GKMVLP_PROGRESS']} {torch.get_num_threads()}")
    end = time.monotonic() + 60
    while len(list(folder.iterdir())) < 2:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_runs_side_by_side_share_the_cores_and_one_of_them_shows_its_bars(tmp_path, monkeypatch):
    monkeypatch.setenv("GKMVLP_PROGRESS", "1")
    side_by_side(meet, [(tmp_path,)] * 2, 2)
    given = {int(file.name): file.read_text().split() for file in tmp_path.iterdir()}
    assert len(given) == 2
    assert os.getpid() not in given
    assert sorted(bars for bars, _ in given.values()) == ["0", "1"]
    assert {int(threads) for _, threads in given.values()} == {max(1, len(usable_cores()) // 2)}


@pytest.fixture
def stops(tmp_path, monkeypatch):
    """A function: a fit with the given overrides that is stopped; ``kept``: with a checkpoint. Returns its words."""

    def stop(*words, kept=True):
        said = []

        def run(*given):
            said.extend(given)
            if kept:
                (tmp_path / "run" / "checkpoints").mkdir(exist_ok=True)
                (tmp_path / "run" / "checkpoints" / "last.ckpt").touch()
            raise SystemExit(143)

        monkeypatch.setattr(runs, "run_in_process", run)
        with pytest.raises(SystemExit):
            fit(Run("vqa-phantom", tmp_path / "run", parse_overrides(words)))
        return said

    return stop


def goes_on(words):
    return [word for word in words if word.startswith("--ckpt_path=")]


def test_a_fit_that_was_stopped_goes_on(stops, tmp_path):
    last = f"--ckpt_path={tmp_path / 'run' / 'checkpoints' / 'last.ckpt'}"
    assert goes_on(stops("--a=1")) == []
    assert goes_on(stops("--a=1")) == [last]
    assert goes_on(stops("--a=1")) == [last]  # as often as it is stopped


@pytest.mark.parametrize("words", [("--a=2",), ("--a=1", "--b=1"), ()])
def test_another_fit_does_not_go_on_with_it(stops, words):
    stops("--a=1")
    assert goes_on(stops(*words)) == []
    assert goes_on(stops("--a=1")) == []


def test_a_fit_that_was_stopped_before_its_first_checkpoint_begins_anew(stops, tmp_path):
    stops("--a=1")
    os.utime(tmp_path / "run" / "checkpoints" / "last.ckpt", (0, 0))
    stops("--a=2", kept=False)  # last.ckpt is that of the fit before
    assert goes_on(stops("--a=2")) == []


def test_a_fit_that_ended_begins_anew(stops, tmp_path, monkeypatch):
    stops("--a=1")
    monkeypatch.setattr(runs, "run_in_process", lambda *words: None)
    fit(Run("vqa-phantom", tmp_path / "run", {"a": "1"}))
    assert goes_on(stops("--a=1")) == []

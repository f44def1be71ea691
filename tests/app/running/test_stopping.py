"""Signals to the real command: a whole checkpoint, one line that names it, and the command that goes on."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from gkmvlp.app.cli import main
from gkmvlp.app.experiments.runs import run_in_process
from gkmvlp.app.running.forwarding import forwarding
from tests.processes import PROCESSES, program

CONFIG = """
trainer: {accelerator: cpu, devices: 1, max_epochs: 3, log_every_n_steps: 1, default_root_dir: out}
model: {class_path: tests.app.toy.SlowTask, init_args: {width: 3}}
data: {class_path: tests.app.toy.ToyData, init_args: {rows: 100}}
"""


def program_in(env: dict[str, str], words: tuple[str, ...], streams: str) -> None:
    """The whole program with more in its environment."""
    os.environ.update(env)
    program(words, f"{streams}stdout.txt", f"{streams}stderr.txt")


def started(env: dict[str, str], *words: str, streams: str = ""):
    """The process of a fit; ``streams`` stands before the names of the files of its standard streams."""
    line = (env, ("fit", "--config=toy.yaml", *words), streams)
    process = PROCESSES.Process(target=program_in, args=line, daemon=True)
    process.start()
    return process


def two(env: dict[str, str], *words: str):
    """The two processes of a fit, with more in their environments."""
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2", **env}
    ranks = [{"RANK": rank, "LOCAL_RANK": rank, **place} for rank in "01"]
    return [started(each, "--trainer.devices=2", *words, streams=each["RANK"]) for each in ranks]


def wait_for_file(name: str, process=None):
    """Waits until a file is there; a process must live until then."""
    end = time.monotonic() + 300
    while not Path(name).exists():
        assert time.monotonic() < end
        assert process is None or process.is_alive(), [each.read_text() for each in Path().glob("*stderr.txt")]
        time.sleep(0.02)


def own_lines(error: str) -> list[str]:
    """Lines of the program, without those of torch on unused parameters, which come with the tenth step."""
    return [line for line in error.splitlines() if line.startswith("gkmvlp: ")]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def stopped(number: int, *words: str, wait_for: str = "out/stepping", env: dict[str, str] | None = None):
    """Exit code, stdout and stderr of a fit that gets a signal once a file is there."""
    process = started(env or {}, *words)
    wait_for_file(wait_for, process)
    os.kill(process.pid, number)
    process.join(60)
    return process.exitcode, Path("stdout.txt").read_text(), Path("stderr.txt").read_text()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_fit_names_a_whole_checkpoint_and_the_command_that_goes_on(number, code, toy):
    found, _, error = stopped(number)
    assert found == code, error
    *_, line = error.splitlines()
    assert error.count("\n") == 1
    assert line.startswith(f"gkmvlp: stopped by {number.name} at step ")
    content = torch.load("out/checkpoints/last.ckpt", weights_only=True)
    assert f"at step {content['global_step']}: out/checkpoints/last.ckpt is complete" in line
    assert 0 < content["global_step"] < 50  # inside the first epoch
    *_, command = line.partition("go on with: gkmvlp ")
    assert main([*shlex.split(command), "--trainer.max_epochs=1"]) == 0
    assert torch.load("out/checkpoints/last.ckpt", weights_only=True)["global_step"] == 50


@pytest.mark.parametrize("told", [(0,), (1,), (0, 1)])
def test_several_processes_end_after_the_same_step(told, toy):
    """Whichever of them the signal reaches: a launcher ends all, a user one."""
    processes = two({"TORCHELASTIC_RUN_ID": "test", "LOCAL_WORLD_SIZE": "2", "GROUP_RANK": "0"})
    wait_for_file("out/stepping", processes[0])
    for rank in told:
        os.kill(processes[rank].pid, signal.SIGTERM)
    for process in processes:
        process.join(300)
    assert [process.exitcode for process in processes] == [143, 143], Path("0stderr.txt").read_text()
    [line] = own_lines("".join(Path(f"{rank}stderr.txt").read_text() for rank in "01"))
    content = torch.load("out/checkpoints/last.ckpt", weights_only=True)
    assert line.startswith(f"gkmvlp: stopped by SIGTERM at step {content['global_step']}: out/checkpoints/last.ckpt is")
    assert 0 < content["global_step"] < 75


def test_a_child_of_lightning_ends_with_0_where_all_leave_together(toy):
    """Lightning kills the process that started it at any other code, amid what that has yet to do."""
    processes = two({})  # what Lightning's own launcher puts there
    wait_for_file("out/stepping", processes[0])
    os.kill(processes[1].pid, signal.SIGTERM)
    for process in processes:
        process.join(300)
    assert [process.exitcode for process in processes] == [143, 0], Path("0stderr.txt").read_text()


def test_a_child_of_lightning_that_leaves_alone_does_not_end_as_if_it_was_done(toy):
    """Lightning takes 0 as done, and the others would wait for it without end."""
    processes = two({}, "--model=StoppedBefore")
    processes[1].join(300)
    assert processes[1].exitcode == 143, Path("1stderr.txt").read_text()
    processes[0].kill()


@pytest.mark.slow
def test_a_fit_that_starts_its_processes_itself_is_stopped_as_one(toy):
    command = [sys.executable, "-m", "gkmvlp", "fit", "--config=toy.yaml", "--trainer.devices=2"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=env)
    wait_for_file("out/stepping")
    process.terminate()
    _, error = process.communicate(timeout=300)
    assert process.returncode == 143, error
    [line] = own_lines(error)
    step = torch.load("out/checkpoints/last.ckpt", weights_only=True)["global_step"]
    assert line.startswith(f"gkmvlp: stopped by SIGTERM at step {step}: out/checkpoints/last.ckpt is complete")


def test_a_signal_before_the_first_step_leaves_no_checkpoint_and_says_so(toy):
    code, _, error = stopped(signal.SIGTERM, "--data.init_args.root=slow", wait_for="reading")
    assert code == 143
    assert error.startswith("gkmvlp: stopped by SIGTERM")
    assert error.count("\n") == 1
    assert not Path("out/checkpoints").exists()


SLURM = {"SLURM_NTASKS": "1", "SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "fit", "SLURM_PROCID": "0", "SLURM_LOCALID": "0",
         "SLURM_NODEID": "0", "SLURM_NTASKS_PER_NODE": "1"}  # fmt: skip


def test_the_requeue_signal_of_slurm_goes_through_lightning(toy):
    """Its plugin writes the checkpoint that the requeued job starts from by itself."""
    tool = toy / "bin" / "scontrol"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\necho $@ > {toy}/requeued\nkill -TERM $PPID\n")
    tool.chmod(0o755)
    env = {**SLURM, "PATH": f"{tool.parent}:{os.environ['PATH']}"}
    code, out, error = stopped(signal.SIGUSR1, env=env)
    assert code == 143, out + error
    assert Path("requeued").read_text() == "requeue 7\n"
    step = torch.load("out/hpc_ckpt_1.ckpt", weights_only=True)["global_step"]
    assert 0 < step < 50
    requeued = started(env, "--trainer.max_epochs=1")
    requeued.join(60)
    assert requeued.exitcode == 0, Path("stderr.txt").read_text()
    assert "hpc_ckpt_1.ckpt" in Path("stdout.txt").read_text()
    assert torch.load("out/checkpoints/last.ckpt", weights_only=True)["global_step"] == 50


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_recipe_hands_its_signals_to_the_command_it_waits_for(number, tmp_path):
    code = "import signal, time; signal.signal(15, lambda *_: exit(3)); print('x', flush=True); time.sleep(30)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"x\n"
    with forwarding(process) as came:
        signal.raise_signal(number)
        assert process.wait(30) == 3
    assert came == [number]


def test_an_experiment_does_not_go_on_with_a_run_that_was_stopped(toy, monkeypatch):
    """Its runs follow one another in one process."""
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr("tests.app.toy.SlowTask.training_step", lambda *_: signal.raise_signal(signal.SIGINT))
    with pytest.raises(SystemExit) as stopped:
        run_in_process("fit", "--config=toy.yaml")
    assert stopped.value.code == 130
    assert signal.getsignal(signal.SIGINT) is before

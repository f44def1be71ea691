"""The whole program in a process of its own, forked from one that has loaded the libraries."""

import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from gkmvlp.app.cli import main

# loading the libraries takes most of the time of a program that stops at bad input
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    ["gkmvlp.app.cli", "gkmvlp.app.running.lightning_cli", "gkmvlp.tasks", "gkmvlp.data_modules"]
)


def program(words: tuple[str, ...], out: str, error: str, folder: str | None = None) -> None:
    """The whole program with its standard streams in files, called in a folder as its script would be."""
    if folder is not None:
        os.chdir(folder)
        sys.path[:] = [place for place in sys.path if place]  # a script does not import from where it is called
    for stream, file in ((1, out), (2, error)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), stream)
    multiprocessing.set_start_method("fork", force=True)  # what Linux does where nothing was chosen
    sys.exit(main(list(words)))


def gkmvlp(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The real command in a process of its own: what the program prints around its line would show."""
    with tempfile.TemporaryDirectory() as folder:
        out, error = (Path(folder) / name for name in ("out", "error"))
        place = None if cwd is None else str(cwd)
        process = PROCESSES.Process(target=program, args=(words, str(out), str(error), place))
        process.start()
        process.join()
        return subprocess.CompletedProcess(words, process.exitcode, out.read_text(), error.read_text())


def ranks(number: int, *words: str) -> list[subprocess.CompletedProcess[str]]:
    """The real command in several processes, with the words that torchrun puts into their environments."""
    with socket.socket() as free, tempfile.TemporaryDirectory() as folder:
        free.bind(("127.0.0.1", 0))
        place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free.getsockname()[1], "TORCHELASTIC_RUN_ID": "test"}
        world = {"WORLD_SIZE": number, "LOCAL_WORLD_SIZE": number, "GROUP_RANK": 0}
        files, processes = [], []
        for rank in range(number):
            told = place | world | {"RANK": rank, "LOCAL_RANK": rank}
            files.append([Path(folder, f"{name}-{rank}") for name in ("out", "error")])
            environment = {name: str(value) for name, value in told.items()}
            line = (environment, words, *map(str, files[-1]))
            processes.append(PROCESSES.Process(target=_ranked, args=line, daemon=True))
        free.close()
        for process in processes:
            process.start()
        try:
            for process in processes:
                process.join(600)
        finally:
            for process in processes:  # one that ended early leaves the others waiting
                process.kill()
        return [
            subprocess.CompletedProcess(words, process.exitcode, out.read_text(), error.read_text())
            for process, (out, error) in zip(processes, files, strict=True)
        ]


def _ranked(environment: dict[str, str], words: tuple[str, ...], out: str, error: str) -> None:
    os.environ.update(environment)
    program(words, out, error)

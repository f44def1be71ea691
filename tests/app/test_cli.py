"""The program without Lightning: dispatch, help, exit codes, one-line errors."""

import os
import resource
import signal
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from gkmvlp import __version__
from gkmvlp.app import cli
from gkmvlp.app.cli import main
from gkmvlp.app.command_line.command_table import COMMANDS, LIGHTNING, MODULES, RENAMED, subcommands
from gkmvlp.app.command_line.process import CLOSED
from gkmvlp.errors import DataError

PROBE = """
import sys
from gkmvlp.app.cli import main
code = main({words!r})
loaded = sorted({{"torch", "lightning", "transformers", "timm", "monai", "albumentations"}} & set(sys.modules))
print("LOADED", loaded, file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize(
    "words",
    [["--help"], ["--version"], ["experiment", "--help"], *([*name.split(), "--help"] for name in MODULES)],
    ids=str,
)
def test_plain_help_is_quick_and_loads_no_torch(words):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", PROBE.format(words=words)], capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0
    assert done.stdout
    assert done.stderr == "LOADED []\n"
    # processor time, which other work on the machine does not stretch as it does the clock
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1


def test_help_lists_every_command_with_its_summary(capsys):
    assert main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name in COMMANDS:
        (line,) = (line for line in lines if line.startswith(f"  {name} "))
        assert line.endswith(".")


@pytest.mark.parametrize(
    ("words", "nearest"),
    [
        (["exprt"], "export"),
        (["experiment"], "learning-rate"),
        (["experiment", "abltion"], "ablation"),
        (["zoo", "configs"], "copy"),
        (["tst"], "test"),
        (["zoo", "configs", "lst"], "list"),
        (["zoo", "configs", "list", "--hepl"], "--help"),
        (["zoo", "configs", "show", "zoo://_base/cppu"], "zoo://_base/cpu"),
        (["zoo", "configs", "show"], "NAME"),
        ([], "--help"),
        (["--config=x"], ""),
    ],
)
def test_wrong_usage_is_one_line_with_the_nearest_word(words, nearest, capsys):
    assert main(words) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert output.err.startswith("gkmvlp: ")
    assert "usage:" not in output.err
    assert nearest in output.err


def test_every_command_is_reached_and_stands_in_one_of_three_groups(capsys):
    assert len(COMMANDS) == 18
    assert list(dict.fromkeys(command.group for command in COMMANDS.values())) == ["train", "use", "study"]
    assert {name.split()[0] for name in MODULES} | set(LIGHTNING) == set(COMMANDS)
    for name in sorted({name.split()[0] for name in MODULES}):
        assert main([name, "--help"]) == 0
        told = capsys.readouterr().out
        assert all(f"gkmvlp {name} {subcommand} --help" in told for subcommand in subcommands(name))


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_an_old_name_tells_the_new_one(old, new, capsys):
    assert old not in COMMANDS
    assert new.split()[0] in COMMANDS
    assert main([old, "x"]) == 2
    assert capsys.readouterr().err == f"gkmvlp: {old} is now {new!r} (see gkmvlp {new.split()[0]} --help)\n"


@pytest.mark.parametrize(
    ("words", "new"),
    [
        ("pretrain --data /mimic", "--root"),
        ("finetune vqa --data=/rad", "--root"),
        ("evaluate grounding --data d", "--root"),
        ("experiment real openi --data iu --options=--trainer.max_epochs=1", "--root"),
        ("experiment initialization classification --options=--a=1", "--set KEY=VALUE"),
        ("experiment initialization classification --shares 0.1", "--train-fractions"),
        ("experiment learning-rate --finetune=--a=1", "--set finetune:KEY=VALUE"),
        ("experiment learning-rate --rates 0.1", "--lrs"),
        ("experiment ablation --downstream=--a=1", "--set finetune:KEY=VALUE"),
        ("demo --pretrain=--a=1", "--set pretrain:KEY=VALUE"),
        ("demo --vqa=--a=1", "--set vqa:KEY=VALUE"),
        ("zoo make --options=--a=1", "--set KEY=VALUE"),
        ("data phantom --root d --patients 2 --seed 0 --size 64", "--image-size"),
        ("data phantom --root d --patients 2 --seed 0 --workers 2", "--num-workers"),
    ],
)
def test_an_old_option_tells_the_new_one(words, new, capsys):
    assert main(words.split()) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"; it is now {new} (see gkmvlp" in told


def raising(error):
    def run(words):
        raise error

    return run


def test_user_errors_are_one_line_and_traceback_is_an_option(monkeypatch, capsys):
    monkeypatch.setattr(cli, "_dispatch", raising(DataError("no table\n  x.csv: unpack it")))
    assert main(["data"]) == 1
    assert capsys.readouterr().err == "gkmvlp: no table x.csv: unpack it\n"
    assert main(["data", "--traceback"]) == 1
    assert "Traceback" in capsys.readouterr().err
    monkeypatch.setenv("GKMVLP_TRACEBACK", "1")
    assert main(["data"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_interrupt_and_exits_become_codes(monkeypatch, capsys):
    monkeypatch.setattr(cli, "_dispatch", raising(KeyboardInterrupt()))
    assert main(["x"]) == 130
    assert capsys.readouterr().err == "gkmvlp: stopped by SIGINT\n"
    stopped_by_lightning = SystemExit(1)
    stopped_by_lightning.__context__ = KeyboardInterrupt()
    for stop, code in [(stopped_by_lightning, 130), (SystemExit(3), 3), (SystemExit(None), 0), (SystemExit("no"), 1)]:
        monkeypatch.setattr(cli, "_dispatch", raising(stop))
        assert main(["x"]) == code


def test_an_unexpected_error_is_not_hidden(monkeypatch):
    monkeypatch.setattr(cli, "COMMANDS", None)
    with pytest.raises(TypeError):
        main(["x"])


def test_warnings_of_torch_are_hidden_in_runs_alone(monkeypatch):
    monkeypatch.setenv("TORCH_CPP_LOG_LEVEL", "")  # what main leaves is undone after the test
    monkeypatch.delenv("TORCH_CPP_LOG_LEVEL")
    for words in (["--version"], ["data", "--help"]):
        main(words)
        assert "TORCH_CPP_LOG_LEVEL" not in os.environ
    monkeypatch.setattr("gkmvlp.app.running.lightning_cli.run", lambda words: 0)
    assert main(["validate"]) == 0
    assert os.environ["TORCH_CPP_LOG_LEVEL"] == "ERROR"


@pytest.mark.parametrize("script", ["lightning", "gkmvlp"])
def test_this_distribution_declares_the_script(script):
    owners = {point.dist.name: point.value for point in entry_points(group="console_scripts", name=script)}
    assert owners["gkmvlp"] == "gkmvlp.app.cli:main"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_command_with_one_line_and_nothing_half_written(number, code, tmp_path):
    """The command waits inside a write until the signal comes."""
    waiting = f"""
import signal, sys, time
from pathlib import Path
from gkmvlp.app import cli
from gkmvlp.whole_files import replacing

signal.signal(signal.SIGINT, signal.default_int_handler)  # where the tests run in the background it is ignored

def write(words):
    with replacing(Path({str(tmp_path / "rows.csv")!r})) as part:
        part.write_text("half")
        print("writing", flush=True)
        time.sleep(60)

cli._dispatch = write
sys.exit(cli.main(["x"]))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", waiting], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "writing\n"
    process.send_signal(number)
    _, error = process.communicate()
    assert (process.returncode, error) == (code, f"gkmvlp: stopped by {signal.Signals(number).name}\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_an_output_without_room_is_one_line(words):
    """The device that is always full takes no byte; nothing of it is opened but for writing."""
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-m", "gkmvlp", *words], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == "gkmvlp: a file to write: No space left on device; name another place, or make room\n"


def test_a_reader_that_has_seen_enough_is_no_error():
    """As ``gkmvlp --help | head`` does: the pipe is closed before anything is written to it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "gkmvlp", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == CLOSED


@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "1>&- 2>&-"])
def test_streams_may_be_closed(closed):
    for word, code in (("--version", 0), ("fti", 2)):
        line = f'exec "{sys.executable}" -m gkmvlp {word} {closed}'
        done = subprocess.run(["sh", "-c", line], capture_output=True, text=True)
        assert done.returncode == code
        assert done.stdout == ("" if code or "1" in closed else f"{__version__}\n")
        assert done.stderr.count("\n") == (code == 2 and "2" not in closed)


def test_module_is_the_same_program():
    done = subprocess.run([sys.executable, "-m", "gkmvlp", "fti"], capture_output=True, text=True, env=os.environ)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "gkmvlp: no command 'fti'; did you mean fit? (see gkmvlp --help)\n"


@pytest.mark.slow
def test_fit_help_adds_little_to_lightnings_own_start():
    """The whole may take 8 s, of which torch and Lightning take 5: a ratio, as a busy machine stretches both alike."""
    code = (
        "import sys, time, lightning.pytorch.cli; theirs = time.process_time(); from gkmvlp.app.cli import main; "
        "code = main(['fit', '--help']); print(theirs, time.process_time() - theirs, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0
    assert "--trainer.max_epochs" in done.stdout
    theirs, ours = map(float, done.stderr.split())
    assert ours < 0.6 * theirs


def test_offline_holds_for_the_hub_too():
    code = "import os, gkmvlp.app.cli; gkmvlp.app.cli.main(); print(os.environ.get('HF_HUB_OFFLINE'))"
    for given, told in (("1", "1"), ("", "None")):
        environment = {**os.environ, "GKMVLP_OFFLINE": given}
        environment.pop("HF_HUB_OFFLINE", None)
        done = subprocess.run(
            [sys.executable, "-c", code, "--version"], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines()[-1] == told

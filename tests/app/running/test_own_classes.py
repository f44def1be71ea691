"""Classes of one's own in a config: one that cannot be read, or that fails while it runs, says why in one line."""

import sys
from pathlib import Path

import pytest

from gkmvlp.app.cli import main

CONFIG = """
trainer: {accelerator: cpu, devices: 1, max_epochs: 1, log_every_n_steps: 1, default_root_dir: out}
model: {class_path: tests.app.toy.ToyTask, init_args: {width: 3}}
data: {class_path: tests.app.toy.ToyData, init_args: {rows: 4}}
"""
MODULES = {
    "own_broken": "import a_package_that_is_nowhere",
    "own_syntax": "class MyData(:",
    "own_exit": "import sys\nsys.exit('no licence was found')",
    "own_other": "class NoData: pass\ndef make(): pass",
    "own_fails": """
from tests.app.toy import ToyData
class AtFirst(ToyData):
    def __init__(self, root: str = 'toy', rows: int = 4):
        super().__init__(root, rows)
        raise RuntimeError('no disk')
class Later(ToyData):
    def setup(self, stage):
        return {}['subject']
""",
    "own_hook": """
from tests.app.toy import ToyTask
class Hook(ToyTask):
    def on_fit_start(self, trainer):
        pass
""",
    "own_rows": """
from gkmvlp.data_modules import ChestXray14
class Tuples(ChestXray14):
    def read_samples(self):
        return iter([('1.png', 'report')])
class Needs(ChestXray14):
    def __init__(self, root: str, hospital: str, **options):
        super().__init__(root, **options)
""",
}


@pytest.fixture
def modules(toy, monkeypatch):
    for name, text in MODULES.items():
        Path(f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
    return toy


@pytest.mark.parametrize(
    ("key", "name", "told"),
    [
        ("data", "own_broken.MyData", "own_broken cannot be imported (ModuleNotFoundError: No module named 'a_pack"),
        ("data", "own_syntax.MyData", "own_syntax cannot be imported (SyntaxError: invalid syntax (own_syntax.py"),
        ("data", "own_other.NoData", "class 'own_other.NoData' is no LightningDataModule"),
        ("data", "own_other.make", "class 'own_other.make' is no LightningDataModule"),
        ("data", "own_other.NotData", "no class 'own_other.NotData': own_other has no NotData"),
        ("data", "own_other", "own_other': that is a module; name a class of it, like own_other.MyClass"),
        ("data", "own_syntax.py", "the path of a class was expected, as Python imports it: my_module.MyClass"),
        ("data", "own_other.py", "own_other.py: the path of a class was expected, as Python imports it: my_module.MyC"),
        ("data", "./own_other.NoData", "the path of a class was expected, as Python imports it: my_module.MyClass"),
        ("model", "own_other.NoData", "class 'own_other.NoData' is no LightningModule"),
        ("trainer.callbacks", "own_other.NoData", "class 'own_other.NoData' is no Callback"),
        ("trainer.callbacks+", "own_syntax.Mine", "own_syntax cannot be imported (SyntaxError"),
        ("trainer.logger.class_path", "own_other.NoData", "class 'own_other.NoData' is no Logger"),
        ("trainer.logger", "CSVLoger", "no class 'CSVLoger'; did you mean CSVLogger?"),
    ],
)
def test_a_class_that_cannot_be_used_says_why(key, name, told, modules, capsys):
    assert main(["fit", "--config=toy.yaml", f"--{key}={name}"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert told in error
    assert not Path("out").exists()


def test_a_module_that_ends_the_program_says_why(modules, capsys):
    assert main(["fit", "--config=toy.yaml", "--data=own_exit.MyData"]) == 1
    assert capsys.readouterr().err == "gkmvlp: no licence was found\n"
    assert main(["data", "check", "own_exit.MyData", "--root", "."]) == 2
    told = "own_exit.MyData: own_exit cannot be imported (SystemExit: no licence was found)"
    assert capsys.readouterr().err == f"gkmvlp: {told}\n"


@pytest.mark.parametrize(("name", "line", "told"), [("AtFirst", 6, "RuntimeError: no disk"), ("Later", 9, "'subject'")])
def test_a_class_that_fails_is_named_with_file_and_line(name, line, told, modules, capsys):
    assert main(["fit", "--config=toy.yaml", f"--data=own_fails.{name}"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"own_fails.py, line {line}, in " in error
    assert told in error
    with pytest.raises((RuntimeError, KeyError, ValueError)):
        main(["fit", "--config=toy.yaml", f"--data=own_fails.{name}", "--traceback"])


def test_a_call_that_fails_in_lightning_is_no_word_of_lightnings(modules):
    with pytest.raises(TypeError, match="on_fit_start"):
        main(["fit", "--config=toy.yaml", "--model=own_hook.Hook"])


def test_data_check_says_what_a_class_yields_or_lacks(modules, capsys):
    assert main(["data", "check", "own_rows.Tuples", "--root", "."]) == 1
    assert "read_samples yields tuple: gkmvlp.data_modules.pipeline.samples.Sample" in capsys.readouterr().err
    assert main(["data", "check", "own_rows.Needs", "--root", "."]) == 1
    assert "; add --data.init_args.hospital=VALUE\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--trainer.devices=[0,1]"], "should be an int > 0"),
        (["--trainer.callbacks=EarlyStopping", "--trainer.callbacks.monitor=val/nope"], "val/nope"),
    ],
)
def test_what_lightning_says_of_its_arguments_is_one_line(words, told, toy, capsys):
    assert main(["fit", "--config=toy.yaml", *words]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert told in error

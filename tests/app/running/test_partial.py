"""A test of a part of its split says so wherever its figures go."""

import inspect
import re
from pathlib import Path
from typing import Union

import pytest
import yaml
from lightning.pytorch import Callback, Trainer

from gkmvlp.app.cli import main
from gkmvlp.app.running.outcome import finish_run, write_results
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.metric_result import Results
from gkmvlp.metrics.results.partial import named, part_of, whole_of
from gkmvlp.metrics.results.provenance import ProcessTreePeak
from gkmvlp.tasks.base import partial_rows
from tests.app.toy import ToyData, ToyTask
from tests.processes import gkmvlp
from tests.tiny import words

CONFIG = """
trainer: {accelerator: cpu, devices: 1, default_root_dir: out}
model: {class_path: tests.app.toy.ToyTask, init_args: {width: 3}}
data: {class_path: tests.app.toy.ToyData, init_args: {rows: 20}}
"""


@pytest.mark.parametrize("part", [None, "32 of 451", "1 of 5 folds in part"])
def test_the_name_of_a_part_is_read_back(part):
    split = named("official@0123456789ab", part)
    assert (whole_of(split), part_of(split)) == ("official@0123456789ab", part)


@pytest.fixture(scope="module")
def tested(phantoms, pretrained, tmp_path_factory):
    """Folders of the same test on all of its rows, on two of them, and in a trial run; what was printed of the two."""
    root = tmp_path_factory.mktemp("partial")

    def run(name: str, *more: str) -> Path:
        start = f"--model.init_args.backbone={pretrained / 'backbone'}"
        line = words("vqa-phantom", phantoms, root / name, start, "--data.init_args.batch_size=2", *more)
        done = gkmvlp("test", *line)
        assert done.returncode == 0, done.stderr
        if name == "trial":  # leaves no config, and so no page
            files = (root / name / "predictions").glob("*.parquet")
            write_results(root / name, [figure for file in files for figure in figures_of(file)], ProcessTreePeak())
        else:
            finish_run(root / name, ProcessTreePeak())
        return root / name

    return {
        "whole": run("whole"),
        "part": run("part", "--trainer.limit_test_batches=1"),
        "trial": run("trial", "--trainer.fast_dev_run=true"),
        "root": root,
    }


def test_a_partial_test_says_so_in_results_signature_and_page(tested):
    figures = {name: Results.read(tested[name] / "results.json").figures for name in ("whole", "part", "trial")}
    assert not any("partial" in figure.split for figure in figures["whole"])
    for name in ("part", "trial"):
        counts = {part_of(figure.split) for figure in figures[name]}
        assert len(counts) == 1
        shown, _, rows = counts.pop().partition(" of ")
        assert int(shown) == 2 < int(rows)
        assert int(rows) == max(figure.n for figure in figures["whole"])
        assert all(f"split:{figure.split}" in figure.signature for figure in figures[name])
        assert all(f"partial: 2 of {rows} test rows" in figure.note for figure in figures[name])
    assert f"(partial: 2 of {rows})" in (tested["part"] / "report.html").read_text()
    assert "partial" not in (tested["whole"] / "report.html").read_text()


@pytest.mark.parametrize(
    ("limit", "part"), [("1", "2 of 20"), ("1.0", None), ("0.5", "10 of 20"), ("10", None), ("3", "6 of 20")]
)
def test_a_number_of_batches_and_a_share_are_told_apart(limit, part, toy, capsys):
    """As a word, in a config, and in Python: 1 is one batch and 1.0 is all, whatever typing made of their union."""
    assert Union[float, int] == Union[int, float]  # which typing remembers in the order that it saw first  # noqa: UP007
    Path("limit.yaml").write_text(f"trainer: {{limit_test_batches: {limit}}}\n")
    for more in ([f"--trainer.limit_test_batches={limit}"], ["--config=limit.yaml"]):
        assert main(["test", "--config=toy.yaml", *more, "--print_config"]) == 0
        printed = yaml.safe_load(capsys.readouterr().out)["trainer"]["limit_test_batches"]
        assert repr(printed) == limit
    seen: list[str | None] = []

    class Shown(Callback):
        def on_test_start(self, trainer, pl_module):
            seen.append(partial_rows(trainer.num_test_batches, trainer.test_dataloaders))

    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    trainer = Trainer(limit_test_batches=printed, callbacks=[Shown()], **quiet)
    trainer.test(ToyTask(3), ToyData(rows=20), verbose=False)
    assert seen == [part]


def test_one_batch_is_no_share_though_another_module_said_the_union_first(toy, monkeypatch, capsys):
    """typing then hands the Trainer the other order."""
    hints = inspect.unwrap(Trainer.__init__).__annotations__
    monkeypatch.setitem(hints, "limit_test_batches", float | int | None)
    monkeypatch.setitem(hints, "overfit_batches", float | int)
    line = ["--trainer.limit_test_batches=1", "--trainer.overfit_batches=1"]
    assert main(["test", "--config=toy.yaml", *line, "--print_config"]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)["trainer"]
    assert [repr(printed[name]) for name in ("limit_test_batches", "overfit_batches")] == ["1", "1"]


def test_a_partial_test_says_so_on_stdout(phantoms, pretrained, tmp_path):
    start = f"--model.init_args.backbone={pretrained / 'backbone'}"
    line = words("vqa-phantom", phantoms, tmp_path / "out", start, "--data.init_args.batch_size=2")
    for subcommand, limit, split in (("test", "test", "test"), ("validate", "val", "validation")):
        done = gkmvlp(subcommand, *line, f"--trainer.limit_{limit}_batches=1")
        assert done.returncode == 0, done.stderr
        assert re.search(rf"^partial: 2 of \d+ {split} rows are read", done.stdout, re.MULTILINE)


def test_a_part_is_not_compared_with_the_whole(tested):
    done = gkmvlp("compare", str(tested["whole"] / "results.json"), str(tested["part"] / "results.json"))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    rows = part_of(Results.read(tested["part"] / "results.json").figures[0].split).partition(" of ")[2]
    assert f"one is of all {rows} rows" in done.stderr
    assert f"the other of 2 of {rows};" in done.stderr

"""A test of a part of its split says so wherever its figures go."""

import re
from pathlib import Path

import pytest

from gkmvlp.app.running.outcome import finish_run, write_results
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.figure import Results
from gkmvlp.metrics.results.partial import named, part_of, whole_of
from gkmvlp.metrics.results.provenance import ProcessTreePeak
from tests.processes import gkmvlp
from tests.tiny import words


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


def test_a_partial_test_says_so_on_stdout(phantoms, pretrained, tmp_path):
    start = f"--model.init_args.backbone={pretrained / 'backbone'}"
    line = words("vqa-phantom", phantoms, tmp_path / "out", start, "--data.init_args.batch_size=2")
    for subcommand, limit, split in (("test", "test", "test"), ("validate", "val", "validation")):
        # in a process of its own: what else was imported before may make jsonargparse read 1 as 1.0, which is all
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

"""``gkmvlp knowledge`` by the real program."""

import json

import pytest

from gkmvlp.app.cli import main

SMALL = ["--width", "8", "--epochs", "3"]


def output(words, capsys):
    code = main(["knowledge", *map(str, words)])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_build_says_what_came_out_and_explain_reads_it(tmp_path, capsys):
    code, out, _ = output(["build", "--source", "radiology", "--out", tmp_path / "g", *SMALL], capsys)
    assert code == 0
    assert "concepts, " in out
    assert "hits@10" in out
    assert "mean rank" in out
    code, told, _ = output(["explain", "Hardware", "--graph", tmp_path / "g"], capsys)
    assert code == 0
    lines = told.splitlines()
    assert lines[0] == "support device (device, id support device)"
    assert lines[1].startswith("synonyms: hardware")
    assert "  pacemaker | is a | support device   [Webb 2016]" in lines


def test_explain_by_json_needs_no_build(capsys):
    code, out, _ = output(["explain", "cardiomegaly", "--json"], capsys)
    assert code == 0
    (concept,) = json.loads(out)
    assert concept["kind"] == "finding"
    assert {"relation": "located in", "outward": True, "source": "Goodman 2014", "id": "cardiac silhouette",
            "name": "cardiac silhouette"} in concept["neighbours"]  # fmt: skip


def test_only_keeps_what_a_file_of_images_names(tmp_path, capsys):
    only = tmp_path / "cuis.txt"
    only.write_text("image_1\tedema\theart failure\nimage_2\tdiuretics\n")
    words = ["build", "--source", "radiology", "--only", only, "--held-out", "0", "--out", tmp_path / "g", *SMALL]
    code, out, _ = output([*words, "--json"], capsys)
    assert code == 0
    assert json.loads(out)["concepts"] == 3


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["explain", "cardiomegly"], 2, "nearest are cardiomegaly"),
        (["explain", "edema", "--graph", "nowhere"], 1, "no finished graph"),
        (["build", "--source", "umls", "--out", "g"], 2, "--source umls needs --from PATH"),
        (["build", "--source", "radiology", "--from", "x", "--out", "g"], 2, "comes with the package"),
        (["build", "--source", "slake", "--from", "x", "--concepts", "y", "--out", "g"], 2, "is of --source tsv"),
        (["build", "--source", "umls", "--from", "nowhere", "--out", "g"], 1, "cannot read"),
        (["build", "--source", "radiology", "--width", "0", "--out", "g"], 2, "--width and --epochs from 1"),
        (["build", "--source", "raddiology", "--out", "g"], 2, "did you mean radiology?"),
    ],
)
def test_errors_are_one_line_with_the_remedy_and_nothing_is_written(words, code, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    done, out, err = output(words, capsys)
    assert (done, out, err.count("\n")) == (code, "", 1)
    assert told in err
    assert list(tmp_path.iterdir()) == []

"""``gkmvlp knowledge`` by the real program."""

import json

import pytest

from gkmvlp.app.cli import main
from gkmvlp.data_modules.formats.roco import concept_files, find_base, read_figures
from gkmvlp.data_modules.synthetic import roco
from gkmvlp.data_modules.synthetic.figures import RADIOGRAPH
from gkmvlp.knowledge.linker import Mention, read_cuis, read_mentions

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


def test_ranks_over_seeds_are_recorded_without_places(tmp_path, capsys):
    """Means are those of the rows; nothing but the record is written, and the second call gives the same table."""
    words = ["rank", "--source", "radiology", "--seeds", "0", "1", "--record", tmp_path, *SMALL]
    code, out, _ = output(words, capsys)
    assert code == 0
    table = json.loads((tmp_path / "knowledge-radiology.json").read_text())
    assert len(out.splitlines()) == 1 + len(table["rows"])
    of_seed, mean = [row for row in table["rows"] if row[:2] in (["TransE", 0], ["TransE", 1])], table["rows"][2]
    assert mean[:3] == ["TransE", "mean", 28]
    for column in range(3, 7):
        assert mean[column] == pytest.approx(sum(row[column] for row in of_seed) / 2)
    assert all(row[-1] == "yes, bit for bit" for row in of_seed)
    assert table["rows"][-1][0] == "chance"
    assert table["rows"][-1][5] == 0
    assert str(tmp_path) not in json.dumps(table)
    code, again, _ = output([*words[:-6], *SMALL, "--json"], capsys)
    assert json.loads(again)["rows"] == table["rows"]


def test_concepts_that_roco_lists_become_links(tmp_path, capsys):
    """The look-alike lists one concept a figure, how it was taken; captions of radiographs begin with its name."""
    roco.write(tmp_path, roco.LEAST, 0, 32)
    base = find_base(str(tmp_path / "roco"))
    listed = {one for file in concept_files(base) for ids in read_cuis(file).values() for one in ids}
    words = {key: "chest radiograph" if key == RADIOGRAPH else f"no word {key}" for key in listed}
    (tmp_path / "c.tsv").write_text("id\tname\nx\tx\n" + "".join(f"{key}\t{word}\n" for key, word in words.items()))
    (tmp_path / "t.tsv").write_text("head\trelation\ttail\n" + "".join(f"{key}\tis a\tx\n" for key in listed))
    graph = ["--source", "tsv", "--from", tmp_path / "t.tsv", "--concepts", tmp_path / "c.tsv", "--held-out", "0"]
    assert output(["build", *graph, "--out", tmp_path / "g", *SMALL], capsys)[0] == 0
    out = tmp_path / "m.jsonl"
    code, told, _ = output(["link", "--from", tmp_path, "--graph", tmp_path / "g", "--out", out, "--json"], capsys)
    assert code == 0
    counts, linker = json.loads(told), read_mentions(out)
    assert counts["in_graph"] == counts["listed"]
    figures = read_figures(base)
    assert counts["captions"] == len({figure.caption for figure in figures})
    of_radiographs = [one.caption for one in figures if one.caption.startswith("Chest radiograph")]
    assert counts["placed"] == len(set(of_radiographs)) > 0
    assert all(linker(caption) == [Mention(0, 16, RADIOGRAPH)] for caption in of_radiographs)
    code, _, err = output(["link", "--from", tmp_path, "--out", out], capsys)
    assert (code, err.count("\n")) == (1, 1)
    assert "has none of the" in err


def test_explain_by_json_needs_no_build(capsys):
    code, out, _ = output(["explain", "cardiomegaly", "--json"], capsys)
    assert code == 0
    (concept,) = json.loads(out)
    assert concept["kind"] == "finding"
    assert {"relation": "located in", "outward": True, "source": "Goodman 2014", "id": "cardiac silhouette",
            "name": "cardiac silhouette"} in concept["neighbours"]  # fmt: skip


def test_only_keeps_what_files_of_images_name(tmp_path, capsys):
    """A file a split, as ROCO has them; a triple may join a concept of one to a concept of another."""
    texts = {"train": "image_1\tedema\theart failure\n", "test": "image_2\tdiuretics\n"}
    files = [tmp_path / f"{name}.txt" for name in texts]
    for file, text in zip(files, texts.values(), strict=True):
        file.write_text(text)
    words = ["build", "--source", "radiology", "--only", *files, "--held-out", "0", "--out", tmp_path / "g", *SMALL]
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
        (["rank", "--source", "radiology", "--held-out", "0"], 2, "--held-out between 0 and 1"),
        (["rank", "--source", "radiology", "--seeds", "0", "-1"], 2, "and seeds from 0 were expected"),
        (["build", "--source", "raddiology", "--out", "g"], 2, "did you mean radiology?"),
    ],
)
def test_errors_are_one_line_with_the_remedy_and_nothing_is_written(words, code, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    done, out, err = output(words, capsys)
    assert (done, out, err.count("\n")) == (code, "", 1)
    assert told in err
    assert list(tmp_path.iterdir()) == []


META = {"MRREL.RRF": "X1|A|CUI|RO|X2|A|CUI|part_of|R||SNOMEDCT_US||||N||\n", "MRCONSO.RRF": "".join(
    f"{cui}|ENG|P|L|PF|S|Y|A||||SNOMEDCT_US|PT|1|{name}|0|N||\n" for cui, name in (("X1", "wing"), ("X2", "zeppelin"))
), "release.dat": "umls.release.name=1900AA\n"}  # fmt: skip
UMLS = ["build", "--source", "umls", "--from", "META", "--held-out", "0", "--out", "g", *SMALL]
TABLES = ["build", "--source", "tsv", "--from", "t.tsv", "--concepts", "c.tsv", "--out", "g", *SMALL]
SPOILT = {
    "another release": ({}, [*UMLS, "--version", "1901AB"], 2, "release 1900AA, not 1901AB: leave --version out"),
    "other columns": ({"META/MRREL.RRF": "X1|RO|X2|\n"}, UMLS, 1, "line 1: 16 cells (CUI1 to CVF), each with | behind"),
    "names of another release": (
        {"META/MRCONSO.RRF": META["MRCONSO.RRF"].replace("X2", "X7").replace("X1", "X8")}, UMLS, 1,
        "English name for 0 of the 2 concepts of MRREL.RRF: are both files of one release?",
    ),
    "no UTF-8": ({"META/MRREL.RRF": b"\xff\xfe|"}, UMLS, 1, "name the folder META of a full UMLS release"),
    "unknown concept": (
        {"t.tsv": "head\trelation\ttail\nlungs\tpart of\tbody\n", "c.tsv": "id\tname\nlung\tlung\nbody\tbody\n"},
        TABLES, 1,
        "triple lungs | part of | body: unknown concept 'lungs'; did you mean 'lung'?",
    ),
    "a column is missing": (
        {"t.tsv": "head\ttail\na\tb\n", "c.tsv": "id\tname\na\ta\n"}, TABLES, 1, "t.tsv has no column 'relation'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SPOILT)
def test_files_that_cannot_be_a_graph_are_one_line(case, tmp_path, monkeypatch, capsys):
    changed, words, code, told = SPOILT[case]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "META").mkdir()
    for name, content in {**{f"META/{name}": text for name, text in META.items()}, **changed}.items():
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    done, out, err = output(words, capsys)
    assert (done, out, err.count("\n")) == (code, "", 1), err
    assert told in err
    assert not (tmp_path / "g").exists()


def test_a_umls_folder_as_it_should_be(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "META").mkdir()
    for name, content in META.items():
        (tmp_path / "META" / name).write_text(content)
    code, out, _ = output([*UMLS, "--version", "1900AA", "--json"], capsys)
    assert code == 0
    assert (json.loads(out)["version"], json.loads(out)["concepts"]) == ("1900AA", 2)

import json
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from gkmvlp.errors import ResultsError
from gkmvlp.metrics.results import provenance
from gkmvlp.metrics.results.compare import compare
from gkmvlp.metrics.results.metric_result import FIELDS, MetricResult, Results, signature
from gkmvlp.metrics.results.partial import named
from gkmvlp.metrics.results.predictions import read_predictions, write_predictions
from gkmvlp.metrics.results.provenance import ProcessTreePeak, command
from tests.metrics.corpora import META, entity_table, vqa_table

FIGURE = MetricResult("vqa", "accuracy_overall", 0.5, "a:1", predictions="out/predictions/vqa.parquet")
DESIGN_FIELDS = (
    "task name label model data split boxes label_fraction value low high level n n_patients seeds seed_sd "
    "higher_is_better signature predictions baselines difference note"
)


def _results(*figures):
    return Results("2025-01-01T00:00:00+00:00", "gkmvlp demo", None, 1.5, 10**9, list(figures))


def test_fields_are_those_of_the_contract():
    assert set(FIELDS) == set(DESIGN_FIELDS.split())


def test_signature_is_sorted():
    assert signature(b=2, a="x") == "a:x|b:2"
    with pytest.raises(ResultsError, match="may not hold"):
        signature(a="x|y")


def test_a_missing_value_needs_a_reason():
    with pytest.raises(ResultsError, match="note"):
        replace(FIGURE, value=None)
    with pytest.raises(ResultsError, match="finite"):
        replace(FIGURE, value=float("nan"))


def test_round_trip_with_paths_relative_to_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "out" / "results.json"
    _results(FIGURE).write(path)
    raw = json.loads(path.read_text())
    assert raw["schema"] == 1
    assert raw["figures"][0]["predictions"] == "predictions/vqa.parquet"
    assert set(raw) == {"schema", "created", "command", "commit", "seconds", "peak_rss_bytes", "figures"}
    again = Results.read(path).figures[0]
    assert (tmp_path / again.predictions).resolve() == tmp_path / FIGURE.predictions
    assert replace(again, predictions=None) == replace(FIGURE, predictions=None)


def test_baselines_of_former_files_are_read_under_their_name_of_today(tmp_path):
    """Results that say ``floors``, and predictions whose baselines are called ``floor:``, were published."""
    span = {"value": 0.25, "low": 0.25, "high": 0.5}
    _results(replace(FIGURE, baselines={"random": span})).write(tmp_path / "results.json")
    former = (tmp_path / "results.json").read_text().replace('"baselines"', '"floors"')
    (tmp_path / "former.json").write_text(former)
    (figure,) = Results.read(tmp_path / "former.json").figures
    assert figure.baselines == {"random": span}
    rows = entity_table()
    rows["model"] = rows["model"].str.replace("baseline:", "floor:")
    assert "floor:prior" in set(rows["model"])
    write_predictions(tmp_path / "former.parquet", rows, META | {"task": "entity_classification"})
    assert set(read_predictions(tmp_path / "former.parquet")[0]["model"]) == {"pretrained", "scratch", "baseline:prior"}


def test_the_same_key_twice_is_refused(tmp_path):
    with pytest.raises(ResultsError, match="once"):
        _results(FIGURE, replace(FIGURE, value=0.7)).write(tmp_path / "results.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ['{"schema": 2, "figures": []}', "[]", "not json", '{"schema": 1}'])
def test_another_schema_is_refused(tmp_path, text):
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(ResultsError, match=r"results\.json"):
        Results.read(path)


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        (("32 of 451", None), "one is of 32 of 451 rows of s@1, the other of all 451;"),
        ((None, "32 of 451"), "one is of all 451 rows of s@1, the other of 32 of 451;"),
        (("1 of 5 folds in part", None), "s@1: one has 1 of its 5 folds in part, the other none;"),
        (("1 of 5 folds in part", "2 of 5 folds in part"), "s@1: one has 1 of its 5 folds in part, the other 2;"),
    ],
)
def test_parts_of_a_split_are_told_apart_in_words(parts, told):
    one, other = (_results(replace(FIGURE, split=named("s@1", part))) for part in parts)
    with pytest.raises(ResultsError) as caught:
        compare(one, other)
    assert told in str(caught.value)


def test_metadata_carries_the_signatures(tmp_path):
    path = tmp_path / "a.parquet"
    write_predictions(path, vqa_table(), {**META, "task": "vqa", "signature": {"vocab": "train"}})
    _, meta = read_predictions(path)
    assert meta["trained_on"] == "phantoms only"
    assert meta["level"] == 0.95
    assert any("match:exact-v1" in text and "vocab:train" in text for text in meta["signatures"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="score"), "lack the columns score"),
        (lambda t: t.assign(score="high"), "column score"),
        (lambda t: t.assign(score=float("nan")), "missing"),
        (lambda t: t.assign(target=0.5), "expected 1, 0 or null"),
        (lambda t: t.iloc[:-1], "same units"),
    ],
)
def test_wrong_predictions_are_refused(tmp_path, change, message):
    with pytest.raises(ResultsError, match=message):
        write_predictions(tmp_path / "a.parquet", change(entity_table()), {**META, "task": "zero_shot"})
    assert not list(tmp_path.iterdir())


def test_a_foreign_file_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    entity_table().to_parquet(path)
    with pytest.raises(ResultsError, match="metadata"):
        read_predictions(path)
    path.write_text("no parquet")
    with pytest.raises(ResultsError, match="Parquet"):
        read_predictions(path)
    with pytest.raises(ResultsError, match="no such file"):
        read_predictions(tmp_path / "absent.parquet")


def test_a_file_that_no_repository_keeps_has_no_commit(tmp_path, monkeypatch):
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    kept, loose = tmp_path / "kept.py", tmp_path / "env" / "loose.py"
    loose.parent.mkdir()
    for file in (kept, loose):
        file.touch()
    for words in (["init", "-q"], ["add", "kept.py"], ["commit", "-q", "-m", "one"]):
        subprocess.run([*git, *words], cwd=tmp_path, check=True)
    found = []
    for file in (kept, loose):
        monkeypatch.setattr(provenance, "__file__", str(file))
        found.append(provenance.commit())
    assert found[1] is None
    assert len(found[0]) == 12


def test_memory_of_a_child_counts():
    code = "import time; held = bytearray(80_000_000); held[::4096] = b'x' * len(held[::4096]); time.sleep(1)"
    with ProcessTreePeak() as alone:
        time.sleep(0.01)
    with ProcessTreePeak() as peak:
        subprocess.run([sys.executable, "-c", code], check=True)
    assert peak.bytes > alone.bytes + 70_000_000


def test_a_command_names_no_place_of_the_machine(monkeypatch):
    words = [
        "real",
        "rsna",
        "--data",
        "/home/me/rsna",
        "--out=~/x",
        "--pairs",
        "../shared/nih",
        "--backbone",
        "zoo://a",
    ]
    monkeypatch.setattr("sys.argv", ["/opt/bin/gkmvlp", *words])
    assert command() == "gkmvlp real rsna --data PATH --out=PATH --pairs ../shared/nih --backbone zoo://a"

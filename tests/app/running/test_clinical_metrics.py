"""Scores by radeval: through another Python, into figures, and told in one line where that fails. A stand-in scores."""

import json
import sys

import pandas as pd
import pytest

from gkmvlp.app.cli import main
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.predictions import read_predictions, write_predictions
from tests.metrics.corpora import META

STAND_IN = '''
class RadEval:
    """Half a point a shared word, and whether both texts are as long; radeval 2.2 is called like this."""
    def __init__(self, metrics, per_sample, show_progress):
        assert metrics == ["radgraph", "f1chexbert"] and per_sample and not show_progress
    def __call__(self, refs, hyps):
        print("a line of a library")
        pairs = list(zip(refs, hyps))
        return {"radgraph_simple": [0.5 * len(set(a.split()) & set(b.split())) for a, b in pairs],
                "f1chexbert_sample_acc_5": [len(a) == len(b) for a, b in pairs]}
'''


@pytest.fixture
def predictions(tmp_path):
    """Two models, three images; one image has no reference."""
    rows = [
        ("i0", "p0", "pretrained", "no effusion", "no effusion"), ("i1", "p1", "pretrained", "large heart", "heart"),
        ("i2", "p1", "pretrained", "", "heart"), ("i0", "p0", "scratch", "no effusion", ""),
        ("i1", "p1", "scratch", "large heart", "small heart"), ("i2", "p1", "scratch", "", "heart"),
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["sample_id", "patient_id", "model", "target", "prediction"])
    table = table.assign(seed=0, score=-1.0)
    meta = {**META, "task": "report_generation", "signature": {"sections": "both"}, "credentialed": True}
    write_predictions(tmp_path / "report_generation.parquet", table, meta)
    return tmp_path / "report_generation.parquet"


@pytest.fixture
def radeval(tmp_path, monkeypatch):
    """An environment with the stand-in."""
    site = tmp_path / "site"
    (site / "radeval-9.9.dist-info").mkdir(parents=True)
    (site / "radeval-9.9.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: radeval\nVersion: 9.9\n")
    (site / "radeval.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(site))
    return sys.executable


def test_scores_become_figures_that_can_be_computed_again(predictions, radeval, capfd):
    assert main(["evaluate", str(predictions), "--json", "--radeval", radeval]) == 0
    told = json.loads(capfd.readouterr().out)["figures"]
    value = {(figure["name"], figure["model"]): figure["value"] for figure in told}
    assert value == {
        ("radgraph_simple", "pretrained"): (0.5 * 2 + 0.5 * 1) / 2, ("f1chexbert_sample_acc_5", "pretrained"): 0.5,
        ("radgraph_simple", "scratch"): (0 + 0.5) / 2, ("f1chexbert_sample_acc_5", "scratch"): 0.5,
    }  # fmt: skip
    assert all(figure["n"] == 2 and "scorer:radeval 9.9|sections:both" in figure["signature"] for figure in told)
    file = predictions.with_name("report_generation_clinical.parquet")
    assert read_predictions(file)[1]["credentialed"] is True
    assert {figure.value for figure in figures_of(file)} == set(value.values())
    assert sorted(path.name for path in predictions.parent.glob("*.parquet")) == sorted([file.name, predictions.name])


@pytest.mark.parametrize(
    ("python", "said"), [(sys.executable, "No module named 'radeval'"), ("/nowhere/python", "No such file")]
)
def test_without_radeval_one_line_says_how_to_get_it(predictions, python, said, capfd, monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert main(["evaluate", str(predictions), "--radeval", python]) == 2
    told = capfd.readouterr().err
    assert told.count("\n") == 1
    assert said in told
    assert "pip install radeval" in told


def test_other_predictions_are_refused(tmp_path, radeval, capfd):
    table = pd.DataFrame({"sample_id": ["i"], "patient_id": ["p"], "model": ["pretrained"], "seed": [0],
                          "metric": ["x"], "score": [1.0]})  # fmt: skip
    write_predictions(tmp_path / "other.parquet", table, {**META, "task": "report_clinical"})
    assert main(["evaluate", str(tmp_path / "other.parquet"), "--radeval", radeval]) == 1
    assert "report_generation are expected" in capfd.readouterr().err

"""``gkmvlp evaluate faithfulness`` on a look-alike: every kind of model, what it writes, and what it refuses."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from gkmvlp.app.actions.faithfulness import data_source
from gkmvlp.app.cli import main
from gkmvlp.app.commands.evaluate import faithfulness as command
from gkmvlp.data_modules.formats.chest_xray14 import LABELS
from gkmvlp.data_modules.synthetic import chest_xray14
from gkmvlp.errors import UsageError
from gkmvlp.metrics.counterfactual import FILLS
from gkmvlp.metrics.results.metric_result import Results
from gkmvlp.metrics.results.predictions import read_predictions
from tests.app.small_models import write_answering, write_backbone, write_detecting, write_labelling, write_reporting

DATA = ("--data", "grounding-phantom", "--num_workers", "0", "--device", "cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("faithfulness")
    chest_xray14.write(folder / "nih", 120, 0, size=32, workers=1)
    write_backbone(folder / "run" / "backbone")
    write_labelling(folder / "labels" / "model", LABELS)
    write_answering(folder / "vqa" / "model", "classify")
    write_answering(folder / "free" / "model", "generate")
    write_reporting(folder / "report" / "model")
    write_detecting(folder / "boxes" / "model")
    return folder


def evaluate(*words: object) -> int:
    return main(["evaluate", "faithfulness", *map(str, words)])


def test_every_kind_of_model_has_its_figures(folder, tmp_path, capsys):
    models = [folder / name for name in ("run", "labels", "vqa", "report")]
    words = ("--root", folder / "nih", *DATA, "--out", tmp_path / "out", "--record", tmp_path, "--record-as", "drops")
    assert evaluate("--model", *models, *words) == 0
    told = capsys.readouterr().out
    figures = Results.read(tmp_path / "out" / "results.json").figures
    found = {(f.model, f.label) for f in figures if f.name == "counterfactual_drop"}
    assert {label for model, label in found if model == "pretrained"} >= {None, "sentence", "similarity", "attended"}
    assert {label for model, label in found if model == "variant:vqa"} == {"answer", "answer attended"}
    assert {"sentence", "statement"} <= {label for model, label in found if model == "variant:report_generation"}
    assert ("variant:classification", None) in found
    sides = {(f.model, f.label) for f in figures if f.name == "side_followed"}
    assert sides == {
        ("pretrained", "sentence"), ("pretrained", "similarity"), ("variant:vqa", "answer"),
        ("variant:report_generation", "sentence"),
    }  # fmt: skip
    for figure in figures:
        baseline = "random_region" if figure.task == "faithfulness" else "random"
        assert set(figure.baselines) == set(figure.difference) == {baseline}
    (main_figure,) = [f for f in figures if f.model == "pretrained" and f.name == "counterfactual_drop" and not f.label]
    assert f"fill:{FILLS['mean']}" in main_figure.signature
    recorded = Results.read(tmp_path / "drops.json")
    assert {f.predictions for f in recorded.figures} == {None}
    assert "look at" in told
    page = (tmp_path / "out" / "report.html").read_text()
    assert "What the finding itself is worth" in page
    assert "Right or left" in page


def test_few_images_are_the_same_ones_and_the_fill_is_told(folder, tmp_path):
    rows = {}
    for limit, fill in ((6, "mean"), (3, "blur")):
        out = tmp_path / f"{limit}"
        words = ("--root", folder / "nih", *DATA, "--limit", limit, "--fill", fill, "--out", out)
        assert evaluate("--model", folder / "run", *words) == 0
        table, meta = read_predictions(out / "predictions" / "faithfulness-pretrained.parquet")
        rows[limit] = set(table["sample_id"])
        assert f"partial: {limit} of" in meta["split"]
        assert meta["signature"]["fill"] == FILLS[fill]
        assert {"sex", "age", "view"} <= set(table)
    assert rows[3] < rows[6]


def test_the_baseline_hides_as_much_elsewhere(folder, tmp_path):
    words = ("--root", folder / "nih", *DATA, "--limit", 5, "--out", tmp_path)
    assert evaluate("--model", folder / "run", *words) == 0
    table = pd.read_parquet(tmp_path / "predictions" / "faithfulness-pretrained.parquet")
    units = ["sample_id", "entity", "output", "region"]
    both = table.pivot(index=units, columns="model", values=["whole", "hidden"])
    assert both["whole"].nunique(axis=1).eq(1).all()
    assert (both["hidden"]["pretrained"] != both["hidden"]["baseline:random_region"]).any()


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (("--model", "BOXES", "--root", "NIH", *DATA), 1, "says nothing of a finding that could fall"),
        (("--model", "FREE", "--root", "NIH", *DATA), 1, "says nothing of a finding that could fall"),
        (("--model", "RUN", "RUN", "--root", "NIH", *DATA, "--limit", "2"), 2, "a second model pretrained"),
        (("--model", "RUN", "--root", "NIH", *DATA, "--limit", "0"), 2, "1 or more was expected"),
        (("--model", "RUN", "--root", "NIH", *DATA, "--as", "Nodule"), 2, "LABEL=ENTITY was expected"),
        (("--model", "RUN", "--root", "NIH", *DATA, "--fill", "noise"), 2, "noise"),
        (("--model", "RUN", "--root", "NIH", *DATA, "--labels", "[Hernia]"), 1, "has a box of a finding"),
    ],
)
def test_what_cannot_work_is_one_line(words, code, line, folder, tmp_path, capsys):
    places = {"RUN": "run", "NIH": "nih", "BOXES": "boxes", "FREE": "free"}
    named = [folder / places[word] if word in places else word for word in words]
    assert evaluate(*named, "--out", tmp_path) == code
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert line in told


def test_data_are_told_by_what_a_folder_holds(folder, tmp_path):
    """Boxes of ChestX-ray14 are not taken for those of its look-alike, which has a config."""
    assert data_source(None, str(folder / "nih")) == ("ChestXray14", str(folder / "nih"))
    (tmp_path / "train.json").touch()
    assert data_source(None, str(tmp_path)) == ("grounding-slake", str(tmp_path))
    assert data_source("MsCxr", "x") == ("MsCxr", "x")
    with pytest.raises(UsageError, match="none of RsnaPneumonia, Slake, MsCxr, ChestXray14 was found there"):
        data_source(None, str(folder / "run"))


def test_the_command_knows_every_fill():
    assert set(command.FILLS) == set(FILLS)

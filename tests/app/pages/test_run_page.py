"""The page of a run: what of it is worst, which prompt stands for a finding, what credentialed data asks for."""

import re
import shutil
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.colors import to_hex
from PIL import Image

from gkmvlp.app.cli import main
from gkmvlp.app.pages.answers import answered
from gkmvlp.app.pages.plots import main_rows
from gkmvlp.app.pages.radiographs import RadiographSource, heat_maps, miss, prompt_of
from gkmvlp.app.pages.task_sections import SectionInput, task_section
from gkmvlp.app.pages.training_curves import newest, plot_curves
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.errors import DataError
from gkmvlp.metrics.results.predictions import read_predictions, write_predictions
from gkmvlp.task_ids import SCORED, TASKS
from gkmvlp.zoo.inference.predictor import Predictor
from tests.app.small_models import build
from tests.pages import page_of
from tests.tiny import words

matplotlib.use("Agg")


@pytest.mark.parametrize(
    ("x", "y", "wanted"), [(15, 15, 0), (10, 20, 0), (5, 15, 5), (15, 24, 4), (7, 24, 5), (60, 52, 2)]
)
def test_a_miss_is_the_distance_to_the_nearest_box(x, y, wanted):
    assert miss(x, y, [10, 10, 20, 20, 50, 50, 70, 50]) == pytest.approx(wanted)


@pytest.fixture
def predictor():
    return Predictor(build("phantom-mimic-cxr"), None, torch.device("cpu"))


def test_a_stand_in_is_read_only_where_the_own_prompt_is_missing(predictor):
    prompts = {"Pneumonia": "fracture", "Effusion": "fracture", "Blob": "cardiomegaly"}
    assert prompt_of("pneumonia", predictor, prompts) == "fracture"
    assert prompt_of("pleural effusion", predictor, prompts) == "pleural effusion"
    assert prompt_of("Blob", predictor, prompts) == "cardiomegaly"
    assert prompt_of("pneumonia", predictor, {}) is None


class _Gallery:
    """Radiographs of 64 x 64 pixels that the data set knows as 128 x 128."""

    def __init__(self, folder, names):
        self.samples = {}
        for name in names:
            Image.fromarray(np.zeros((64, 64), np.uint8)).save(folder / f"{name}.png")
            self.samples[name] = Sample(name, "p", str(folder / f"{name}.png"), "PA", "test", size=(128.0, 128.0))

    sample = RadiographSource.sample
    _upright = staticmethod(list)  # stored as they stand


def test_the_farthest_miss_comes_first_and_boxes_lie_in_the_original(predictor, tmp_path):
    box, none = [0.0, 0, 128, 64], []
    rows = [("a", "pneumothorax", 1, 1, box), ("b", "cardiomegaly", 1, 100, box), ("c", "fracture", 1, 70, box),
            ("c", "cardiomegaly", 1, 1, box), ("a", "pleural effusion", 1, 1, none),
            ("a", "mass", 1, 1, box), ("b", "cardiomegaly", 1, 128, box)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["sample_id", "entity", "x", "y", "boxes"])
    plot = heat_maps(table, _Gallery(tmp_path, "abc"), predictor, {})
    titles = [axis.get_title() for axis in plot.axes if axis.get_title()]
    assert titles == ["cardiomegaly: missed", "fracture: missed", "pneumothorax: met", "cardiomegaly: met"]
    for axis in plot.axes:
        (line,) = (line for line in axis.lines if to_hex(line.get_color()) == to_hex("lime"))
        assert (max(line.get_xdata()), max(line.get_ydata())) == (32, 16)


def test_wrong_answers_come_first_and_an_image_is_shown_once():
    rows = [("1", "p1", "open", "left.", "Left"), ("2", "p2", "closed", "", "no"), ("3", "p3", "open", "<a>", "b"),
            ("4", "p3", "open", "c", "c"), ("5", "p5", "open", "d", None)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["sample_id", "patient_id", "answer_type", "prediction", "target"])
    html = answered(table.assign(question="What <b> costs $1$?"), lambda sample_id: f"<u>{sample_id}</u>")
    shown = re.findall("<figure><u>(.)</u><figcaption>(.*?)<br>(.*?)</figcaption></figure>", html)
    assert [(sample_id, re.sub("</?(span|i).*?>", "", told)) for sample_id, _, told in shown] == [
        ("3", "&lt;a&gt; (wanted: b)"), ("2", "empty (wanted: no)"), ("1", "left. (right)")]  # fmt: skip
    assert {question for _, question, _ in shown} == {"What &lt;b&gt; costs $1$?"}


def test_a_run_begun_anew_leaves_one_curve():
    values = pd.DataFrame({"step": [0, 5, 10, 15, 5, 10, 10], "value": [1, 2, 3, 4, 5, 6, 7]})
    assert newest(values).to_numpy().tolist() == [[0, 1], [5, 5], [10, 7]]
    (axis,) = plot_curves({"train/loss": values[:1], "val/loss": values}).axes
    assert [line.get_marker() for line in axis.lines] == ["o", "o"]
    (axis,) = plot_curves({"train/loss": values}).axes
    assert [line.get_marker() for line in axis.lines] == ["None"]


@pytest.mark.parametrize("task", SCORED)
def test_no_row_at_all_leaves_a_section_without_pictures(task, predictor, tmp_path):
    section = task_section(
        TASKS[task].title, SectionInput(task, pd.DataFrame(), _Gallery(tmp_path, "a"), predictor), []
    )
    assert (section.title, section.parts) == (TASKS[task].title, [""])


def test_the_main_rows_are_one_model_and_seed_and_no_baseline():
    rows = [("baseline:prior", 0), ("scratch", 0), ("pretrained", 2), ("pretrained", 1), ("variant:x", 0)]
    table = pd.DataFrame(rows, columns=["model", "seed"])
    assert main_rows(table).to_numpy().tolist() == [["pretrained", 1]]
    assert main_rows(table[table["model"].str.contains(":")]).to_numpy().tolist() == [["variant:x", 0]]
    baselines = pd.DataFrame([("baseline:question_only", 0), ("baseline:majority", 0)], columns=["model", "seed"])
    assert main_rows(baselines).to_numpy().tolist() == [["baseline:question_only", 0]]


def test_credentialed_data_gets_a_banner_and_stays_out_of_repositories(phantoms, pretrained, tmp_path):
    """The look-alike under another name passes for the data set of its layout."""
    out = tmp_path / "run"
    backbone = f"--model.init_args.backbone={pretrained / 'backbone'}"
    line = words("retrieval-phantom", phantoms, out, backbone, "--data.init_args.dataset_name=mimic-cxr")
    assert main(["test", *line, "--model.init_args.rerank_top_k=2"]) == 0
    assert (out / ".gitignore").read_text().splitlines()[-1] == "*"
    assert not (pretrained / ".gitignore").exists()
    assert "Do not share it" in page_of(out)[2]
    below = tmp_path / "runs" / "retrieval" / "pretrained-0"  # merged predictions take the config of the runs below
    below.mkdir(parents=True)
    (out / "predictions").rename(tmp_path / "runs" / "predictions")
    (out / "config.yaml").rename(below / "config-test.yaml")
    assert page_of(tmp_path / "runs")[0] == ["Retrieval"]
    assert (tmp_path / "runs" / ".gitignore").read_text().splitlines()[-1] == "*"


@pytest.fixture(scope="module")
def answering(phantoms, tmp_path_factory):
    """The folder of a run without the image: question answering that is a baseline itself. Read only."""
    out = tmp_path_factory.mktemp("answering") / "run"
    line = words(
        "vqa-phantom", phantoms, out, "--model.init_args.question_only=true", "--model.init_args.backbone=null"
    )
    assert main(["fit", *line]) == 0
    assert main(["test", *line, f"--ckpt_path={out / 'checkpoints/best.ckpt'}"]) == 0
    return out


def changed(answering, folder, config=None, **columns):
    """A copy of the run with another config, or other columns in its predictions."""
    shutil.copytree(answering, folder)
    if config is not None:
        (folder / "config-test.yaml").write_bytes(config)
    table, meta = read_predictions(folder / "predictions" / "vqa.parquet")
    del meta["signatures"]
    write_predictions(folder / "predictions" / "vqa.parquet", table.assign(**columns), meta)
    return folder


def test_a_baseline_is_shown_where_the_run_is_one_and_what_did_not_come_from_its_data_has_figures_alone(
    answering, pretrained, tmp_path, monkeypatch
):
    monkeypatch.chdir(changed(answering, tmp_path / "own", question="$\\frac$ " * 200))
    headings, pictures, _ = page_of(Path())
    assert headings == ["Training", "Questions"]
    assert pictures > 1
    assert "<h1>phantom-vqa-rad: own</h1>" in Path("report.html").read_text()
    shutil.copytree(pretrained, tmp_path / "other")
    shutil.copytree(answering / "predictions", tmp_path / "other" / "predictions")
    assert page_of(tmp_path / "other")[:2] == (["Training", "Questions: phantom-vqa-rad"], 1)


def test_a_backbone_that_is_gone_is_missed_only_where_its_prompts_are_shown(answering, tmp_path):
    text = (answering / "config-test.yaml").read_text().replace("backbone: null", "backbone: /nowhere/backbone")
    assert page_of(changed(answering, tmp_path / "run", text.encode()))[0] == ["Training", "Questions"]


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (b"data: [\n", "expected data and model"),
        (b"\xff\x00", "expected data and model"),
        (b"- other\n", "expected data and model"),
        (b"data: null\nmodel: null\n", "expected data and model"),
        (b"data: {class_path: no.Such}\nmodel: {class_path: VisualQuestionAnswering}\n", "No module named 'no'"),
        (b"data: {class_path: VqaRad, init_args: {root: r, x: 1}}\nmodel: {class_path: A}\n", "argument 'x'"),
    ],
)
def test_a_config_that_is_none_is_one_line(config, told, answering, tmp_path, capsys):
    assert main(["evaluate", "page", str(changed(answering, tmp_path / "run", config))]) in (1, 2)
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert told in error


def test_radiographs_that_the_data_has_no_more_are_one_line(answering, tmp_path, capsys):
    table = read_predictions(answering / "predictions" / "vqa.parquet")[0]
    out = changed(answering, tmp_path / "run", sample_id="gone-" + table["sample_id"])
    assert main(["evaluate", "page", str(out)]) == DataError.exit_code
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "no gone-" in error


def test_a_folder_that_is_no_run_is_one_line(tmp_path, pretrained, capsys):
    assert main(["evaluate", "page", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("config.yaml") == 1
    (tmp_path / "config.yaml").write_bytes((pretrained / "config.yaml").read_bytes())
    assert main(["evaluate", "page", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "predictions/*.parquet, found none" in error

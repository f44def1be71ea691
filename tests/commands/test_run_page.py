"""The page of a run: what of it is worst, which prompt stands for a finding, what credentialed data asks for."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.colors import to_hex
from PIL import Image

from gkmvlp.cli import main
from gkmvlp.commands._page_pictures import answers, heat_maps, miss, prompt_of
from gkmvlp.commands._plots import main_rows
from gkmvlp.data_modules.samples import Sample
from gkmvlp.geometry import Frame
from gkmvlp.zoo.reader import Reader
from tests.commands.small_models import build
from tests.pages import page_of
from tests.tiny import words

matplotlib.use("Agg")


@pytest.mark.parametrize(
    ("x", "y", "wanted"), [(15, 15, 0), (10, 20, 0), (5, 15, 5), (15, 24, 4), (7, 24, 5), (60, 52, 2)]
)
def test_a_miss_is_the_distance_to_the_nearest_box(x, y, wanted):
    assert miss(x, y, [10, 10, 20, 20, 50, 50, 70, 50]) == pytest.approx(wanted)


@pytest.fixture
def reader():
    return Reader(build("phantom-mimic-cxr"), None, torch.device("cpu"))


def test_a_stand_in_is_read_only_where_the_own_prompt_is_missing(reader):
    prompts = {"Pneumonia": "fracture", "Effusion": "fracture", "Blob": "cardiomegaly"}
    assert prompt_of("pneumonia", reader, prompts) == "fracture"
    assert prompt_of("pleural effusion", reader, prompts) == "pleural effusion"
    assert prompt_of("Blob", reader, prompts) == "cardiomegaly"
    assert prompt_of("pneumonia", reader, {}) is None


class _Gallery:
    """Radiographs of 64 x 64 pixels that the data set knows as 128 x 128."""

    def __init__(self, folder, names):
        self.samples, self.asked = {}, []
        for name in names:
            Image.fromarray(np.zeros((64, 64), np.uint8)).save(folder / f"{name}.png")
            self.samples[name] = Sample(name, "p", str(folder / f"{name}.png"), "PA", "test", size=(128.0, 128.0))

    def __call__(self, sample_id):
        self.asked.append(sample_id)
        return np.zeros((32, 32), np.float32), Frame.fit(64, 64, 32)


def test_the_farthest_miss_comes_first_and_boxes_lie_in_the_original(reader, tmp_path):
    box, none = [0.0, 0, 128, 64], []
    rows = [("a", "pneumothorax", 1, 1, box), ("b", "cardiomegaly", 1, 100, box), ("c", "fracture", 1, 70, box),
            ("c", "cardiomegaly", 1, 1, box), ("a", "pleural effusion", 1, 1, none),
            ("a", "mass", 1, 1, box)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["sample_id", "entity", "x", "y", "boxes"])
    plot = heat_maps(table, _Gallery(tmp_path, "abc"), reader, {})
    titles = [axis.get_title() for axis in plot.axes if axis.get_title()]
    assert titles == ["cardiomegaly: missed", "fracture: missed", "pneumothorax: met"]
    for axis in plot.axes[:3]:
        (line,) = (line for line in axis.lines if to_hex(line.get_color()) == to_hex("lime"))
        assert (max(line.get_xdata()), max(line.get_ydata())) == (32, 16)


def test_wrong_answers_come_first_and_an_image_is_shown_once(tmp_path):
    rows = [("1", "p1", "open", "left", "left"), ("2", "p2", "closed", "yes", "no"), ("3", "p3", "open", "a", "b"),
            ("4", "p3", "open", "c", "c")]  # fmt: skip
    table = pd.DataFrame(rows, columns=["sample_id", "patient_id", "answer_type", "prediction", "target"])
    gallery = _Gallery(tmp_path, "1234")
    plot = answers(table.assign(question="What?"), gallery)
    assert gallery.asked == ["3", "2", "1"]
    assert plot.axes[0].get_title() == "What?\na (wanted: b)"
    assert plot.axes[2].get_title().endswith("left (right)")


def test_the_main_rows_are_one_model_and_seed_and_no_floor():
    rows = [("floor:prior", 0), ("scratch", 0), ("pretrained", 2), ("pretrained", 1), ("variant:x", 0)]
    table = pd.DataFrame(rows, columns=["model", "seed"])
    assert main_rows(table).to_numpy().tolist() == [["pretrained", 1]]
    assert main_rows(table[table["model"].str.contains(":")]).to_numpy().tolist() == [["variant:x", 0]]
    floors = pd.DataFrame([("floor:question_only", 0), ("floor:majority", 0)], columns=["model", "seed"])
    assert main_rows(floors).to_numpy().tolist() == [["floor:question_only", 0]]


def test_credentialed_data_gets_a_banner_and_stays_out_of_repositories(phantoms, pretrained, tmp_path):
    """The look-alike under another name passes for the data set of its layout."""
    out = tmp_path / "run"
    backbone = f"--model.init_args.backbone={pretrained / 'backbone'}"
    line = words("retrieval-phantom", phantoms, out, backbone, "--data.init_args.name=mimic-cxr")
    assert main(["test", *line, "--model.init_args.rerank=2"]) == 0
    assert (out / ".gitignore").read_text().splitlines()[-1] == "*"
    assert not (pretrained / ".gitignore").exists()
    assert "Do not share it" in page_of(out)[2]
    below = tmp_path / "runs" / "retrieval" / "pretrained-0"  # merged predictions take the config of the runs below
    below.mkdir(parents=True)
    (out / "predictions").rename(tmp_path / "runs" / "predictions")
    (out / "config.yaml").rename(below / "config-test.yaml")
    assert page_of(tmp_path / "runs")[0] == ["Retrieval"]


def test_a_folder_that_is_no_run_is_one_line(tmp_path, pretrained, capsys):
    assert main(["page", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("config.yaml") == 1
    (tmp_path / "config.yaml").write_bytes((pretrained / "config.yaml").read_bytes())
    assert main(["page", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "predictions/*.parquet, found none" in error

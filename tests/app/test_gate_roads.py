"""All roads to an answer show the gate the same picture: as its file holds it, however a model reads grey values."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import gkmvlp
from gkmvlp.app.cli import main
from gkmvlp.app.serving.desk import Desk
from gkmvlp.app.serving.models import open_models
from gkmvlp.data_modules.pipeline.images import read_image
from gkmvlp.models.gate import FRONTAL
from gkmvlp.phantom.generate import draw_phantom
from gkmvlp.zoo.inference.gate import packaged_gate
from tests.app.dicom.radiographs import write_radiograph
from tests.app.small_models import write_backbone

NAMES = ("eight.png", "sixteen.png", "plain.dcm", "negative.dcm")
pytestmark = pytest.mark.filterwarnings("ignore:A model that never")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A backbone that reads equalized grey values."""
    torch.set_num_threads(1)
    return write_backbone(tmp_path_factory.mktemp("model") / "backbone")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A frontal phantom whose histogram, made flat, looks mirrored, in every kind of file."""
    folder = tmp_path_factory.mktemp("files")
    image_HW = draw_phantom(2026, 1, 512).image_HW
    Image.fromarray(image_HW).save(folder / "eight.png")
    Image.fromarray(image_HW.astype(np.uint16) * 257).save(folder / "sixteen.png")
    write_radiograph(folder / "plain.dcm", picture_HW=image_HW)
    write_radiograph(folder / "negative.dcm", picture_HW=255 - image_HW, PhotometricInterpretation="MONOCHROME1")
    return folder


def by_command(model, files, folder):
    words = ["predict", "--model", model, "--task", "grounding", "--device", "cpu", files, "--out", folder / "rows.csv"]
    assert main(list(map(str, words))) == 0
    table = pd.read_csv(folder / "rows.csv")
    return [table.loc[table["sample_id"] == str(files / name), "gate"].unique().item() for name in NAMES]


def by_python(model, files, folder):
    said = gkmvlp.load(model, device="cpu").predict([files / name for name in NAMES])
    return [one.verdict.kind for one in said]


def by_page(model, files, folder):
    desk, found = Desk([open_models([str(model)], "cpu")], "warn"), []
    for name in NAMES:
        assert "gk-reading" in desk.read_upload((files / name).read_bytes(), name, "s", "c")
        found.append(desk.sessions.of("s").seen[0]["backbone"].verdict.kind)
    return found


def by_check(model, files, folder):
    rows = {"image": [str(files / name) for name in NAMES], "report": "No pneumothorax.", "patient_id": list("abcd"),
            "split": ["train", "train", "validate", "test"]}  # fmt: skip
    pd.DataFrame(rows).to_csv(folder / "pairs.csv", index=False)
    out = folder / "told"
    words = ["data", "check", "ImageReportPairs", "--root", str(folder / "pairs.csv"), "--json"]
    with out.open("w") as stream, pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", stream)
        assert main(words) == 0
    return [kind for kind, count in json.loads(out.read_text())["looks_like"].items() for _ in range(count)]


def test_the_phantom_can_tell_the_readings_apart(files):
    assert packaged_gate().judge(read_image(files / "eight.png", "equalized")).kind == "mirrored"


@pytest.mark.parametrize("road", [by_command, by_python, by_page, by_check], ids=lambda road: road.__name__)
def test_every_road_and_every_kind_of_file_has_the_same_verdict(road, model, files, tmp_path):
    assert road(model, files, tmp_path) == [FRONTAL] * len(NAMES)

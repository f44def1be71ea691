"""Every head comes back from its files as it was, and a broken folder is one line."""

import json

import pytest
import torch
from torch import nn

from gkmvlp.anatomy import REGIONS
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints import heads
from gkmvlp.errors import BackboneError
from gkmvlp.losses.detection import focal_loss, giou_loss
from gkmvlp.models.generation import DecodingConfig
from gkmvlp.models.heads.answer_head import AnswerHead
from gkmvlp.models.heads.box_head import BoxHead
from gkmvlp.models.heads.category_head import CategoryHead
from gkmvlp.models.heads.detector import DetectorConfig
from gkmvlp.models.heads.label_head import label_head
from gkmvlp.models.heads.region_head import RegionHead
from tests.app.small_models import architecture, build

WIDTH = 16


def box_head(model):
    config = DetectorConfig(pyramid_scales=[1.0, 0.5], channels=8)
    return BoxHead(model, ("Opacity", "Nodule"), config, True, focal_loss, giou_loss)


# task, the head, its files
CASES = {
    "classify": ("vqa", lambda model: AnswerHead("classify", ["no", "yes"], 4, nn.Linear(WIDTH, 2)),
                 {"answers.json", "classifier.safetensors"}),
    "rank": ("vqa", lambda model: AnswerHead("rank", ["no", "yes"], 4), {"answers.json"}),
    "labels": ("classification", lambda model: label_head(("effusion", "mass"), architecture(), "both"),
               {"labels.json", "label_head.safetensors"}),
    "boxes": ("localization", box_head, {"boxes.json", "detector.safetensors"}),
    "regions": ("region_detection", lambda model: RegionHead(WIDTH, torch.rand(len(REGIONS), 4)),
                {"region_head.safetensors"}),
    "classes": ("image_text_classification", lambda model: CategoryHead(("section", "projection"), WIDTH, "mean"),
                {"classes.json", "category_head.safetensors"}),
    "reports": ("report_generation", lambda model: DecodingConfig("beam", num_beams=3, max_new_tokens=20), set()),
}  # fmt: skip


@pytest.fixture(scope="module")
def backbone():
    return build("phantom-mimic-cxr")


@pytest.mark.parametrize("name", CASES)
def test_a_head_comes_back_as_it_was(name, backbone, tmp_path):
    task, make, files = CASES[name]
    head = make(backbone.model)
    form = heads.format_of(head)
    module = form.module(head)
    for parameter in module.parameters() if module else ():
        nn.init.normal_(parameter)
    backbone.info["task"] = task
    heads.save(backbone, head, tmp_path / "model")
    backbones.save(backbone, tmp_path / "bare")
    beside = {file.name for file in (tmp_path / "bare").iterdir()}
    assert {file.name for file in (tmp_path / "model").iterdir()} - beside == files == set(form.files(head))

    again = heads.load(tmp_path / "model", backbones.load(tmp_path / "model"))
    assert type(again) is type(head)
    assert form is heads.FORMATS[task]
    assert form.describe(again) == form.describe(head)
    state = module.state_dict() if module else {}
    read = form.module(again).state_dict() if module else {}
    assert state.keys() == read.keys()
    assert all(torch.equal(state[key], read[key]) for key in state)


def test_a_bare_backbone_has_no_head(tmp_path):
    bare = build("phantom-mimic-cxr")
    heads.save(bare, None, tmp_path / "bare")
    assert heads.load(tmp_path / "bare", backbones.load(tmp_path / "bare")) is None


def test_another_task_is_told(tmp_path):
    other = build("phantom-mimic-cxr")
    other.info["task"] = "segmentation"
    with pytest.raises(BackboneError, match="made for the task 'segmentation', which is not known here"):
        heads.load(tmp_path, other)


@pytest.mark.parametrize("broken", ["absent", "no JSON", "a key is absent", "a tensor is absent"])
def test_a_broken_head_is_one_line(broken, backbone, tmp_path):
    backbone.info["task"] = "classification"
    folder = tmp_path / "model"
    heads.save(backbone, label_head(("effusion",), architecture(), "pooled"), folder)
    file = folder / "labels.json"
    if broken == "absent":
        file.unlink()
    elif broken == "no JSON":
        file.write_text("{")
    elif broken == "a key is absent":
        file.write_text(json.dumps({"labels": ["effusion"]}))
    else:
        file.write_text(json.dumps({"labels": ["effusion"], "head_inputs": "entities"}))
    with pytest.raises(BackboneError, match=r"^\S+model: no readable head for labels \(.+\); fine-tune anew$"):
        heads.load(folder, backbone)

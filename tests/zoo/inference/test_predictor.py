"""What ``predict`` says of lists of images, and in how many looks."""

import numpy as np
import pytest
import torch

import gkmvlp
from gkmvlp.anatomy import REGIONS
from gkmvlp.checkpoints import heads
from gkmvlp.errors import BackboneError, UsageError
from gkmvlp.models.heads.region_head import RegionHead
from gkmvlp.tasks.parts.region_search import find_regions
from tests.app.small_models import build, write_answering, write_images

pytestmark = pytest.mark.filterwarnings("ignore:A model that never")


def test_a_list_is_one_batch_with_a_reading_each(model, images, monkeypatch):
    alone = [model.predict(image) for image in images]
    looks = []
    look = model.encode_images
    monkeypatch.setattr(model, "encode_images", lambda batch: looks.append(len(batch["image"])) or look(batch))
    together = model.predict(images)
    assert looks == [3]
    assert model.predict([]) == []
    for one, other in zip(alone, together, strict=True):
        assert list(one.findings) == list(other.findings)
        np.testing.assert_allclose(list(one.findings.values()), list(other.findings.values()), rtol=1e-5)
        assert one.regions == other.regions


def test_regions_are_found_in_the_patches_of_one_look(tmp_path, images):
    backbone = build("phantom-mimic-cxr")
    backbone.info["task"] = "region_detection"
    heads.save(backbone, RegionHead(16, torch.full((len(REGIONS), 4), 0.5)), tmp_path / "model")
    predictor = gkmvlp.load(tmp_path / "model", device="cpu")
    batch = predictor.batch([predictor.item(image) for image in images])
    box_NR4, score_NR = find_regions(predictor.backbone, predictor.head, [batch])
    looks = []
    predictor.model.vision.register_forward_hook(lambda *_: looks.append(1))
    found = predictor.predict(images)
    assert looks == [1]
    for reading, box_R4, score_R in zip(found, box_NR4, score_NR, strict=True):
        assert {box.label: (box.score, *box[2:6]) for box in reading.boxes} == {
            name: (score, *box) for name, score, box in zip(REGIONS, score_R.tolist(), box_R4.tolist(), strict=True)
        }


@pytest.mark.filterwarnings("ignore")
def test_a_word_of_accept_alone_is_one_word(model):
    blank = np.zeros((80, 80), np.uint8)
    assert model.predict(blank, accept="blank").findings == model.predict(blank, accept=["blank"]).findings
    with pytest.raises(UsageError, match=r"accept 'latral': of lateral, modality, blank expected"):
        model.predict(blank, accept=["blank", "latral"])


@pytest.mark.filterwarnings("ignore")
def test_questions_that_are_no_text_or_empty_or_missing_are_said(tmp_path):
    predictor = gkmvlp.load(write_answering(tmp_path / "model", "rank"), "cpu")
    (image, *_) = write_images(tmp_path / "images")
    for wrong in (["Is there an effusion?", "Where?"], 3):
        with pytest.raises(TypeError, match="question: one text was expected, got"):
            predictor.predict(image, question=wrong)
    for empty in ("", " \n"):
        with pytest.raises(UsageError, match="question is empty"):
            predictor.predict(image, question=empty)
    with pytest.raises(BackboneError, match="this model answers questions: ask one"):
        predictor.predict(image)


def test_a_model_without_the_head_that_is_asked_names_what_leaves_one(model, images):
    batch = model.batch([model.item(images[0])])
    memory = model.encode_images(batch)
    asked = {
        "finetune-classification": lambda: model.label_scores(memory),
        "finetune-localization": lambda: model.boxes(batch, memory),
        "finetune-vqa": lambda: model.answers(memory, "Is there an effusion?"),
        "finetune-image-text": lambda: model.categories(memory, "A caption."),
        "finetune-report": lambda: model.reports(memory),
    }
    for target, ask in asked.items():
        said = rf"only a model fine-tuned for .*: fine-tune a backbone \(make {target}\) and name the folder model/"
        with pytest.raises(BackboneError, match=said):
            ask()

"""``gkmvlp.load``: the same numbers as the model behind it, and answers of every head."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import gkmvlp
import gkmvlp.tasks
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints.backbone import lineage
from gkmvlp.data_modules import ImageReportPairs
from gkmvlp.data_modules.pipeline.images import ImageError
from gkmvlp.errors import BackboneError
from gkmvlp.models.tokenizer import tokenize
from gkmvlp.notices import NO_PATIENT, trained_on_patients
from tests.app.small_models import ANSWERS, ENTITIES, write_answering, write_backbone, write_images


@pytest.fixture(scope="module")
def backbone(tmp_path_factory) -> Path:
    torch.set_num_threads(1)
    return write_backbone(tmp_path_factory.mktemp("load") / "backbone")


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> list[Path]:
    return write_images(tmp_path_factory.mktemp("images"))


def test_importing_the_package_loads_no_torch():
    code = "import gkmvlp, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    with pytest.raises(AttributeError, match="lod"):
        _ = gkmvlp.lod


def test_a_model_that_never_saw_a_patient_says_so(backbone, images, tmp_path):
    with pytest.warns(UserWarning, match="never saw a patient"):
        model = gkmvlp.load(backbone, device="cpu")
    assert model.predict(images[0], gate="off").notice == NO_PATIENT
    assert model.predict(images[0]) == model.predict(images[0])  # the name of earlier versions
    seen = gkmvlp.load(write_backbone(tmp_path / "b", "phantom-mimic-cxr, vqa-rad"), device="cpu")
    assert seen.predict(images[0], gate="off").notice is None


def test_a_model_says_what_it_is(backbone):
    with pytest.warns(UserWarning, match="never saw a patient"):
        model = gkmvlp.load(backbone, device="cpu")
    assert repr(model) == "Predictor(gk_mvlp, grounding, trained on phantom-mimic-cxr, 32 px, cpu)"


@pytest.mark.filterwarnings("ignore:A model that never")
def test_a_folder_is_no_image(backbone, images):
    with pytest.raises(ImageError, match="it is a folder; name the files in it"):
        gkmvlp.load(backbone, device="cpu").predict(images[0].parent)


def test_an_empty_name_is_no_model():
    with pytest.raises(BackboneError, match="the name of a model is empty"):
        gkmvlp.load("")


def test_lineage_and_patients():
    assert lineage({}, "phantom-a") == "phantom-a"
    assert lineage({"trained_on": "phantom-a"}, "b") == "phantom-a, b"
    assert lineage({"trained_on": "phantom-a, b"}, "b") == "phantom-a, b"
    assert not trained_on_patients({"trained_on": "phantom-a, phantom-b"})
    assert trained_on_patients({"trained_on": "phantom-a, b"})
    assert trained_on_patients({})  # nothing is claimed of a model whose data are not known


@pytest.mark.filterwarnings("ignore:A model that never")
def test_findings_are_those_of_the_evaluation_pipeline(backbone, images, tmp_path):
    """The DataModule's test batch through the raw model gives the same probabilities, with the backbone's own atlas."""
    start = backbones.load(backbone)
    start.atlas = {view: box_R4 * 0.8 for view, box_R4 in start.atlas.items()}
    backbone = tmp_path / "backbone"
    backbones.save(start, backbone)
    lines = ["image,report,patient_id,split", *(f"{path},No effusion.,{i},test" for i, path in enumerate(images))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    atlas_file = str(backbone / "grounding.json")
    table = str(tmp_path / "t.csv")
    data = ImageReportPairs(
        table, batch_size=3, num_workers=0, image_size=32, region_boxes="atlas", atlas_file=atlas_file
    )
    data.setup()
    (batch,) = data.test_dataloader()
    raw = start.model.eval()
    with torch.inference_mode():
        image = raw.encode_image(batch["image"], batch["region_box"], batch["region_mask"])
        expected_BE = raw.entity_logits(image.grounded).softmax(-1)[..., 1].numpy()
    model = gkmvlp.load(backbone, device="cpu")
    for expected_E, path in zip(expected_BE, images, strict=True):
        reading = model.predict(path)
        assert list(reading.findings.values()) == sorted(reading.findings.values(), reverse=True)
        np.testing.assert_allclose([reading.findings[name] for name in ENTITIES], expected_E, rtol=1e-4)
        assert set(reading.points) == set(ENTITIES)


@pytest.mark.filterwarnings("ignore:A model that never")
def test_one_space(backbone, images):
    model = gkmvlp.load(backbone, device="cpu")
    texts = ["There is an effusion.", "No effusion."]
    found = model.embed(images=images, texts=texts)
    assert found.images.shape == (3, 8)
    for vectors in found:
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    raw = backbones.load(backbone)
    with torch.inference_mode():
        expected = raw.model.eval().embed_text(tokenize(raw.tokenizer, texts, 48)).numpy()
    np.testing.assert_allclose(found.texts, expected, atol=1e-6)
    score = model.zero_shot(images[1], [*texts, (texts[0], texts[1])])
    np.testing.assert_allclose([score[text] for text in texts], found.texts @ found.images[1], atol=1e-6)
    assert score[texts[0], texts[1]] == pytest.approx(score[texts[0]] - score[texts[1]], abs=1e-6)
    assert model.embed(texts=texts).images.shape == (0, 8)


@pytest.mark.parametrize("kind", ["rank", "generate", "classify"])
def test_answers_of_every_head(kind, tmp_path, images):
    model = gkmvlp.load(write_answering(tmp_path / "run" / "model", kind).parent, device="cpu")
    answer = model.predict(images[0], question="Where is the effusion?").answer
    assert isinstance(answer, str)
    assert kind == "generate" or answer in ANSWERS
    with pytest.raises(BackboneError, match="answers questions: ask one, as in question="):
        model.predict(images[0])
    (tmp_path / "run" / "model" / "answers.json").unlink()
    with pytest.raises(BackboneError, match="answer head"):
        gkmvlp.load(tmp_path / "run", device="cpu")


def test_a_classifier_is_kept(tmp_path, images):
    """The answer is the arg-max of the stored linear layer on the question's first state."""
    model = gkmvlp.load(write_answering(tmp_path / "model", "classify"), device="cpu")
    with torch.no_grad():
        model.head.classifier.weight.zero_()
        model.head.classifier.bias.copy_(torch.tensor([0.0, 0.0, 5.0, 0.0]))
    assert model.predict(images[0], question="what?").answer == ANSWERS[2]


@pytest.mark.filterwarnings("ignore:A model that never")
def test_a_bare_backbone_answers_no_question(backbone, images):
    with pytest.raises(BackboneError, match="make finetune-vqa"):
        gkmvlp.load(backbone, device="cpu").predict(images[0], question="why?")


def test_the_packages_directory_knows_what_it_gives():
    assert {"load", "list_models"} <= set(dir(gkmvlp))
    assert set(gkmvlp.tasks.__all__) <= set(dir(gkmvlp.tasks))
    assert callable(gkmvlp.load)


@pytest.mark.parametrize("reference", [None, 5, ["gk-mvlp-phantom"]])
def test_what_names_no_model_is_told_as_such(reference) -> None:
    with pytest.raises(TypeError, match="a model is named by a folder or zoo://NAME, got"):
        gkmvlp.load(reference)

"""Answers: of one question to many images, and of questions about what was never learned."""

import pytest

import gkmvlp
from gkmvlp.tasks.parts.scope import entities_named, outside, things
from tests.app.small_models import write_answering, write_images

pytestmark = pytest.mark.filterwarnings("ignore:A model that never")


def test_scope_is_told_by_the_findings_that_a_question_names(tmp_path, images):
    assert entities_named(["Is there a fracture?", "which rib has fractures", "is it small"]) == ["fracture"]
    assert outside("Is there an effusion or a hernia?", ["pleural effusion"]) == ["hernia"]
    assert outside("Which side is it on?", []) == []
    model = gkmvlp.load(write_answering(tmp_path / "model", "rank"), device="cpu")
    reading = model.predict(images[0], "Is there a hernia?")
    assert reading.is_in_scope is False
    assert "hernia" in reading.notice
    assert model.predict(images[0], "Is there a pneumothorax?").is_in_scope
    assert model.predict(images[0], "Is there a giraffe?").is_in_scope is None  # it holds no words of its training
    model.head.asked = ["hernia"]  # as a training question
    assert model.predict(images[0], "Is there a hernia?").is_in_scope
    model.head.words = things(["Is the hernia on the left side?"])
    reading = model.predict(images[0], "Is there a giraffe in the left lung?")
    assert reading.is_in_scope is False
    assert "never learned of giraffe" in reading.notice
    assert model.predict(images[0], "Is it on the left side?").is_in_scope


def test_a_question_that_is_not_read_to_its_end_is_noted(tmp_path, images):
    model = gkmvlp.load(write_answering(tmp_path / "model", "rank"), device="cpu")
    question = "Is there an effusion?" + " effusion" * model.architecture.text.max_length + " giraffe?"
    first, second = model.predict(images[:2], question)
    (note,) = first.notes
    assert "tokens, 48 are read" in note
    assert note.startswith("question has")
    assert note.endswith("giraffe?' is left out") or "..." in note
    assert second.notes == first.notes
    assert model.predict(images[0], "Is there an effusion?").notes == ()


def test_the_packaged_model_does_not_claim_what_it_cannot_know(package):
    """Its folder was written before words of questions were kept."""
    model = gkmvlp.load("zoo://gk-mvlp-phantom-vqa", device="cpu")
    assert not model.head.words
    assert model.in_scope("Is there a giraffe?") is None
    assert model.in_scope("Is there a pneumothorax?") is True
    assert model.in_scope("Is there scoliosis?") is False


@pytest.mark.filterwarnings("ignore")
def test_a_question_alone_is_asked_about_every_image(tmp_path):
    predictor = gkmvlp.load(write_answering(tmp_path / "model", "rank"), "cpu")
    images = write_images(tmp_path / "images")[:2]
    memory = predictor.encode_images(predictor.batch([predictor.item(image) for image in images]))
    question = "Is there an effusion?"
    assert predictor.answers(memory, question) == predictor.answers(memory, [question] * 2)
    assert (predictor.choice_scores(memory, [question] * 2) == predictor.answer_scores(memory, question)).all()

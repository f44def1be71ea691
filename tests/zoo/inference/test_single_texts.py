"""A text, question or image alone is a list of one, not a list of letters."""

import numpy as np
import pytest
import torch

import gkmvlp
from gkmvlp.errors import BackboneError, UsageError
from gkmvlp.models.tokenizer import tokenize
from gkmvlp.texts import as_texts
from tests.app.small_models import ENTITIES, write_answering, write_backbone, write_images


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    torch.set_num_threads(1)
    return gkmvlp.load(write_backbone(tmp_path_factory.mktemp("sources") / "backbone"), "cpu")


def test_a_text_alone_is_one_text(predictor, tmp_path):
    text = "No pleural effusion."
    assert torch.equal(predictor.embed_texts(text), predictor.embed_texts([text]))
    (image, *_) = write_images(tmp_path)
    assert predictor.zero_shot(image, text) == predictor.zero_shot(image, [text])
    assert list(predictor.zero_shot(image, text)) == [text]
    one, listed = predictor.embed(image, text), predictor.embed([image], [text])
    assert np.array_equal(one.images, listed.images)
    assert np.array_equal(one.texts, listed.texts)
    tokenizer = predictor.backbone.tokenizer
    assert torch.equal(tokenize(tokenizer, text, 16).ids, tokenize(tokenizer, [text], 16).ids)
    assert len(predictor.embed_texts([])) == 0
    assert len(ENTITIES) > 1


@pytest.mark.filterwarnings("ignore")
def test_a_question_alone_is_asked_about_every_image(tmp_path):
    predictor = gkmvlp.load(write_answering(tmp_path / "model", "rank"), "cpu")
    images = write_images(tmp_path / "images")[:2]
    memory = predictor.encode_images(predictor.batch([predictor.item(image) for image in images]))
    question = "Is there an effusion?"
    assert predictor.answers(memory, question) == predictor.answers(memory, [question] * 2)


def test_texts():
    assert as_texts("abc") == ["abc"]
    assert as_texts(("a", "b")) == ["a", "b"]
    assert as_texts(text for text in "ab") == ["a", "b"]
    for wrong in ([b"a"], ["a", None], [["a"]]):
        with pytest.raises(TypeError, match="a list of texts was expected, got"):
            as_texts(wrong)


@pytest.mark.parametrize("wrong", [1, None, ("a", "b", "c"), ("a", None)])
def test_what_is_no_prompt_is_said(predictor, tmp_path, wrong):
    (image, *_) = write_images(tmp_path)
    with pytest.raises(TypeError, match="a prompt is a text or a pair"):
        predictor.zero_shot(image, ["No effusion.", wrong])


@pytest.mark.filterwarnings("ignore")
def test_a_word_of_accept_alone_is_one_word(predictor):
    blank = np.zeros((80, 80), np.uint8)
    assert predictor.predict(blank, accept="blank").findings == predictor.predict(blank, accept=["blank"]).findings
    with pytest.raises(UsageError, match=r"accept 'latral': of lateral, modality, blank expected"):
        predictor.predict(blank, accept=["blank", "latral"])


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


@pytest.mark.parametrize("empty", ["", " ", ("There is an effusion.", ""), ("", "No effusion.")])
def test_an_empty_prompt_is_said(predictor, tmp_path, empty):
    (image, *_) = write_images(tmp_path)
    with pytest.raises(UsageError, match="a prompt is empty"):
        predictor.zero_shot(image, [empty])

"""Vectors and zero-shot: a text or image alone is a list of one, not a list of letters."""

import numpy as np
import pytest
import torch

from gkmvlp.errors import UsageError
from gkmvlp.models.tokenizer import tokenize
from tests.app.small_models import ENTITIES, write_images


def test_a_text_alone_is_one_text(model, tmp_path):
    text = "No pleural effusion."
    assert torch.equal(model.embed_texts(text), model.embed_texts([text]))
    (image, *_) = write_images(tmp_path)
    assert model.zero_shot(image, text) == model.zero_shot(image, [text])
    assert list(model.zero_shot(image, text)) == [text]
    one, listed = model.embed(image, text), model.embed([image], [text])
    assert np.array_equal(one.images, listed.images)
    assert np.array_equal(one.texts, listed.texts)
    tokenizer = model.backbone.tokenizer
    assert torch.equal(tokenize(tokenizer, text, 16).ids, tokenize(tokenizer, [text], 16).ids)
    assert len(model.embed_texts([])) == 0
    assert len(ENTITIES) > 1


def test_texts_that_are_empty_or_too_long_to_be_read_are_noted(model):
    most = model.architecture.text.max_length
    whole = "a " * (most - 2)  # a token each
    found = model.embed(texts=["No effusion.", "", whole, whole + "b", " \n"])
    assert len(found.texts) == 5
    assert [note[:6] for note in found.notes] == ["text 1", "text 3", "text 4"]
    empty, longer, _ = found.notes
    assert empty == "text 1 is empty: what the model says of it means nothing"
    assert longer.endswith(f", {most} are read: 'b' is left out")
    assert np.array_equal(found.texts[2], found.texts[3])
    assert model.embed(texts="No effusion.").notes == ()
    (unknown,) = model.embed(texts="No \u4e2d effusion \u6587?").notes
    assert unknown == "text 0 has letters that the model does not know: '\u4e2d \u6587' is not read"


@pytest.mark.parametrize("wrong", [1, None, ("a", "b", "c"), ("a", None)])
def test_what_is_no_prompt_is_said(model, tmp_path, wrong):
    (image, *_) = write_images(tmp_path)
    with pytest.raises(TypeError, match="a prompt is a text or a pair"):
        model.zero_shot(image, ["No effusion.", wrong])


@pytest.mark.parametrize("empty", ["", " ", ("There is an effusion.", ""), ("", "No effusion.")])
def test_an_empty_prompt_is_said(model, tmp_path, empty):
    (image, *_) = write_images(tmp_path)
    with pytest.raises(UsageError, match="a prompt is empty"):
        model.zero_shot(image, [empty])

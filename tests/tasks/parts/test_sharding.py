"""What a sharded pre-training is cut into, and what it leaves alone."""

import pytest
import torch

from gkmvlp.models.vision import create_timm
from gkmvlp.tasks import GkMvlpPretraining
from gkmvlp.tasks.parts import image_logging
from gkmvlp.tasks.parts.sharding import layers
from tests.tiny import architecture


@pytest.mark.parametrize(
    ("changes", "kind", "number"),
    [
        ({"name": "vit_tiny_patch16_224", "out_indices": [], "timm_kwargs": {"depth": 3}}, "Block", 3),
        ({}, "BasicBlock", 2),
        ({"name": "efficientnet_b0", "out_indices": [], "timm_kwargs": None}, "InvertedResidual", 15),
    ],
)
def test_layers_are_the_blocks_of_an_encoder(changes, kind, number):
    config = architecture(**{f"vision.{key}": value for key, value in changes.items()}).vision
    found = [type(layer).__name__ for layer in layers(create_timm(config, 224))]
    assert found.count(kind) == number
    assert set(found) <= {kind, "DepthwiseSeparableConv"}


@pytest.fixture
def task(studies):
    built = GkMvlpPretraining(architecture(**{"text.num_hidden_layers": 2}))
    built.prepare(studies)
    return built


def test_layers_of_text_are_those_of_bert(task):
    assert list(layers(task.model.text)) == list(task.model.text.layers)


def test_the_temperature_of_a_sharded_fit_is_read_by_one_that_is_not(task):
    content = {"tokenizer": task.tokenizer.get_vocab(), "state_dict": {"log_scale": torch.tensor([2.5])}}
    task.on_load_checkpoint(content)
    task.load_state_dict(content["state_dict"], strict=False)
    assert task.log_scale.item() == 2.5


def test_a_sharded_fit_draws_no_pictures(task, monkeypatch, tmp_path):
    """The first process would wait for the others, which do not draw."""
    logger = image_logging.TensorBoardLogger(tmp_path)
    monkeypatch.setattr(GkMvlpPretraining, "logger", logger)
    trainer = type("Trainer", (), {"sanity_checking": False})()
    pictures = image_logging.Pictures()
    monkeypatch.setattr(pictures, "prompts", lambda *_: pytest.fail("drawn"))
    monkeypatch.setattr(image_logging, "is_sharded", lambda _: True)
    pictures.on_validation_batch_end(trainer, task, None, {}, 0)

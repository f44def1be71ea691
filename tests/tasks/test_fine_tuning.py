"""Memory that is kept: what it holds, when it is computed, and what is refused."""

import pytest
import torch
from torch.utils.data import default_collate

from gkmvlp.data_modules import MimicCxr
from gkmvlp.data_modules.pipeline.dataset import SampleDataset
from gkmvlp.errors import ConfigError
from gkmvlp.tasks import ReportGeneration, VisualQuestionAnswering
from tests.tiny import DATA, architecture


@pytest.fixture(scope="module")
def steady(phantoms):
    """Studies that are shown alike each time."""
    data = MimicCxr(
        str(phantoms), dataset_name="phantom-mimic-cxr", augmentation_strength=0.0, region_dropout=0.0, **DATA
    )
    data.setup("fit")
    return data


@pytest.fixture(scope="module")
def batch(steady):
    return default_collate(list(SampleDataset(steady.rows("train")[:5], steady.read, steady.regions)))


def made(steady, backbone, **options):
    task = ReportGeneration(architecture(), backbone, **options)
    task.prepare(steady)
    return task.eval()


def test_each_image_is_looked_at_once_and_its_memory_stays(steady, pretrained, batch, monkeypatch):
    task = made(steady, str(pretrained / "backbone"), freeze_image_branch=True, cache_image_memory=True)
    wanted = task.encode_images_now(batch)
    looked = []
    look = task.encode_images
    monkeypatch.setattr(task, "encode_images", lambda batch: looked.append(len(batch["image"])) or look(batch))
    ids = batch["sample_id"]
    some = {key: value[:2] if torch.is_tensor(value) else value for key, value in batch.items()}
    first = task.encode_images_cached(some, ids[:2])
    back = {key: value.flip(0) if torch.is_tensor(value) else value for key, value in batch.items()}
    again = task.encode_images_cached(back, ids[::-1])
    assert looked == [2, 3]
    for got, parts in zip(first, wanted, strict=True):
        torch.testing.assert_close(got, parts[:2])
    for got, parts in zip(again, wanted, strict=True):
        torch.testing.assert_close(got, parts.flip(0))
        assert not got.requires_grad


@pytest.mark.parametrize("is_frozen", [False, True])
def test_an_image_side_that_learns_is_looked_at_anew(steady, pretrained, batch, is_frozen):
    start = None if is_frozen else str(pretrained / "backbone")  # from scratch nothing is held still
    task = made(steady, start, freeze_image_branch=is_frozen, cache_image_memory=True)
    assert task.encode_images_cached(batch, batch["sample_id"]).key.requires_grad
    assert not task.memory_cache


def test_augmented_images_are_not_kept(studies, pretrained):
    with pytest.raises(ConfigError, match=r"augmentation_strength=0"):
        made(studies, str(pretrained / "backbone"), freeze_image_branch=True, cache_image_memory=True)


def test_a_head_has_the_width_of_the_backbone_where_the_config_names_a_bert(questions, pretrained):
    """The sizes of the text model in such a config are those of its defaults, and are not read."""
    given, start = architecture(), pretrained / "backbone"
    width = given.text.hidden_size
    given.text.weights, given.text.hidden_size = "package://minilm-l6", 2 * width
    task = VisualQuestionAnswering(given, str(start), answer_mode="classify")
    task.prepare(questions)
    assert task.classifier.in_features == task.model.architecture.text.hidden_size == width

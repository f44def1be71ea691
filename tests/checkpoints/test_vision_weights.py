"""Weights of image encoders from files: what timm publishes fills ours, what does not fit is refused."""

import pytest
import timm
import torch
from safetensors.torch import save_file

from gkmvlp.checkpoints.vision_weights import load_vision
from gkmvlp.errors import BackboneError
from gkmvlp.models.config import VisionConfig
from gkmvlp.models.vision import VisionEncoder

VIT = ("vit_tiny_patch16_224", {"patch_size": 8, "embed_dim": 16, "depth": 1, "num_heads": 2})


def encoder(name, options, stages=(), weights=None):
    torch.manual_seed(0)
    config = VisionConfig(name, weights, list(stages), options)
    model = VisionEncoder(config, 16, 32).eval()
    load_vision(model, config, 32)
    return model


def published(name, options, path, **more):
    """A file as timm publishes it: three channels, a classifier."""
    torch.manual_seed(5)
    model = timm.create_model(name, **options, **more).eval()
    save_file(model.state_dict(), path)
    return model


def test_a_published_file_reads_grey_as_three_equal_channels(tmp_path):
    name, options = VIT
    theirs = published(name, options, tmp_path / "w.safetensors", img_size=32)
    ours = encoder(name, options, weights=str(tmp_path / "w.safetensors"))
    image = torch.rand(2, 1, 32, 32)
    expected = theirs.forward_features(((image - 0.5) / 0.5).expand(-1, 3, -1, -1))  # this ViT's mean and deviation
    torch.testing.assert_close(ours.model.forward_features((image - ours.mean) / ours.std), expected)


def test_a_published_file_fills_a_pyramid(tmp_path):
    theirs = published("test_resnet", {}, tmp_path / "w.safetensors").state_dict()
    ours = encoder("test_resnet", {}, [1, 2], str(tmp_path / "w.safetensors")).model.state_dict()
    shared = [name for name in ours if name != "conv1.0.weight"]  # the first convolution was summed
    assert all(torch.equal(ours[name], theirs[name]) for name in shared)


def test_a_file_of_the_encoder_itself_loads(tmp_path):
    torch.manual_seed(3)
    own = timm.create_model(VIT[0], img_size=32, in_chans=1, num_classes=0, **VIT[1])
    save_file(own.state_dict(), tmp_path / "w.safetensors")
    taken = encoder(*VIT, weights=str(tmp_path / "w.safetensors")).model.state_dict()
    assert all(torch.equal(tensor, taken[name]) for name, tensor in own.state_dict().items())


def deeper(state):
    return state | {"blocks.1.norm1.weight": torch.ones(16)}


def shorter(state):
    return {name: tensor for name, tensor in state.items() if name != "blocks.0.norm1.weight"}


def wider(state):
    return state | {"norm.weight": torch.ones(17)}


@pytest.mark.parametrize("spoil", [deeper, shorter, wider])
def test_a_file_that_does_not_fit_is_refused(tmp_path, spoil):
    state = timm.create_model(VIT[0], img_size=32, in_chans=1, num_classes=0, **VIT[1]).state_dict()
    save_file(spoil(state), tmp_path / "w.safetensors")
    with pytest.raises(BackboneError, match=r"w\.safetensors do not fit vit_tiny") as caught:
        encoder(*VIT, weights=str(tmp_path / "w.safetensors"))
    assert "\n" not in str(caught.value)


def test_a_pickle_and_a_missing_file_are_refused(tmp_path):
    torch.save({"x": torch.ones(1)}, tmp_path / "w.bin")
    for name, told in (("w.bin", "gkmvlp zoo convert"), ("nothing.safetensors", "no whole safetensors file")):
        with pytest.raises(BackboneError, match=told):
            encoder(*VIT, weights=str(tmp_path / name))


def test_reading_weights_moves_nothing_that_is_drawn_later(tmp_path):
    published(*VIT, tmp_path / "w.safetensors", img_size=32)
    drawn = []
    for weights in (None, str(tmp_path / "w.safetensors")):
        encoder(*VIT, weights=weights)
        drawn.append(torch.rand(4))
    assert torch.equal(*drawn)


def test_the_notes_of_timm_reach_nobody(tmp_path, caplog):
    torch.manual_seed(3)
    own = timm.create_model(VIT[0], img_size=32, in_chans=1, num_classes=0, **VIT[1])
    save_file(own.state_dict(), tmp_path / "w.safetensors")
    encoder(*VIT, weights=str(tmp_path / "w.safetensors"))
    assert [record.getMessage() for record in caplog.records if record.name.startswith("timm")] == []

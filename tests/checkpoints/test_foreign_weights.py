"""Encoders of others, built small and random with their own code, against ours filled from their files.

Grey images: the reference sees them in each of its three channels, as our encoder's mean and deviation leave them.
"""

import lightning
import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    CLIPVisionConfig,
    CLIPVisionModel,
    CLIPVisionModelWithProjection,
)

from gkmvlp.app.cli import main
from gkmvlp.checkpoints.bert_weights import bert_sizes
from gkmvlp.checkpoints.foreign_weights import LAYOUTS, rename
from gkmvlp.checkpoints.vision_weights import load_vision
from gkmvlp.errors import BackboneError
from gkmvlp.models.config import VisionConfig
from gkmvlp.models.vision import VisionEncoder
from tests.checkpoints.mgca import Mgca

S, D, DEPTH = 32, 16, 2
VIT = {"patch_size": 8, "embed_dim": D, "depth": DEPTH, "num_heads": 2}
SWIN = {"window_size": 2, "embed_dim": D, "depths": (2, 2), "num_heads": (1, 2)}
CLIP = {
    "hidden_size": D,
    "intermediate_size": 4 * D,
    "num_hidden_layers": DEPTH,
    "num_attention_heads": 2,
    "image_size": S,
    "patch_size": 8,
}
WORDS = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 9}
SPECIAL = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}


def loud(model):
    """The model with weights far from zero, biases and norms from 0 and 1, so that none can be mistaken."""
    torch.manual_seed(4)
    for parameter in model.parameters():
        inputs = parameter[0].numel() if parameter.ndim > 1 else 1
        nn.init.normal_(parameter, mean=0.5 if parameter.ndim == 1 else 0.0, std=min(0.3, inputs**-0.5))
    for name, buffer in model.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            nn.init.uniform_(buffer, 0.5, 1.5)
    return model.eval()


def filled(name, options, weights, side=S):
    torch.manual_seed(1)
    config = VisionConfig(name, str(weights), [], dict(options))
    encoder = VisionEncoder(config, 24, side).eval()
    load_vision(encoder, config, side)
    return encoder


def normalised(ours, image_B1SS):
    """What the encoder's model sees, in three equal channels."""
    return ((ours.centred(image_B1SS) - ours.mean) / ours.std).expand(-1, 3, -1, -1)


def agrees(ours, image_B1SS, patches_BPC):
    """Patches and pooled vector of the whole encoder are what follows from the reference's patches."""
    patches_BPD = ours.norm(ours.project(patches_BPC)) + ours.position_PD
    found = ours(image_B1SS)
    torch.testing.assert_close(found.patches, patches_BPD, atol=1e-5, rtol=0)
    torch.testing.assert_close(found.pooled, ours.pool(patches_BPD), atol=1e-5, rtol=0)


TIMM = {
    "vit": ("vit_tiny_patch16_224", VIT, {}),
    "swin": ("swin_tiny_patch4_window7_224", SWIN, {"window_size": 3}),
}


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("case", TIMM)
@torch.no_grad()
def test_timm_with_classifier_and_three_channels_as_published(tmp_path, case, prefix):
    name, options, _ = TIMM[case]
    theirs = loud(timm.create_model(name, img_size=S, num_classes=5, **options))
    save_file({prefix + key: tensor for key, tensor in theirs.state_dict().items()}, tmp_path / "model.safetensors")
    ours, image = filled(name, options, tmp_path), torch.rand(2, 1, S, S)
    agrees(ours, image, timm_patches(theirs, normalised(ours, image)))


@pytest.mark.parametrize("case", TIMM)
@torch.no_grad()
def test_timm_at_another_size_is_what_timm_moves_its_own_model_to(tmp_path, case):
    name, options, windows = TIMM[case]
    theirs = loud(timm.create_model(name, img_size=S, **options))
    save_file(theirs.state_dict(), tmp_path / "model.safetensors")
    ours, image = filled(name, options | windows, tmp_path, 48), torch.rand(2, 1, 48, 48)
    theirs.set_input_size((48, 48), **windows)
    agrees(ours, image, timm_patches(theirs, normalised(ours, image)))


def timm_patches(model, image):
    """(B, P, C) of a ViT, whose first token is the class's, or of a Swin, which gives a map."""
    features = model.forward_features(image)
    return features.flatten(1, 2) if features.ndim == 4 else features[:, 1:]


@pytest.mark.parametrize(("name", "block"), [("resnet18", BasicBlock), ("resnet50", Bottleneck)])
@torch.no_grad()
def test_torchvision_resnet_is_timms(tmp_path, name, block):
    theirs = loud(torchvision.models.ResNet(block, [1, 1, 1, 1], num_classes=3))
    save_file(theirs.state_dict(), tmp_path / "w.safetensors")
    ours, image = filled(name, {"layers": [1, 1, 1, 1]}, tmp_path / "w.safetensors", 64), torch.rand(2, 1, 64, 64)
    body = nn.Sequential(*list(theirs.children())[:-2])
    agrees(ours, image, body(normalised(ours, image)).flatten(2).transpose(1, 2))


@pytest.mark.parametrize(("number", "side"), [(0, 224), (1, 240), (2, 260)])
@torch.no_grad()
def test_efficientnet_lite(tmp_path, number, side):
    """At the size that each was made for: the reference fixes its padding there."""
    module = pytest.importorskip("efficientnet_lite_pytorch", reason="the reference's package is not installed")
    theirs = loud(module.EfficientNet.from_name(f"efficientnet-lite{number}"))
    save_file(theirs.state_dict(), tmp_path / "w.safetensors")
    ours, image = (
        filled(f"tf_efficientnet_lite{number}", {}, tmp_path / "w.safetensors", side),
        torch.rand(1, 1, side, side),
    )
    agrees(ours, image, theirs.extract_features(normalised(ours, image)).flatten(2).transpose(1, 2))


def test_a_deeper_efficientnet_lite_is_refused(tmp_path):
    module = pytest.importorskip("efficientnet_lite_pytorch", reason="the reference's package is not installed")
    save_file(module.EfficientNet.from_name("efficientnet-lite1").state_dict(), tmp_path / "w.safetensors")
    with pytest.raises(BackboneError, match="tf_efficientnet_lite0 has 16 blocks"):
        filled("tf_efficientnet_lite0", {}, tmp_path / "w.safetensors")


def clip(cls, act):
    vision = {**CLIP, "hidden_act": act, "projection_dim": 8}
    if cls is CLIPModel:
        return loud(cls(CLIPConfig(text_config=WORDS | SPECIAL, vision_config=vision, projection_dim=8)))
    return loud(cls(CLIPVisionConfig(**vision)))


@pytest.mark.parametrize("act", ["quick_gelu", "gelu"])
@pytest.mark.parametrize("cls", [CLIPVisionModel, CLIPVisionModelWithProjection, CLIPModel])
@torch.no_grad()
def test_clip(tmp_path, cls, act):
    """Its last norm, which Hugging Face applies to the class token alone, is applied to the patches by timm."""
    theirs = clip(cls, act)
    theirs.save_pretrained(tmp_path)
    name = {"quick_gelu": "vit_base_patch16_clip_quickgelu_224", "gelu": "vit_base_patch16_clip_224"}[act]
    ours, image = filled(name, VIT, tmp_path), torch.rand(2, 1, S, S)
    tower = getattr(theirs, "vision_model", theirs)
    seen = tower(normalised(ours, image))
    agrees(ours, image, tower.post_layernorm(seen.last_hidden_state[:, 1:]))
    first = ours.model.forward_features(normalised(ours, image)[:, :1])[:, 0]
    torch.testing.assert_close(first, seen.pooler_output, atol=1e-5, rtol=0)


@torch.no_grad()
def test_clip_with_position_ids_as_older_versions_wrote_them(tmp_path):
    state = clip(CLIPModel, "gelu").state_dict() | {"vision_model.embeddings.position_ids": torch.arange(17)[None]}
    save_file(state, tmp_path / "w.safetensors")
    filled("vit_base_patch16_clip_224", VIT, tmp_path / "w.safetensors")


def test_the_text_model_of_clip_is_not_offered(tmp_path):
    """It is causal, with norms before its layers: our text encoder computes something else."""
    CLIPTextConfig(**WORDS, **SPECIAL).save_pretrained(tmp_path)
    with pytest.raises(BackboneError, match="'clip_text_model' model, a BERT is needed"):
        bert_sizes(str(tmp_path))


@torch.no_grad()
def test_mgca(tmp_path, capsys):
    """From the checkpoint that Lightning writes, by ``gkmvlp zoo convert``."""
    theirs = loud(Mgca(D, DEPTH))
    trainer = lightning.Trainer(logger=False, accelerator="cpu", default_root_dir=tmp_path, enable_progress_bar=False)
    trainer.strategy.connect(theirs)
    trainer.save_checkpoint(tmp_path / "mgca.ckpt")
    with pytest.raises(BackboneError, match=r"gkmvlp zoo convert .*mgca\.ckpt"):
        filled("vit_base_patch16_224", VIT, tmp_path / "mgca.ckpt")
    assert main(["zoo", "convert", str(tmp_path / "mgca.ckpt")]) == 0
    ours, image = filled("vit_base_patch16_224", VIT, tmp_path / "mgca.safetensors"), torch.rand(2, 1, S, S)
    tokens = theirs.img_encoder_q["model"](normalised(ours, image))
    agrees(ours, image, tokens[:, 1:])
    torch.testing.assert_close(ours.mean, torch.tensor(0.5))  # what MGCA was trained with
    torch.testing.assert_close(ours.std, torch.tensor(0.5))


def clip_without_keys():
    state = clip(CLIPVisionModel, "gelu").state_dict()
    return {name: tensor for name, tensor in state.items() if "k_proj" not in name}


def clip_with_another_layer():
    state = clip(CLIPVisionModel, "gelu").state_dict()
    return state | {f"encoder.layers.2.mlp.{name}": torch.ones(1) for name in ("fc1.weight", "fc1.bias")}


def clip_with_a_misshapen_part():
    state = clip(CLIPVisionModel, "gelu").state_dict()
    return state | {"encoder.layers.0.self_attn.k_proj.weight": torch.ones(D, 3)}


def with_two_of_a_name():
    state = timm.create_model("vit_base_patch16_clip_224", img_size=S, **VIT).state_dict()
    return state | {"module.norm.bias": torch.ones(D)}


WRONG = {
    "another architecture": (
        lambda: timm.create_model("test_resnet").state_dict(),
        r"31 missing: cls_token 1x1x16, pos_embed 1x17x16, .* extra: .*; read as timm \(known: .*, MGCA ViT, timm\)",
    ),
    "deeper": (clip_with_another_layer, r"2 extra: blocks\.2\.mlp\.fc1\.\w+ 1, .*; read as Hugging Face CLIP"),
    "a part of a tensor": (clip_without_keys, r"blocks\.0\.attn\.qkv\.weight 32x16 where 48x16 is expected"),
    "a misshapen part": (
        clip_with_a_misshapen_part,
        r"parts of 'blocks\.0\.attn\.qkv\.weight' .* \(16, 16\), \(16, 3\)",
    ),
    "two of a name": (
        with_two_of_a_name,
        r"w\.safetensors: the tensors 'module.norm.bias' and 'norm.bias' would both be 'norm.bias'",
    ),
    "a classifier alone": (lambda: {"head.weight": torch.ones(3, D)}, "no tensor of an encoder in it"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_refused_in_one_line(tmp_path, case):
    make, message = WRONG[case]
    save_file(make(), tmp_path / "w.safetensors")
    with pytest.raises(BackboneError, match=message) as caught:
        filled("vit_base_patch16_clip_224", VIT, tmp_path / "w.safetensors")
    assert "\n" not in str(caught.value)


def test_a_folder_without_safetensors_is_refused(tmp_path):
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(BackboneError, match=r"no model\.safetensors; .* gkmvlp zoo convert FILE --out .*model\.saf"):
        filled("vit_base_patch16_clip_224", VIT, tmp_path)


def test_rules_are_applied_in_turn_and_parts_are_joined_by_number():
    one, two = torch.ones(1, 2), torch.zeros(2, 2)
    rules = ((r"^a\.", "b."), (r"^b\.x$", None), (r"^b\.(\w)(\d)$", r"b.\1#\2"))
    renamed = rename({"a.k1": two, "b.x": one, "a.k0": one, "a.x": one, "kept": one}, rules)
    assert set(renamed) == {"b.k", "kept"}
    assert torch.equal(renamed["b.k"], torch.cat([one, two]))


def test_timms_own_layout_is_the_last_resort():
    marks = [layout.mark for layout in LAYOUTS.values()]
    assert marks[-1] == ""  # timm's own comes last: its mark is in every file
    assert len(set(marks)) == len(marks)

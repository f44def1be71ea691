"""Weights of others as tables of rules from their names to ours.

A layout is offered only if ``tests/checkpoints/test_foreign_weights.py`` builds its reference, small and random, and
finds that the outputs agree.
"""

import re
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import timm
import torch
from torch import Tensor

from gkmvlp.checkpoints.packages import SCHEME, packaged_tensors
from gkmvlp.checkpoints.weights import read_tensors
from gkmvlp.errors import BackboneError
from gkmvlp.models.config import VisionConfig

# (pattern, what stands for it); None drops the tensor. All rules are applied to a name, in turn. A new name that ends
# in #i is part i, a digit, of a tensor: parts are joined along the first axis.
Rules = tuple[tuple[str, str | None], ...]


class Layout(NamedTuple):
    """How others name the tensors of an image encoder that timm has too."""

    mark: str  # the end of a name that no other layout has; "" for timm's own
    rules: Rules
    axes: Mapping[str, int] = {}  # tensors of ours that have further axes of length 1 in front: how many axes
    through: bool = False  # whether blocks are counted through the whole net; timm counts them in each stage


DATA_PARALLEL: Rules = ((r"^module\.", ""),)

HUGGING_FACE_CLIP: Rules = (
    *DATA_PARALLEL,
    (r"^(text_model\.|text_projection\.|visual_projection\.|logit_scale$)", None),
    (r"^vision_model\.", ""),
    (r"^embeddings\.position_ids$", None),
    (r"^embeddings\.class_embedding$", "cls_token"),
    (r"^embeddings\.patch_embedding\.", "patch_embed.proj."),
    (r"^embeddings\.position_embedding\.weight$", "pos_embed"),
    (r"^pre_layrnorm\.", "norm_pre."),
    (r"^post_layernorm\.", "norm."),
    (r"^encoder\.layers\.(\d+)\.", r"blocks.\1."),
    (r"\.layer_norm([12])\.", r".norm\1."),
    (r"\.self_attn\.out_proj\.", ".attn.proj."),
    (r"\.self_attn\.q_proj\.(\w+)$", r".attn.qkv.\1#0"),
    (r"\.self_attn\.k_proj\.(\w+)$", r".attn.qkv.\1#1"),
    (r"\.self_attn\.v_proj\.(\w+)$", r".attn.qkv.\1#2"),
)

# also the image encoder of METER and of M3AE, whose other parts `meter_weights` reads
OPENAI_CLIP: Rules = (
    *DATA_PARALLEL,
    (r"^(vit_model|vision_encoder)\.visual\.", "visual."),
    (r"^(?!visual\.)", None),
    (r"^visual\.proj$", None),
    (r"^visual\.class_embedding$", "cls_token"),
    (r"^visual\.positional_embedding$", "pos_embed"),
    (r"^visual\.conv1\.", "patch_embed.proj."),
    (r"^visual\.ln_pre\.", "norm_pre."),
    (r"^visual\.ln_post\.", "norm."),
    (r"^visual\.transformer\.resblocks\.", "blocks."),
    (r"\.ln_([12])\.", r".norm\1."),
    (r"\.attn\.in_proj_(weight|bias)$", r".attn.qkv.\1"),
    (r"\.attn\.out_proj\.", ".attn.proj."),
    (r"\.mlp\.c_fc\.", ".mlp.fc1."),
    (r"\.mlp\.c_proj\.", ".mlp.fc2."),
)

MGCA_VIT: Rules = (
    *DATA_PARALLEL,
    (r"^img_encoder_q\.model\.", ""),
    (r"^(img_encoder_q|text_encoder_q|patch_local_atten_layer|word_local_atten_layer|prototype_layer)\.", None),
)

# only the first block of a Lite does not expand
EFFICIENTNET_LITE: Rules = (
    *DATA_PARALLEL,
    (r"^_conv_stem\.", "conv_stem."),
    (r"^_bn0\.", "bn1."),
    (r"^_blocks\.0\._depthwise_conv\.", "blocks.0.conv_dw."),
    (r"^_blocks\.0\._bn1\.", "blocks.0.bn1."),
    (r"^_blocks\.0\._project_conv\.", "blocks.0.conv_pw."),
    (r"^_blocks\.0\._bn2\.", "blocks.0.bn2."),
    (r"^_blocks\.(\d+)\._expand_conv\.", r"blocks.\1.conv_pw."),
    (r"^_blocks\.(\d+)\._bn0\.", r"blocks.\1.bn1."),
    (r"^_blocks\.(\d+)\._depthwise_conv\.", r"blocks.\1.conv_dw."),
    (r"^_blocks\.(\d+)\._bn1\.", r"blocks.\1.bn2."),
    (r"^_blocks\.(\d+)\._project_conv\.", r"blocks.\1.conv_pwl."),
    (r"^_blocks\.(\d+)\._bn2\.", r"blocks.\1.bn3."),
    (r"^_conv_head\.", "conv_head."),
    (r"^_bn1\.", "bn2."),
    (r"^_fc\.", "classifier."),
)

LAYOUTS: Mapping[str, Layout] = {
    "Hugging Face CLIP": Layout("pre_layrnorm.weight", HUGGING_FACE_CLIP, {"cls_token": 3, "pos_embed": 3}),
    "OpenAI CLIP": Layout("visual.conv1.weight", OPENAI_CLIP, {"cls_token": 3, "pos_embed": 3}),
    "EfficientNet-Lite-PyTorch": Layout("_conv_stem.weight", EFFICIENTNET_LITE, through=True),
    "MGCA ViT": Layout("img_encoder_q.model.cls_token", MGCA_VIT),
    "timm": Layout("", DATA_PARALLEL),
}


def rename(state: Mapping[str, Tensor], rules: Rules) -> dict[str, Tensor]:
    """Tensors under our names; a tensor without rule keeps its name, for the strict load to judge.

    Raises:
        BackboneError: If two tensors get the same name, or parts of one do not go together.
    """
    before: dict[str, str] = {}
    for name in state:
        new = new_name(name, rules)
        if new is not None and before.setdefault(new, name) != name:
            raise BackboneError(f"the tensors {before[new]!r} and {name!r} would both be {new!r}")
    parts = groupby(sorted(before), key=lambda new: new.partition("#")[0])
    return {name: _joined(name, [state[before[part]] for part in group]) for name, group in parts}


def new_name(name: str, rules: Rules) -> str | None:
    """Our name of a tensor; None where the rules drop it."""
    for pattern, target in rules:
        if target is not None:
            name = re.sub(pattern, target, name)
        elif re.search(pattern, name):
            return None
    return name


def _joined(name: str, parts: list[Tensor]) -> Tensor:
    if len(parts) == 1:
        return parts[0]
    try:
        return torch.cat(parts)
    except RuntimeError as error:
        shapes = ", ".join(str(tuple(part.shape)) for part in parts)
        raise BackboneError(f"the parts of {name!r} do not go together, their shapes are {shapes}") from error


def read_vision(config: VisionConfig) -> tuple[str, dict[str, Tensor]]:
    """Tensors of an image encoder under timm's names, without classifier, and the layout that they came in.

    Args:
        config: Its ``weights`` name a safetensors file, a folder with ``model.safetensors``, or ``package://NAME``.

    Raises:
        BackboneError: If nothing that can be read is there, or ``rename`` refuses it.
    """
    given = _given(config)
    known = next(known for known, layout in LAYOUTS.items() if any(name.endswith(layout.mark) for name in ["", *given]))
    try:
        state = rename(given, LAYOUTS[known].rules)
        if LAYOUTS[known].through:
            state = _by_stage(state, config.name)
    except BackboneError as error:
        raise BackboneError(f"vision weights {config.weights}: {error}") from error
    cfg = timm.get_pretrained_cfg(config.name)
    classifier = (cfg.classifier if cfg else None) or ()
    heads = tuple(f"{name}." for name in ((classifier,) if isinstance(classifier, str) else classifier))
    state = {name: tensor for name, tensor in state.items() if not name.startswith(heads)}
    if not state:  # timm would fetch its own
        raise BackboneError(f"vision weights {config.weights}: no tensor of an encoder in it")
    for name, axes in LAYOUTS[known].axes.items():
        if name in state:
            state[name] = state[name][(None,) * (axes - state[name].ndim)]
    return known, state


def _given(config: VisionConfig) -> dict[str, Tensor]:
    """Tensors as they come."""
    reference = str(config.weights)
    if reference.startswith(SCHEME):
        return packaged_tensors(reference, config.name)
    return read_tensors(_file(Path(reference)))


def _by_stage(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Tensors of blocks that are counted through the whole net, under timm's count in each stage.

    Raises:
        BackboneError: If there are more blocks than timm's model has.
    """
    with torch.device("meta"):
        names = "\n".join(timm.create_model(name).state_dict())
    blocks = list(dict.fromkeys(re.findall(r"^blocks\.\d+\.\d+\.", names, re.MULTILINE)))
    found: dict[str, Tensor] = {}
    for key, tensor in state.items():
        number = re.match(r"blocks\.(\d+)\.", key)
        if number and int(number[1]) >= len(blocks):
            raise BackboneError(f"{key}: {name} has {len(blocks)} blocks")
        found[blocks[int(number[1])] + key[number.end() :] if number else key] = tensor
    return found


def _file(path: Path) -> Path:
    """The file of weights at ``path`` or, as Hugging Face names it, in the folder there."""
    if not path.is_dir():
        return path
    file = path / "model.safetensors"
    if not file.is_file():
        remedy = f"gkmvlp zoo convert FILE --out {file}"
        raise BackboneError(f"{path} holds no model.safetensors; a pickle becomes one by: {remedy}")
    return file

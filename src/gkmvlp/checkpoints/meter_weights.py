"""Checkpoints of METER and of M3AE as ARL backbones: both are ARL without knowledge, each with names of its own.

What METER's layer computes is kept bit for bit: the entity stream is silent until training opens it. New are the norm
and pooling behind the image encoder, which ARL shares with GK-MVLP, and all that has to do with entities.
"""

import re
from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints.backbone import Backbone
from gkmvlp.checkpoints.bert_weights import fill_bert
from gkmvlp.checkpoints.foreign_weights import DATA_PARALLEL, OPENAI_CLIP, Rules, new_name, rename
from gkmvlp.checkpoints.weights import differences, read_tensors
from gkmvlp.errors import BackboneError
from gkmvlp.models.arl import Arl
from gkmvlp.models.config import ArlArchitecture

# METER's names as M3AE's
METER: Rules = (
    (r"^vit_model\.", "vision_encoder."),
    (r"^text_transformer\.", "language_encoder."),
    (r"^cross_modal_text_transform\.", "multi_modal_language_proj."),
    (r"^cross_modal_image_transform\.", "multi_modal_vision_proj."),
    (r"^token_type_embeddings\.", "modality_type_embeddings."),
    (r"^cross_modal_text_(layers|pooler)\.", r"multi_modal_language_\1."),
    (r"^cross_modal_image_(layers|pooler)\.", r"multi_modal_vision_\1."),
    (r"^itm_score\.", "itm_head."),
)
PUBLISHED: Mapping[str, tuple[str, Rules]] = {  # a name that only its files have, and their rules
    "METER": ("cross_modal_text_transform.weight", (*DATA_PARALLEL, *METER)),
    "M3AE": ("multi_modal_language_proj.weight", DATA_PARALLEL),
}
TEXT: Rules = (
    (r"^(?!language_encoder\.)", None),
    (r"^language_encoder\.(pooler\.|embeddings\.(position_ids|token_type_ids)$)", None),
    (r"^language_encoder\.", "bert."),
)
# the prediction of words is left: its output matrix is its own, ours is tied to the word vectors
FUSION: Rules = (
    (r"^(?!multi_modal_|modality_type_embeddings\.|itm_head\.)", None),
    (r"^multi_modal_language_proj\.", "text_projection."),
    (r"^multi_modal_vision_proj\.", "vision.project."),
    (r"^modality_type_embeddings\.weight$", "kind"),
    (r"^multi_modal_language_pooler\.dense\.", "text_pooler."),
    (r"^multi_modal_vision_pooler\.dense\.", "image_pooler."),
    (r"^itm_head\.fc\.", "itm_head."),
    (r"^multi_modal_language_layers\.(\d+)\.", r"layers.\1.text_"),
    (r"^multi_modal_vision_layers\.(\d+)\.", r"layers.\1.image_"),
    (r"_attention\.(self\.)?", "_self."),
    (r"_crossattention\.(self\.)?", "_cross."),
    (r"_intermediate\.dense\.", "_feed.intermediate."),
    (r"_output\.dense\.", "_feed.output."),
    (r"_output\.LayerNorm\.", "_feed.norm."),
    (r"\.output\.dense\.", ".output."),
    (r"\.output\.LayerNorm\.", ".norm."),
    (r"\.text_cross\.norm\.", ".entity_norm."),  # see _silent_entities
)
_READ = ("text_projection", "vision.project", "kind", "text_pooler", "image_pooler", "itm_head", "layers")
_OPTIONAL = "itm_head."  # fine-tuned checkpoints lack it


class Imported(NamedTuple):
    """An ARL backbone out of a checkpoint, and what became of the tensors of both."""

    backbone: Backbone[Arl]
    loaded: str
    new: str
    left_over: str


def import_checkpoint(file: Path, architecture: ArlArchitecture, tokenizer: str) -> Imported:
    """An ARL backbone that starts from METER or M3AE.

    Args:
        file: Tensors by their published names, as safetensors.
        architecture: That of the checkpoint; where its weights come from is set here.
        tokenizer: Name or folder of the tokenizer that the checkpoint was trained with.

    Raises:
        BackboneError: If the file is no such checkpoint, tensors do not fit, or there is no tokenizer.
    """
    given = read_tensors(file)
    published = _publisher(file, given)
    named = rename(given, PUBLISHED[published][1])
    made = deepcopy(architecture)
    made.vision.weights, made.text.weights, made.text.tokenizer = str(file), None, tokenizer
    backbone: Backbone[Arl] = backbones.build(made, [])
    model = backbone.model
    with torch.no_grad():
        try:
            fill_bert(model.text, rename(named, TEXT))
            filled = _fill_fusion(model, rename(named, FUSION))
        except BackboneError as error:
            raise BackboneError(f"{file}, read as {published}, does not fit the architecture: {error}") from error
    backbone.info["imported"] = f"{published}, {file.name}"
    read, left = _read_and_left(given, PUBLISHED[published][1])
    loaded = f"{read.total()} of the {len(given)} tensors of {file}, read as {published}: {_listed(read)}"
    return Imported(backbone, loaded, _new_parts(model, filled), _listed(left) or "none")


def _read_and_left(given: Mapping[str, Tensor], rules: Rules) -> tuple[Counter[str], Counter[str]]:
    """How many tensors of a file each part of the model takes, and how many of each part of the file none takes."""
    parts = {"image encoder": OPENAI_CLIP, "text encoder": TEXT, "fusion": FUSION}
    read, left = Counter[str](), Counter[str]()
    for name in given:
        common = str(new_name(name, rules))
        takes = [part for part, own in parts.items() if new_name(common, own)]
        read.update(takes)
        left.update([] if takes else [name.removeprefix("module.").partition(".")[0]])
    return read, left


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{part} {count}" for part, count in counts.items())


def _publisher(file: Path, given: Mapping[str, Tensor]) -> str:
    """Whose names the tensors have."""
    for published, (mark, _) in PUBLISHED.items():
        if any(re.fullmatch(rf"(module\.)?{re.escape(mark)}", name) for name in given):
            return published
    marks = " nor ".join(f"{mark} ({published})" for published, (mark, _) in PUBLISHED.items())
    raise BackboneError(
        f"{file} is no checkpoint of {' or '.join(PUBLISHED)}: neither {marks} is among its {len(given)} tensors; "
        "an image encoder alone goes into vision.weights"
    )


def _fill_fusion(model: Arl, state: dict[str, Tensor]) -> set[str]:
    """Projections, fusion and matching; the names of the tensors that are filled."""
    own = model.state_dict()
    state |= _silent_entities(own)
    expected = {name: x for name, x in own.items() if name.startswith(_READ) and not _is_entities(name)}
    if not any(name.startswith(_OPTIONAL) for name in state):
        expected = {name: x for name, x in expected.items() if not name.startswith(_OPTIONAL)}
    if told := differences(state, expected):
        raise BackboneError(told)
    model.load_state_dict(own | state, strict=True)
    return set(state)


def _silent_entities(own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What makes the entities' step of a layer change nothing at first.

    METER has one norm where ARL has two: one behind the text's look at the image, one behind what entities say. The
    second gets METER's scale and shift, the first none: a norm of what is normalised changes nothing. Entities say
    nothing until training moves their output from zero.
    """
    silent = {name: torch.zeros_like(x) for name, x in own.items() if ".entity_output." in name}
    for name, x in own.items():
        if ".text_cross.norm." in name:
            silent[name] = torch.ones_like(x) if name.endswith("weight") else torch.zeros_like(x)
    return silent


def _is_entities(name: str) -> bool:
    """Whether a tensor of a layer is of the entity stream, which METER does not have."""
    return bool(re.search(r"\.(entity_(self|cross|feed|to_text)|image_to_entity)\.", name))


def _new_parts(model: Arl, filled: set[str]) -> str:
    """Parts of a model that keep their fresh weights, by name."""
    is_read = ("vision.model.", "text.word.", "text.position.", "text.segment", "text.norm.", "text.layers.")
    fresh = [name for name, _ in model.named_parameters() if name not in filled and not name.startswith(is_read)]
    short = (re.sub(r"\.\d+\.", ".", name).split(".") for name in fresh)
    parts = (".".join(names[:2]) if names[0] in ("vision", "text", "layers") else names[0] for names in short)
    return ", ".join(dict.fromkeys(parts))

"""What a fine-tuned model keeps beside its backbone: how questions are answered, labels told, boxes found ..."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints.backbone import Backbone
from gkmvlp.checkpoints.renamed_keys import DECODING, with_new_keys
from gkmvlp.errors import BackboneError
from gkmvlp.models.generation import DecodingConfig
from gkmvlp.models.heads.label_classifier import LabelHead
from gkmvlp.models.heads.region_detector import RegionHead
from gkmvlp.tasks.parts.answering import AnswerHead, load_answer_head, save_answering
from gkmvlp.tasks.parts.detecting import BoxHead, load_box_head, save_detecting
from gkmvlp.tasks.parts.labelling import load_label_head, save_labelling
from gkmvlp.tasks.parts.region_folder import load_region_head, save_regions

Head = AnswerHead | LabelHead | BoxHead | RegionHead | DecodingConfig
PURPOSES: dict[type, str] = {
    AnswerHead: "questions",
    LabelHead: "labels",
    BoxHead: "boxes",
    RegionHead: "regions",
    DecodingConfig: "reports",
}
LOADS: dict[str, Callable[[Path, Backbone], Head]] = {  # by the task that a folder names
    "vqa": lambda folder, backbone: load_answer_head(folder, backbone.model.architecture.text.hidden_size),
    "classification": lambda folder, backbone: load_label_head(folder, backbone.model.architecture),
    "localization": lambda folder, backbone: load_box_head(folder, backbone.model),
    "region_detection": lambda folder, backbone: load_region_head(folder, backbone.model.architecture.text.hidden_size),
    "report_generation": lambda folder, backbone: _load_decoding(folder, backbone.info.get("decoding")),
}


def load_head(folder: Path, backbone: Backbone) -> Head | None:
    """The head in a model's folder; None in that of a bare backbone.

    Raises:
        BackboneError: If a file is missing or broken, or the task is not known here.
    """
    task = backbone.info.get("task")
    if task is None:
        return None
    if task not in LOADS:
        raise BackboneError(f"{folder}: made for the task {task!r}, which is not known here; update gkmvlp")
    return LOADS[task](folder, backbone)


def _load_decoding(folder: Path, stored: Any) -> DecodingConfig:
    try:
        return DecodingConfig(**with_new_keys(stored, DECODING))
    except (TypeError, AttributeError) as error:
        raise BackboneError(f"{folder}: config.json holds no decoding that is known here ({error})") from error


def save_with_head(backbone: Backbone, head: Head | None, folder: Path) -> None:
    """Writes the folder that ``load_head`` reads."""
    match head:
        case AnswerHead():
            save_answering(backbone, head, folder)
        case LabelHead():
            save_labelling(backbone, head, folder)
        case BoxHead():
            save_detecting(backbone, head, folder)
        case RegionHead():
            save_regions(backbone, head, folder)
        case DecodingConfig():
            info = {**backbone.info, "decoding": dataclasses.asdict(head)}
            backbones.save(dataclasses.replace(backbone, info=info), folder)
        case None:
            backbones.save(backbone, folder)

"""What a fine-tuned model keeps beside its backbone: how questions are answered, labels told, reports written."""

import dataclasses
from pathlib import Path

from gkmvlp.models import backbone as backbones
from gkmvlp.models.backbone import Backbone
from gkmvlp.models.generation import Search
from gkmvlp.models.label_head import LabelHead
from gkmvlp.tasks.answering import AnswerHead, load_answer_head, save_answering
from gkmvlp.tasks.labelling import load_label_head, save_labelling

Head = AnswerHead | LabelHead | Search | None


def load_head(folder: Path, backbone: Backbone) -> Head:
    """The head in a model's folder; None in that of a bare backbone.

    Raises:
        BackboneError: If a file is missing or broken.
    """
    architecture, task = backbone.model.architecture, backbone.info.get("task")
    if task == "vqa":
        return load_answer_head(folder, architecture.text.width)
    if task == "classification":
        return load_label_head(folder, architecture)
    return Search(**backbone.info["search"]) if task == "report_generation" else None


def save_with_head(backbone: Backbone, head: Head, folder: Path) -> None:
    """Writes the folder that ``load_head`` reads."""
    if isinstance(head, AnswerHead):
        save_answering(backbone, head, folder)
    elif isinstance(head, LabelHead):
        save_labelling(backbone, head, folder)
    elif head is not None:
        info = {**backbone.info, "search": dataclasses.asdict(head)}
        backbones.save(dataclasses.replace(backbone, info=info), folder)
    else:
        backbones.save(backbone, folder)

"""Heads of fine-tuned models as files: one format a task, all with the same ``files``, ``save`` and ``load``.

A head's class lies in ``gkmvlp.models.heads`` and knows nothing of files. What its task writes is a row of ``FORMATS``.
"""

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import nn

from gkmvlp.anatomy import REGIONS
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints.backbone import Backbone
from gkmvlp.checkpoints.renamed_keys import ANSWER_MODES, ANSWERS, BOXES, DECODING, LABELS, with_new_keys
from gkmvlp.checkpoints.weights import cpu_state_dict, read_tensors, tensor_bytes
from gkmvlp.errors import BackboneError
from gkmvlp.losses.detection import focal_loss, giou_loss
from gkmvlp.models.generation import DecodingConfig
from gkmvlp.models.gk_mvlp import GkMvlp
from gkmvlp.models.heads.answer_head import AnswerHead
from gkmvlp.models.heads.box_head import BoxHead
from gkmvlp.models.heads.category_head import CategoryHead
from gkmvlp.models.heads.detector import DetectorConfig
from gkmvlp.models.heads.label_head import LabelHead, label_head
from gkmvlp.models.heads.region_head import RegionHead
from gkmvlp.task_ids import TASKS, TaskId

Head = AnswerHead | LabelHead | BoxHead | RegionHead | DecodingConfig | CategoryHead
_H = TypeVar("_H", AnswerHead, LabelHead, BoxHead, RegionHead, DecodingConfig, CategoryHead)


def _itself(head: Any) -> nn.Module | None:
    return head if isinstance(head, nn.Module) else None


@dataclass(frozen=True)
class HeadFormat(Generic[_H]):
    """How the head of one task lies in a model's folder, beside the files of its backbone.

    Attributes:
        kind: The head's class.
        what: What an error calls it.
        describe: The head without its tensors, as JSON.
        build: A head from its description and the backbone's network; its tensors are still to come.
        module: The part that has tensors; None where there is none.
        config_file: Name of the description's file; "" where there is nothing to describe.
        config_key: Key of ``config.json`` that holds the description in place of a file of its own.
        tensor_file: Name of the tensors' file.
        renamed: Keys of earlier releases (see ``renamed_keys``).
        remedy: What an error advises.
    """

    kind: type[_H]
    what: str
    describe: Callable[[_H], dict[str, Any]]
    build: Callable[[dict[str, Any], GkMvlp], _H]
    module: Callable[[_H], nn.Module | None] = _itself
    config_file: str = ""
    config_key: str = ""
    tensor_file: str = ""
    renamed: Mapping[str, str] = field(default_factory=dict)
    remedy: str = "fine-tune anew"

    def files(self, head: _H) -> dict[str, bytes]:
        """Name and content of the head's files."""
        files = {}
        if self.config_file:
            files[self.config_file] = json.dumps(self.describe(head), indent=1).encode()
        if (module := self.module(head)) is not None:
            files[self.tensor_file] = tensor_bytes(cpu_state_dict(module))
        return files

    def save(self, backbone: Backbone, head: _H, folder: Path) -> None:
        """Writes the folder of the backbone with this head; it gets its name when it is complete."""
        if self.config_key:
            info = {**backbone.info, self.config_key: self.describe(head)}
            backbone = dataclasses.replace(backbone, info=info)
        backbones.save(backbone, folder, self.files(head))

    def load(self, folder: Path, backbone: Backbone) -> _H:
        """The head in a folder that ``save`` wrote.

        Raises:
            BackboneError: If a file is missing or broken.
        """
        with self._told(folder):
            stored: Any = json.loads((folder / self.config_file).read_text()) if self.config_file else {}
            if self.config_key:
                stored = backbone.info[self.config_key]
            head = self.build(with_new_keys(stored, self.renamed), backbone.model)
            if (module := self.module(head)) is not None:
                module.load_state_dict(read_tensors(folder / self.tensor_file))
        return head

    @contextmanager
    def _told(self, folder: Path) -> Iterator[None]:
        """Turns what goes wrong while the head is read into one line."""
        try:
            yield
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise BackboneError(f"{folder}: no readable {self.what} ({reason}); {self.remedy}") from error


def _describe_answers(head: AnswerHead) -> dict[str, Any]:
    return {
        "mode": head.mode,
        "num_candidates": head.num_candidates,
        "answers": head.answers,
        "asked": head.asked,
        "words": head.words,
        "pooling": head.pooling,
    }


def _build_answers(content: dict[str, Any], model: GkMvlp) -> AnswerHead:
    mode = ANSWER_MODES.get(content["mode"], content["mode"])
    head = AnswerHead(mode, content["answers"], content["num_candidates"])
    head.asked, head.words = content.get("asked", []), content.get("words", [])
    head.pooling = content.get("pooling", "first")
    if head.mode == "classify":
        head.classifier = nn.Linear(model.architecture.text.hidden_size, len(head.answers))
    return head


def _describe_labels(head: LabelHead) -> dict[str, Any]:
    return {"labels": head.labels, "head_inputs": head.features}


def _build_labels(content: dict[str, Any], model: GkMvlp) -> LabelHead:
    return label_head(tuple(content["labels"]), model.architecture, content["head_inputs"])


def _describe_boxes(head: BoxHead) -> dict[str, Any]:
    return {"labels": head.labels, "use_attention_maps": head.knowledge, "detector": asdict(head.config)}


def _build_boxes(content: dict[str, Any], model: GkMvlp) -> BoxHead:
    config, uses_maps = DetectorConfig(**content["detector"]), bool(content["use_attention_maps"])
    return BoxHead(model, tuple(content["labels"]), config, uses_maps, focal_loss, giou_loss)


def _build_regions(content: dict[str, Any], model: GkMvlp) -> RegionHead:
    return RegionHead(model.architecture.text.hidden_size, torch.zeros(len(REGIONS), 4))


def _describe_categories(head: CategoryHead) -> dict[str, Any]:
    return {"classes": head.classes, "pooling": head.pooling}


def _build_categories(content: dict[str, Any], model: GkMvlp) -> CategoryHead:
    return CategoryHead(content["classes"], model.architecture.text.hidden_size, content["pooling"])


FORMATS: dict[TaskId, HeadFormat[Any]] = {  # by the task that a model's config.json names
    "vqa": HeadFormat(
        AnswerHead, "answer head", _describe_answers, _build_answers, lambda head: head.classifier,
        config_file="answers.json", tensor_file="classifier.safetensors", renamed=ANSWERS,
    ),
    "classification": HeadFormat(
        LabelHead, "head for labels", _describe_labels, _build_labels,
        config_file="labels.json", tensor_file="label_head.safetensors", renamed=LABELS,
    ),
    "localization": HeadFormat(
        BoxHead, "detector", _describe_boxes, _build_boxes,
        config_file="boxes.json", tensor_file="detector.safetensors", renamed=BOXES,
    ),
    "region_detection": HeadFormat(
        RegionHead, "head for regions", lambda head: {}, _build_regions,
        tensor_file="region_head.safetensors", remedy="gkmvlp finetune regions leaves one",
    ),
    "image_text_classification": HeadFormat(
        CategoryHead, "head for classes", _describe_categories, _build_categories,
        config_file="classes.json", tensor_file="category_head.safetensors",
    ),
    "report_generation": HeadFormat(
        DecodingConfig, "decoding in config.json", asdict, lambda content, model: DecodingConfig(**content),
        config_key="decoding", renamed=DECODING,
    ),
}  # fmt: skip


def task_of(head: Head) -> TaskId:
    """The task of a head."""
    return next(task for task, form in FORMATS.items() if form.kind is type(head))


def format_of(head: Head) -> HeadFormat[Any]:
    """The format of a head."""
    return FORMATS[task_of(head)]


def knowledge_of(head: Head) -> str:
    """What a model with this head knows, in one plural word."""
    return TASKS[task_of(head)].head


def save(backbone: Backbone, head: Head | None, folder: Path) -> None:
    """Writes the folder that ``load`` reads; without a head that of a bare backbone."""
    if head is None:
        backbones.save(backbone, folder)
    else:
        format_of(head).save(backbone, head, folder)


def load(folder: Path, backbone: Backbone) -> Head | None:
    """The head in a model's folder; None in that of a bare backbone.

    Args:
        folder: The folder.
        backbone: What it holds beside; its ``info`` names the task.

    Raises:
        BackboneError: If a file is missing or broken, or the task is not known here.
    """
    task = backbone.info.get("task")
    if task is None:
        return None
    if task not in FORMATS:
        raise BackboneError(f"{folder}: made for the task {task!r}, which is not known here; update gkmvlp")
    head: Head = FORMATS[task].load(folder, backbone)
    return head

"""What a model computes from tensors alone, ready to be exported: an image and its region boxes in, scores out.

Reading, fitting and tokenizing stay outside; ``gkmvlp.zoo.export.export`` writes down what they have to be.
B images, each with a question where one is asked, S side, R regions, E entities, L labels, P patches, A anchors,
T tokens, K answers.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gkmvlp.checkpoints.heads import Head, knowledge_of
from gkmvlp.errors import BackboneError
from gkmvlp.models.gk_mvlp import GkMvlp, ImageMemory
from gkmvlp.models.heads.answer_head import AnswerHead, answer_logits
from gkmvlp.models.heads.box_head import BoxHead
from gkmvlp.models.heads.detector import CANDIDATES, MIN_SIDE, MOST
from gkmvlp.models.heads.label_head import LabelHead, label_logits
from gkmvlp.tasks.parts.answering import ASKS_YES_OR_NO, YES_AND_NO
from gkmvlp.zoo.inference.predictor import Predictor

# what each task is exported from
SOURCES = {
    "classification": "a backbone, or a model that `make finetune-classification` left",
    "grounding": "a backbone",
    "localization": "a model that `make finetune-localization` left",
    "vqa": "a model for questions with `answer_mode: classify`",
}
BATCH, TOKENS = "batch", "tokens"  # sizes that a caller is free to choose


class TensorSpec(NamedTuple):
    """An input or output of a program."""

    name: str
    dtype: torch.dtype
    shape: tuple[int | str, ...]  # a word for a size that is free
    meaning: str


class Program(nn.Module):
    """A model before an image; subclasses say what is made of it. The model's prompts are made constants.

    Args:
        predictor: The model.
        outputs: What ``forward`` returns, in order.
        names: What the last axis of scores stands for: ``labels``, ``entities`` or ``answers`` -> names.
        reads_text: Whether the text encoder is part of the program.
    """

    def __init__(
        self,
        predictor: Predictor,
        outputs: Sequence[TensorSpec],
        names: Mapping[str, Sequence[str]],
        reads_text: bool = False,
    ) -> None:
        super().__init__()
        predictor.model.freeze_image_side()
        self.model = predictor.model if reads_text else _without_text(predictor.model)
        side, regions = predictor.architecture.image_size, self.model.prior_ER.shape[1]
        boxes = "xyxy as fractions of the square, in the order of regions; 0 where a region has no box"
        self.inputs = [
            TensorSpec("image", torch.float32, (BATCH, 1, side, side), "grey values in [0, 1], air dark"),
            TensorSpec("region_box", torch.float32, (BATCH, regions, 4), boxes),
        ]
        self.outputs, self.names = list(outputs), {key: list(value) for key, value in names.items()}
        self.extras: dict[str, Any] = {}  # what else a caller has to know, for JSON
        self.atlas_R4 = torch.from_numpy(predictor.backbone.atlas["PA"])  # for examples

    def encode_images(self, image_B1SS: Tensor, box_BR4: Tensor) -> ImageMemory:
        """An image as memory; a region without area has no box."""
        return self.model.encode_image(image_B1SS, box_BR4, (box_BR4[..., 2:] > box_BR4[..., :2]).all(-1))

    def example(self, batch: int, tokens: int) -> tuple[Tensor, ...]:
        """Inputs of a size, of noise; a region is left out."""
        chance = torch.Generator().manual_seed(batch)
        box_BR4 = self.atlas_R4.repeat(batch, 1, 1)
        box_BR4[0, 0] = 0
        made = [torch.rand([batch, *self.inputs[0].shape[1:]], generator=chance), box_BR4]  # type: ignore[list-item]
        if len(self.inputs) > len(made):
            vocabulary = self.model.text.word.num_embeddings
            made += [torch.randint(vocabulary, (batch, tokens), generator=chance)]
            made += [torch.arange(tokens).expand(batch, -1) < tokens - torch.arange(batch)[:, None] % 2]
        return tuple(made)


class Classification(Program):
    """Log odds of each label, or of each entity by the head that pre-training left, (B, L)."""

    def __init__(self, predictor: Predictor, head: LabelHead | None) -> None:
        labels = predictor.entities if head is None else head.labels
        super().__init__(predictor, [_scores("labels", len(labels), "log odds of present")], {"labels": labels})
        self.head = head

    def forward(self, image_B1SS: Tensor, box_BR4: Tensor) -> Tensor:
        """Scores; arguments as in ``inputs``."""
        image = self.encode_images(image_B1SS, box_BR4)
        return _odds(self.model, image) if self.head is None else label_logits(self.model, self.head, image)


class Grounding(Program):
    """Log odds of each entity (B, E), attention of its prompt to patches (B, E, P) and to regions (B, E, R)."""

    def __init__(self, predictor: Predictor) -> None:
        count = len(predictor.entities)
        patches, regions = predictor.model.vision.position_PD.shape[0], predictor.model.prior_ER.shape[1]
        where = "attention of each entity's prompt to the patches, row by row over the grid; sums to 1"
        whose = "attention of each entity's prompt to the regions; sums to 1, or to 0 where it may read none"
        outputs = [
            _scores("entities", count, "log odds of present"),
            TensorSpec("patch_attention", torch.float32, (BATCH, count, patches), where),
            TensorSpec("region_attention", torch.float32, (BATCH, count, regions), whose),
        ]
        super().__init__(predictor, outputs, {"entities": predictor.entities})

    def forward(self, image_B1SS: Tensor, box_BR4: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Scores and attention; arguments as in ``inputs``."""
        image = self.encode_images(image_B1SS, box_BR4)
        return _odds(self.model, image), image.grounded.patch_attention, image.grounded.region_attention


class Localization(Program):
    """Log odds of each label (B, A, L) and box (B, A, 4) at every anchor, before overlapping boxes are dropped."""

    def __init__(self, predictor: Predictor, head: BoxHead) -> None:
        anchors = self._anchors(predictor, head)
        outputs = [
            TensorSpec("score", torch.float32, (BATCH, anchors, len(head.labels)), "log odds, in the order of labels"),
            TensorSpec("box", torch.float32, (BATCH, anchors, 4), "xyxy as fractions of the square"),
        ]
        super().__init__(predictor, outputs, {"labels": head.labels})
        self.head, self.side = head, predictor.architecture.image_size
        kept = {"nms_thresh": head.config.nms_thresh, "score_thresh": head.config.score_thresh, "min_side": MIN_SIDE}
        self.extras = {
            "boxes": {"candidates": CANDIDATES, **kept, "most": MOST, "thresholds": head.threshold_L.tolist()}
        }

    @staticmethod
    @torch.no_grad()
    def _anchors(predictor: Predictor, head: BoxHead) -> int:
        """A; afterwards the detector holds its anchors, which no tracing may make."""
        model, side = predictor.model, predictor.architecture.image_size
        regions = model.prior_ER.shape[1]
        nothing = torch.zeros(1, regions, 4), torch.zeros(1, regions, dtype=torch.bool)
        image = model.encode_image(torch.zeros(1, 1, side, side), *nothing)
        return head.detector.every_box(head.maps(model, image.features, image.grounded))[0].shape[1]

    def forward(self, image_B1SS: Tensor, box_BR4: Tensor) -> tuple[Tensor, Tensor]:
        """Scores and boxes; arguments as in ``inputs``."""
        image = self.encode_images(image_B1SS, box_BR4)
        score_BAL, found_BA4 = self.head.detector.every_box(self.head.maps(self.model, image.features, image.grounded))
        return score_BAL, found_BA4 / self.side


class Vqa(Program):
    """Log-probability in nats of each known answer, (B, K), by the classifier."""

    def __init__(self, predictor: Predictor, head: AnswerHead, classifier: nn.Linear) -> None:
        outputs = [_scores("answers", len(head.answers), "log-probability in nats")]
        super().__init__(predictor, outputs, {"answers": head.answers}, reads_text=True)
        self.classifier, self.pooling = classifier, head.pooling
        if YES_AND_NO.issubset(head.answers):
            pattern = {"pattern": ASKS_YES_OR_NO.pattern, "flags": "is"}
            self.extras = {"closed_questions": {**pattern, "answers": sorted(YES_AND_NO)}}
        self.inputs += [
            TensorSpec("question_ids", torch.int64, (BATCH, TOKENS), "the tokenizer's ids, padded on the right"),
            TensorSpec("question_mask", torch.bool, (BATCH, TOKENS), "true on tokens, false on padding"),
        ]

    def forward(self, image_B1SS: Tensor, box_BR4: Tensor, token_BT: Tensor, mask_BT: Tensor) -> Tensor:
        """Scores; arguments as in ``inputs``."""
        memory = self.encode_images(image_B1SS, box_BR4).memory
        state_BTD = self.model.text(token_BT, mask_BT, "fusion", memory)
        return answer_logits(self.classifier, state_BTD, mask_BT, self.pooling).log_softmax(-1)


def program_of(predictor: Predictor, task: str) -> Program:
    """The program of a model for a task of ``SOURCES``.

    Raises:
        BackboneError: If the model is not one for the task, or of another system than GK-MVLP.
    """
    if not isinstance(predictor.model, GkMvlp):
        raise BackboneError(f"{type(predictor.model).__name__} is not exported: models of GK-MVLP are")
    head = predictor.head
    if task == "classification" and (head is None or isinstance(head, LabelHead)):
        return Classification(predictor, head).eval()
    if task == "grounding" and head is None:
        return Grounding(predictor).eval()
    if task == "localization" and isinstance(head, BoxHead):
        return Localization(predictor, head).eval()
    if task == "vqa" and isinstance(head, AnswerHead) and head.classifier is not None:
        return Vqa(predictor, head, head.classifier).eval()
    raise BackboneError(f"--task {task} exports {SOURCES[task]}; this is {_kind(head)}")


def _kind(head: Head | None) -> str:
    """A head in words."""
    how = f" with `answer_mode: {head.mode}`" if isinstance(head, AnswerHead) else ""
    return "a backbone" if head is None else f"a model for {knowledge_of(head)}{how}"


def _scores(names: str, count: int, meaning: str) -> TensorSpec:
    """The output that all programs have."""
    return TensorSpec("score", torch.float32, (BATCH, count), f"{meaning}, in the order of {names}")


def _odds(model: GkMvlp, image: ImageMemory) -> Tensor:
    """Log odds of each entity, (B, E)."""
    absent_BE, present_BE = model.entity_logits(image.grounded).unbind(-1)
    return present_BE - absent_BE


def _without_text(model: GkMvlp) -> GkMvlp:
    """The same tensors without the text encoder: an export would carry them along, more than half of its size."""
    part = copy.copy(model)
    part._modules = {name: module for name, module in model._modules.items() if name != "text"}
    return part

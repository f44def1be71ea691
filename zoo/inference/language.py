"""What a fine-tuned model says in words of encoded images: answers, classes of an image with its text, reports.

B images, K known answers, L classes.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gkmvlp.data_modules.formats.plain_text import shown
from gkmvlp.metrics.calibration.answers import answer_probabilities, answer_probability
from gkmvlp.models.generation import DecodingConfig, generate_texts
from gkmvlp.models.gk_mvlp import ImageMemory
from gkmvlp.models.heads.answer_head import AnswerHead
from gkmvlp.models.heads.category_head import CategoryHead
from gkmvlp.tasks.parts import answering
from gkmvlp.tasks.parts.scope import Scope
from gkmvlp.texts import Brief, as_texts
from gkmvlp.zoo.inference.loaded_model import LoadedModel, lacking_head


@torch.inference_mode()
def answers(loaded: LoadedModel, image: ImageMemory, questions: str | Sequence[str]) -> tuple[list[str], list[float]]:
    """One answer and its score for each image and its question (see ``tasks.parts.answering.best_answers``).

    Args:
        loaded: The model.
        image: B images.
        questions: B questions; a bare string is asked about every image.

    Raises:
        BackboneError: If the model was not fine-tuned for questions.
    """
    if not isinstance(loaded.head, AnswerHead):
        raise lacking_head("questions answers them", "finetune-vqa")
    return answering.best_answers(loaded.backbone, loaded.head, *_read_questions(loaded, image, questions))


@torch.inference_mode()
def answer_scores(
    loaded: LoadedModel, image: ImageMemory, questions: str | Sequence[str]
) -> NDArray[np.float64] | None:
    """Score of each known answer in nats, (B, K); None of a model that writes its answers freely.

    Args:
        loaded: The model.
        image: B images.
        questions: As of ``answers``.
    """
    if not isinstance(loaded.head, AnswerHead) or loaded.head.mode == "generate":
        return None
    score_BK = answering.answer_scores(loaded.backbone, loaded.head, *_read_questions(loaded, image, questions))
    return cast("NDArray[np.float64]", score_BK.double().cpu().numpy())


def probable_answers(
    loaded: LoadedModel, image: ImageMemory, questions: str | Sequence[str]
) -> list[tuple[str, float, float | None]]:
    """Answer, score (see ``answers``) and probability of each image and its question.

    The probability is that among the known answers, by the temperature of the calibration or 1; None of a model
    that writes its answers freely.
    """
    if (score_BK := answer_scores(loaded, image, questions)) is None:
        return [(answer, score, None) for answer, score in zip(*answers(loaded, image, questions), strict=True)]
    known = cast(AnswerHead, loaded.head).answers
    probability_B = answer_probability(score_BK, loaded.temperature)
    best_B = score_BK.argmax(1)
    return [
        (known[best], float(score_K[best]), float(probability))
        for best, score_K, probability in zip(best_B, score_BK, probability_B, strict=True)
    ]


@torch.inference_mode()
def category_scores(loaded: LoadedModel, image: ImageMemory, texts: str | Sequence[str]) -> NDArray[np.float64]:
    """Score of each class in nats, (B, L).

    Args:
        loaded: The model.
        image: B images.
        texts: B texts; a bare string is read with every image.

    Raises:
        BackboneError: If the model was not fine-tuned for classes of images with texts.
    """
    if not isinstance(loaded.head, CategoryHead):
        raise lacking_head("classes reads an image with its text", "finetune-image-text")
    _, state_BTD, mask_BT = _read_questions(loaded, image, texts)
    return cast("NDArray[np.float64]", loaded.head(state_BTD, mask_BT).double().cpu().numpy())


def categories(loaded: LoadedModel, image: ImageMemory, texts: str | Sequence[str]) -> list[dict[str, float]]:
    """Class -> its probability by the temperature of the calibration or 1, likeliest first, of each image.

    Args:
        loaded: The model.
        image: As of ``category_scores``.
        texts: Likewise.

    Raises:
        BackboneError: Likewise.
    """
    probability_BL = answer_probabilities(category_scores(loaded, image, texts), loaded.temperature)
    found = [dict(zip(loaded.choices, row_L.tolist(), strict=True)) for row_L in probability_BL]
    return [Brief(sorted(one.items(), key=lambda item: -item[1])) for one in found]


def choice_scores(loaded: LoadedModel, image: ImageMemory, texts: Sequence[str]) -> NDArray[np.float64] | None:
    """Score of each of ``choices`` for B images with their texts, (B, K); None of a model without choices."""
    read = category_scores if isinstance(loaded.head, CategoryHead) else answer_scores
    return read(loaded, image, texts)


@torch.inference_mode()
def reports(loaded: LoadedModel, image: ImageMemory) -> tuple[list[str], list[float]]:
    """A report of each image and its log-likelihood; what is drawn by chance is drawn alike in every call.

    Raises:
        BackboneError: If the model was not fine-tuned for reports.
    """
    if not isinstance(loaded.head, DecodingConfig):
        raise lacking_head("reports writes them", "finetune-report")
    chance = torch.Generator(loaded.device).manual_seed(0)
    present_BE = loaded.model.entity_probabilities(image.grounded)
    made = loaded.model, loaded.backbone.tokenizer
    return generate_texts(*made, image.memory, decoding=loaded.head, generator=chance, present_BE=present_BE)


def out_of_scope(loaded: LoadedModel, question: str) -> str | None:
    """What to say of a question about what the model was not trained on; None where nothing is to be said."""
    if not (reason := _scope(loaded).outside(question)):
        return None
    return f"{question!r} lies outside: this model never learned of {', '.join(reason)}; its answer means nothing"


def left_out(loaded: LoadedModel, text: str | None, name: str = "question") -> list[str]:
    """What to say of a text that the model does not read to its end, in part, or not at all.

    Args:
        loaded: The model.
        text: What is read; None is nothing to read.
        name: What the line calls it.
    """
    if text is None:
        return []
    if not text.strip():
        return [f"{name} is empty: what the model says of it means nothing"]
    most, tokenizer = loaded.architecture.text.max_length, loaded.backbone.tokenizer
    tokens = tokenizer(text, return_offsets_mapping=True, verbose=False)
    ids_T, end_T2 = tokens["input_ids"], tokens["offset_mapping"]
    notes = []
    if unknown := [
        text[begin:end] for id_, (begin, end) in zip(ids_T, end_T2, strict=True) if id_ == tokenizer.unk_token_id
    ]:
        notes.append(f"{name} has letters that the model does not know: {shown(' '.join(unknown))} is not read")
    if len(end_T2) > most:
        last = end_T2[most - 2][1]  # the last place is the end mark's
        notes.append(f"{name} has {len(end_T2):,} tokens, {most} are read: {shown(text[last:].strip())} is left out")
    return notes


def in_scope(loaded: LoadedModel, question: str) -> bool | None:
    """Whether the model was trained on what a question asks about; None where its folder does not tell."""
    return _scope(loaded).holds(question)


def _scope(loaded: LoadedModel) -> Scope:
    head = loaded.head
    return Scope(loaded.entities, head.answers, head.asked, head.words) if isinstance(head, AnswerHead) else Scope()


def _read_questions(
    loaded: LoadedModel, image: ImageMemory, questions: str | Sequence[str]
) -> tuple[Sequence[str], Tensor, Tensor]:
    """B questions, and what they read of the images: see ``question_memory``."""
    texts = [questions] * len(image.features.pooled) if isinstance(questions, str) else as_texts(questions)
    return texts, *answering.question_memory(loaded.backbone, texts, image.memory)

"""What each kind of model says of a finding: log odds, likelihood of its sentence, probability of yes.

B images read at once, K names, D size of the shared space.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray

from gkmvlp.entities import entity, of_label
from gkmvlp.errors import BackboneError
from gkmvlp.losses.lm import log_likelihoods
from gkmvlp.metrics.calibration.answers import answer_probabilities
from gkmvlp.models.generation import DecodingConfig
from gkmvlp.models.gk_mvlp import ImageMemory
from gkmvlp.models.heads.answer_head import AnswerHead
from gkmvlp.models.heads.label_head import LabelHead
from gkmvlp.models.protocol import TextDecoder
from gkmvlp.models.tokenizer import tokenize
from gkmvlp.tasks.parts.entity_predictions import PRESENT, zero_shot_texts
from gkmvlp.zoo.inference.predictor import Predictor

QUESTION = "Is there {name}?"
Ask = Callable[[ImageMemory, Sequence[str]], NDArray[np.float64]]


class Output(NamedTuple):
    """Something that a model says of a finding.

    Attributes:
        ask: B images and what each is asked -> how much the model says so, (B,).
        wording: What is asked, by ``{name}`` of the finding.
        takes_sides: Whether a side may stand before the name.
    """

    ask: Ask
    wording: str
    takes_sides: bool = True


def name_in(predictor: Predictor, label: str, stand_ins: Mapping[str, str]) -> str | None:
    """What a model calls a label of a data set: its own label, or an entity; None where it knows neither.

    Args:
        predictor: The model.
        label: Name in the data set.
        stand_ins: Label -> entity that is asked of where the model knows none of the label's own.
    """
    if isinstance(predictor.head, LabelHead):
        found = of_label(label)
        same = (own for own in predictor.head.labels if own == label or (found and of_label(own) == found))
        return next(same, None)
    candidates = [found.name] if (found := of_label(label)) else []
    candidates += [entity(stand_ins[label]).name] if label in stand_ins else []
    return next((name for name in candidates if name in predictor.entities), None)


def outputs_of(predictor: Predictor) -> dict[str, Output]:
    """Everything that a model says of a finding, by the names of ``metrics.tasks.faithfulness.OUTPUTS``.

    Raises:
        BackboneError: If it says nothing of the kind.
    """
    head = predictor.head
    outputs: dict[str, Output] = {}
    if isinstance(head, LabelHead):
        outputs["logit"] = Output(_scores(predictor.label_scores, head.labels), "{name}", False)
    elif head is None:
        outputs["logit"] = Output(_scores(predictor.entity_scores, predictor.entities), "{name}", False)
        outputs["similarity"] = Output(_similarity(predictor), "{name}")
    if (head is None or isinstance(head, DecodingConfig)) and isinstance(predictor.model, TextDecoder):
        outputs["sentence"] = Output(_likelihood(predictor), PRESENT)
        outputs["statement"] = Output(_statement(predictor), "{name}", False)
    if isinstance(head, AnswerHead) and head.mode != "generate" and "yes" in head.answers:
        outputs["answer"] = Output(_yes(predictor, head), QUESTION)
    if not outputs:
        raise BackboneError(
            "this model says nothing of a finding that could fall: a backbone, or a model for labels, reports or "
            "questions (one that knows the answer yes) was expected"
        )
    return outputs


def _scores(score: Callable[[ImageMemory], NDArray[np.float64]], names: Sequence[str]) -> Ask:
    def ask(image: ImageMemory, asked: Sequence[str]) -> NDArray[np.float64]:
        return score(image)[np.arange(len(asked)), [list(names).index(name) for name in asked]]

    return ask


def _similarity(predictor: Predictor) -> Ask:
    def ask(image: ImageMemory, asked: Sequence[str]) -> NDArray[np.float64]:
        names = list(dict.fromkeys(asked))  # images of a trial are asked the same
        present_KD, absent_KD = (predictor.embed_texts(texts) for texts in zero_shot_texts(names))
        row_B = torch.tensor([names.index(name) for name in asked], device=predictor.device)
        vectors_BD = predictor.embed_images(image) * (present_KD - absent_KD)[row_B]
        return cast("NDArray[np.float64]", vectors_BD.double().sum(1).cpu().numpy())

    return ask


def _likelihood(predictor: Predictor) -> Ask:
    @torch.inference_mode()
    def ask(image: ImageMemory, asked: Sequence[str]) -> NDArray[np.float64]:
        model = cast(TextDecoder, predictor.model)
        tokens = tokenize(predictor.backbone.tokenizer, asked, predictor.architecture.text.max_length, decode=True)
        tokens = type(tokens)(*(tensor.to(predictor.device) for tensor in tokens))
        nats_B = log_likelihoods(model.decode(tokens, image.memory), tokens.ids, tokens.mask)
        return cast("NDArray[np.float64]", nats_B.double().cpu().numpy())

    return ask


def _statement(predictor: Predictor) -> Ask:
    likelihood = _likelihood(predictor)

    def ask(image: ImageMemory, asked: Sequence[str]) -> NDArray[np.float64]:
        present, absent = zero_shot_texts(list(asked))
        return likelihood(image, present) - likelihood(image, absent)

    return ask


def _yes(predictor: Predictor, head: AnswerHead) -> Ask:
    def ask(image: ImageMemory, asked: Sequence[str]) -> NDArray[np.float64]:
        score_BK = predictor.answer_scores(image, asked)
        assert score_BK is not None
        return answer_probabilities(score_BK, predictor.temperature)[:, head.answers.index("yes")]

    return ask

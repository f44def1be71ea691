"""How answers to questions are found; the reading itself is ``gkmvlp.tasks.parts.answering``.

B questions, T tokens, K known answers, D width.
"""

from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor, nn

from gkmvlp.models.config import TextPooling
from gkmvlp.models.text import pool_states

AnswerMode = Literal["rank", "generate", "classify"]


@dataclass
class AnswerHead:
    """How an answer is found.

    Attributes:
        mode: ``rank`` scores the known answers by the decoder, ``generate`` lets it write, ``classify`` is a linear
            layer over the known answers.
        answers: K known answers, normalised.
        num_candidates: How many answers ``rank`` scores in full for a question.
        classifier: D to K, for that mode only.
        asked: Entities that the training questions name; empty where the folder does not tell.
        words: Words of the training questions that name things; empty likewise.
        pooling: What the classifier reads of a question's states.
    """

    mode: AnswerMode
    answers: list[str]
    num_candidates: int
    classifier: nn.Linear | None = None
    asked: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    pooling: TextPooling = "first"


def answer_logits(classifier: nn.Linear, state_BTD: Tensor, mask_BT: Tensor, pooling: TextPooling) -> Tensor:
    """Score of each known answer by the classifier, (B, K) float32.

    Args:
        classifier: D to K.
        state_BTD: States of the question after reading the image.
        mask_BT: (B, T) bool, True on real tokens.
        pooling: What the classifier reads of the states.
    """
    return classifier(pool_states(state_BTD, mask_BT, pooling)).float()

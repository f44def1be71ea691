"""How answers to questions are found; the reading itself is ``gkmvlp.tasks.parts.answering``."""

from dataclasses import dataclass, field
from typing import Literal

from torch import nn

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
    """

    mode: AnswerMode
    answers: list[str]
    num_candidates: int
    classifier: nn.Linear | None = None
    asked: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

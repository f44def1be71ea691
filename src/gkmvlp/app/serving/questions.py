"""Questions: the answers of a model with their probabilities. K known answers."""

from typing import cast

import numpy as np

from gkmvlp.app.serving.reader import Seen
from gkmvlp.app.serving.reading import Answer
from gkmvlp.metrics.calibration.answers import answer_probabilities
from gkmvlp.metrics.calibration.score_map import UNCALIBRATED
from gkmvlp.models.heads.answer_head import AnswerHead
from gkmvlp.zoo.inference.predictor import Predictor

BEST = 5  # answers that are listed


def ask(predictor: Predictor, seen: Seen, question: str) -> Answer:
    """What a model for questions answers.

    Args:
        predictor: The model.
        seen: The image as this model holds it.
        question: In words.
    """
    told = [note[:1].upper() + note[1:] for note in predictor.left_out(question)]
    remark = ". ".join(filter(None, (predictor.out_of_scope(question), *told)))
    score_1K = predictor.answer_scores(seen.memory, question)
    if score_1K is None:
        (text,), _ = predictor.answers(seen.memory, question)
        return Answer(question, text, None, UNCALIBRATED, remark=remark)
    probability_K = answer_probabilities(score_1K, predictor.temperature)[0]
    known = cast(AnswerHead, predictor.head).answers
    best = [(known[k], float(probability_K[k])) for k in np.argsort(-probability_K, kind="stable")[:BEST]]
    how = "temperature" if predictor.calibration and predictor.calibration.answers else UNCALIBRATED
    return Answer(question, *best[0], how, tuple(best[1:]), remark)

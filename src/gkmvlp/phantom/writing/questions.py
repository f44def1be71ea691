"""Questions on a phantom in the manner of VQA-RAD, with answers read off what was planted.

Each yes/no template is as often true as false, so that the question alone says little: a finding that is there is
paired with one that is not, drawn by how often it is there elsewhere; a side, zone or projection to ask for is drawn
before the truth is looked at.
"""

from collections.abc import Sequence

import numpy as np

from gkmvlp.phantom.plan import Phantom
from gkmvlp.phantom.writing import question_tables as words
from gkmvlp.phantom.writing import question_writers as ask
from gkmvlp.phantom.writing.question_writers import Question, Rng, Writer

__all__ = ["Question", "write_questions"]

# Writers with the weight by which they are drawn.
_CLOSED: tuple[tuple[Writer, float], ...] = (
    (ask.side_asked, 1.0),
    (ask.zone_asked, 0.9),
    (ask.side_choice, 0.3),
    (ask.view_asked, 0.18),
    (ask.normal, 0.7),
    (ask.quality, 1.0),
)
_OPEN: tuple[tuple[Writer, float], ...] = (
    (ask.where, 1.8),
    (ask.side_open, 0.55),
    (ask.abnormality, 1.7),
    (ask.abnormality_at, 1.5),
    (ask.size, 0.4),
    (ask.degree, 0.25),
    (ask.view, 0.3),
    (ask.modality, 0.04),
    (ask.organ, 0.7),
    (ask.devices, 0.6),
)


def _several(
    phantom: Phantom, rng: Rng, writers: Sequence[tuple[Writer, float]], count: int, asked: list[Question]
) -> list[Question]:
    """Up to ``count`` questions of different templates, none that repeats one already asked."""
    weight = np.array([w for _, w in writers])
    written: list[Question] = []
    for i in rng.choice(len(writers), len(writers), replace=False, p=weight / weight.sum()):
        question = writers[int(i)][0](phantom, rng) if len(written) < count else None
        if question and question.question not in {each.question for each in (*asked, *written)}:
            written.append(question)
    return written


def write_questions(phantom: Phantom, rng: Rng) -> list[Question]:
    """Five to eight questions on a phantom, in random order.

    Args:
        phantom: What is known of the image.
        rng: Source of all choices.
    """
    closed: list[Question] = []
    shown = len(ask.entities(phantom))
    for writer, mean in ((ask.present, min(shown, 2) * 0.75), (ask.absent, words.DENIALS)):
        for _ in range(int(mean + rng.random())):
            question = writer(phantom, rng)
            if question and question.entity not in {each.entity for each in closed}:
                closed.append(question)
    closed += _several(phantom, rng, _CLOSED, 2 if shown else 1, closed)
    count = (
        int(len(closed) * words.OPEN_TO_CLOSED + rng.random()) if shown else int(rng.random() < words.OPEN_TO_CLOSED)
    )
    written = closed + _several(phantom, rng, _OPEN, count, closed)
    return [written[int(i)] for i in rng.permutation(len(written))]

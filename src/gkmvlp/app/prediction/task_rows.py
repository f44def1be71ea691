"""What a model says of encoded images for one task, as rows of a table.

B images, N labels, entities or prompts.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from gkmvlp.batch import ImageBatch
from gkmvlp.checkpoints.calibration_file import Scores
from gkmvlp.metrics.calibration.score_map import UNCALIBRATED
from gkmvlp.models.gk_mvlp import ImageMemory
from gkmvlp.models.heads.label_head import LabelHead
from gkmvlp.tasks.parts.entity_predictions import zero_shot_texts
from gkmvlp.zoo.inference.embedding import Prompt
from gkmvlp.zoo.inference.findings import Found
from gkmvlp.zoo.inference.places import region_name
from gkmvlp.zoo.inference.prediction import PredictedBox
from gkmvlp.zoo.inference.predictor import Predictor
from gkmvlp.zoo.inference.readings import Reader, Reading

Rows = list[dict[str, Any]]


class TaskRows:
    """Makes the rows of one task.

    Args:
        predictor: The model.
        task: One of those of the command.
        question: Asked about each image, for ``vqa``; the caption of each, for ``image_text``.
        prompts: For ``zero_shot`` (empty: present against absent of each entity) and ``embed``.
        at: Operating point whose thresholds count; None takes the first of the model's calibration.

    Raises:
        ConfigError: If the calibration holds no such operating point.
    """

    def __init__(
        self, predictor: Predictor, task: str, question: str | None, prompts: list[Prompt], at: str | None
    ) -> None:
        self.predictor, self.task, self.prompts = predictor, task, prompts
        names: list[str] = []  # of the entities that the sentences ask for; none of other prompts
        if task == "zero_shot" and not prompts:
            names, prompts = predictor.entities, list(zip(*zero_shot_texts(predictor.entities), strict=True))
        reader = predictor.reader(_kind(predictor, task), at)
        makers: dict[str, Callable[[ImageMemory, Found], list[Rows]]] = {
            "classification": lambda _, found: _labels(predictor, reader, found),
            "grounding": lambda _, found: _entities(predictor, reader, found),
            "zero_shot": lambda image, _: _zero_shot(predictor, reader, image, prompts, names),
            "localization": lambda _, found: _boxes(found),
            "report": lambda image, _: _reports(predictor, image),
            "vqa": lambda image, _: _answers(predictor, image, str(question)),
            "image_text": lambda image, _: _categories(predictor, image, str(question)),
            "embed": lambda image, _: _vectors(predictor, image),
        }
        self.of_images = makers[task]

    def found(self, batch: ImageBatch, image: ImageMemory) -> Found:
        """What the heads say for a task that can go back into an archive: its rows and its objects tell the same.

        Raises:
            BackboneError: If the model is not one for the task.
        """
        predictor = self.predictor
        if self.task == "localization":
            return Found(boxes=predictor.boxes(batch, image))
        if self.task == "grounding":
            return Found(predictor.entity_scores(image), predictor.places(batch, image))
        if self.task == "classification":
            is_for_labels = isinstance(predictor.head, LabelHead)
            return Found(predictor.label_scores(image) if is_for_labels else predictor.entity_scores(image))
        return Found()

    def of_texts(self) -> Rows:
        """The vector of each prompt, for ``embed``; no rows for other tasks."""
        if self.task != "embed":
            return []
        texts = [part for prompt in self.prompts for part in ([prompt] if isinstance(prompt, str) else prompt)]
        vectors = self.predictor.embed_texts(texts).tolist()
        return [{"sample_id": t, "kind": "text", "embedding": v} for t, v in zip(texts, vectors, strict=True)]


def told_operating_point(predictor: Predictor, task: str, at: str | None) -> str | None:
    """The operating point whose thresholds a task's rows hold; None where the model has none.

    Raises:
        ConfigError: If ``at`` names one that its calibration does not hold.
    """
    return predictor.reader(_kind(predictor, task), at).at


def _kind(predictor: Predictor, task: str) -> Scores:
    """The kind of score that a task's rows hold."""
    if task == "zero_shot":
        return "zero_shot"
    return "labels" if isinstance(predictor.head, LabelHead) else "entities"


def _labels(predictor: Predictor, reader: Reader, found: Found) -> list[Rows]:
    """The reading of each label of a model fine-tuned for them, of each entity otherwise, likeliest first."""
    assert found.score_BN is not None
    names = list(predictor.head.labels) if isinstance(predictor.head, LabelHead) else predictor.entities
    return [[_row(name, one) for name, one in reader.ranked(names, score_N).items()] for score_N in found.score_BN]


def _row(name: str, reading: Reading) -> dict[str, Any]:
    """A finding as columns."""
    beside = reading._asdict()
    start = {"entity": name, "score": beside.pop("score"), "probability": beside.pop("probability")}
    return {**start, "target": np.nan, **beside}


def _entities(predictor: Predictor, reader: Reader, found: Found) -> list[Rows]:
    """Reading, point, the region under it and the region attended to of each entity, likeliest first."""
    assert found.score_BN is not None
    assert found.places is not None
    places, out = found.places, list[Rows]()
    for b, score_E in enumerate(found.score_BN):
        rows: Rows = []
        for name, reading in reader.ranked(predictor.entities, score_E).items():
            e = predictor.entities.index(name)
            x, y = places.point_BE2[b, e].tolist()
            rows.append(
                {
                    **_row(name, reading), "x": x, "y": y, "region": region_name(places.region_BE[b, e]),
                    "attended_region": region_name(places.attended_BE[b, e]),
                }
            )  # fmt: skip
        out.append(rows)
    return out


def _boxes(found: Found) -> list[Rows]:
    """Every box, best first; of an image without any one row without a label."""
    assert found.boxes is not None
    out: list[Rows] = []
    for boxes in found.boxes:
        named = [box._asdict() for box in boxes] or [dict.fromkeys(PredictedBox._fields) | {"is_likely": False}]
        out.append([{"entity": row.pop("label"), **row, "target": None} for row in named])
    return out


def _zero_shot(
    predictor: Predictor, reader: Reader, image: ImageMemory, prompts: list[Prompt], names: list[str]
) -> list[Rows]:
    """Similarity to each prompt, highest first; of the entities' own sentences the reading, where it is calibrated."""
    score_BN = predictor.similarities(predictor.embed_images(image), prompts)
    texts = [prompt if isinstance(prompt, str) else " | ".join(prompt) for prompt in prompts]
    return [
        [
            {"prompt": texts[n], "score": float(score_N[n]), "target": np.nan, **_similar(reader, names, n, score_N[n])}
            for n in np.argsort(-score_N)
        ]
        for score_N in score_BN
    ]


def _similar(reader: Reader, names: list[str], n: int, score: float) -> dict[str, Any]:
    """What a similarity means; it is no log odds, and without a calibration no probability."""
    reading = reader(names[n], float(score)) if names else Reading(score, 0.0)
    columns = reading._asdict() | ({} if reading.calibration != UNCALIBRATED else {"probability": None})
    return {name: value for name, value in columns.items() if name != "score"}


def _answers(predictor: Predictor, image: ImageMemory, question: str) -> list[Rows]:
    """One answer an image."""
    shared = {"in_scope": predictor.in_scope(question), "target": None}
    how = _how_sure(predictor)
    return [
        [
            {"question": question, "prediction": answer, "score": score, "probability": probability, "calibration": how}
            | shared
        ]
        for answer, score, probability in predictor.probable_answers(image, question)
    ]


def _how_sure(predictor: Predictor) -> str:
    """What made the probability of an answer or a class."""
    is_calibrated = predictor.calibration is not None and predictor.calibration.answers is not None
    return "temperature" if is_calibrated else UNCALIBRATED


def _categories(predictor: Predictor, image: ImageMemory, text: str) -> list[Rows]:
    """The probability of each class, likeliest first."""
    how = _how_sure(predictor)
    return [
        [
            {"text": text, "category": name, "probability": value, "calibration": how, "target": None}
            for name, value in found.items()
        ]
        for found in predictor.categories(image, text)
    ]


def _reports(predictor: Predictor, image: ImageMemory) -> list[Rows]:
    """One report an image."""
    return [
        [{"prediction": text, "score": score, "target": None}]
        for text, score in zip(*predictor.reports(image), strict=True)
    ]


def _vectors(predictor: Predictor, image: ImageMemory) -> list[Rows]:
    """One vector an image."""
    return [[{"kind": "image", "embedding": vector}] for vector in predictor.embed_images(image).tolist()]

"""The rows of ``gkmvlp predict``.

B images, E entities.
"""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gkmvlp.app.dicom.returning import Sender
from gkmvlp.batch import ImageBatch
from gkmvlp.checkpoints.calibration_file import Scores
from gkmvlp.data_modules.pipeline.images import ImageError
from gkmvlp.metrics.calibration.score_map import UNCALIBRATED
from gkmvlp.models.gk_mvlp import ImageMemory
from gkmvlp.models.heads.label_head import LabelHead
from gkmvlp.tasks.parts.entity_predictions import zero_shot_texts
from gkmvlp.zoo.inference.gate import GateMode, Verdict, is_doubted, settled
from gkmvlp.zoo.inference.prediction import Pixels, PredictedBox
from gkmvlp.zoo.inference.predictor import Found, Predictor, Prompt, region_name
from gkmvlp.zoo.inference.readings import Reader, Reading

if TYPE_CHECKING:
    from gkmvlp.app.dicom.source import Source

BATCH = 8
Rows = list[dict[str, Any]]
_IN_FOLDER = re.compile(r"\S*/([\d.]+)\.dcm")  # what a server gave, by its UID


@dataclass
class Predicted:
    """Rows of the images that could be read, and what is to be said of images.

    Attributes:
        rows: Rows.
        bad: A line for each image that could not be read.
        doubted: A line for each that the gate doubts.
        noted: What was not taken as a file says -> the images.
    """

    rows: Rows = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    doubted: list[str] = field(default_factory=list)
    noted: dict[str, list[str]] = field(default_factory=dict)

    def call_by_uid(self) -> None:
        """Calls the images that a server gave by their UIDs: their files are gone afterwards."""
        for row in self.rows:
            row["sample_id"] = _IN_FOLDER.sub(r"\1", row["sample_id"])
        self.bad = [_IN_FOLDER.sub(r"\1", line) for line in self.bad]
        self.doubted = [_IN_FOLDER.sub(r"\1", line) for line in self.doubted]
        self.noted = {note: [_IN_FOLDER.sub(r"\1", name) for name in names] for note, names in self.noted.items()}


class Told(NamedTuple):
    """What is told of an image beside its rows."""

    verdict: Verdict | None  # of the gate
    notes: list[str]  # what was not taken as the file says


def predict_rows(
    predictor: Predictor,
    task: str,
    images: list[Path],
    question: str | None,
    prompts: list[Prompt],
    pictures: Path | None,
    accept: Collection[str] = (),
    at: str | None = None,
    gate: GateMode = "warn",
    sender: Sender | None = None,
) -> Predicted:
    """Rows of all images, their pictures, and what goes back into an archive.

    Args:
        predictor: The model.
        task: One of those of the command.
        images: Files.
        question: Asked about each, for ``vqa``; the caption of each, for ``image_text``.
        prompts: For ``zero_shot`` (empty: present against absent of each entity) and ``embed``.
        pictures: Folder of pictures, or None.
        accept: What is read although it is no frontal radiograph.
        at: Operating point whose thresholds count; None takes the first of the model's calibration.
        gate: What happens to a picture that looks like no upright frontal chest radiograph.
        sender: What gets the prediction of each image; None where nothing goes back.

    Raises:
        ConfigError: If the calibration holds no such operating point, or what goes back cannot be written.
    """
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
    done = Predicted()
    drawn: set[str] = set()
    is_drawn = pictures is not None
    for batch, shown, sources, told in _batches(predictor, images, accept, done, is_drawn, gate, sender):
        image = predictor.encode_images(batch)
        far = predictor.far(image)
        found = _found(predictor, task, batch, image)
        returned = predictor.predictions(batch, image, shown, at=at, found=found) if sender is not None else []
        for b, rows in enumerate(makers[task](image, found)):
            name = batch["sample_id"][b]
            try:
                verdict = settled(told[b].verdict, far[b], name, gate)
            except ImageError as error:
                done.bad.append(str(error))
                continue
            if sender is not None:
                sender.send(sources[b], returned[b].judged(verdict))
            done.doubted += [f"{name} {verdict}"] if is_doubted(verdict) else []
            for note in told[b].notes:
                done.noted.setdefault(note, []).append(name)
            note_of = {"note": "; ".join(told[b].notes) or None}
            judged = note_of if verdict is None else {"gate": verdict.kind, **note_of}
            done.rows += [{"sample_id": name, **row, **judged} for row in rows]
            if pictures is not None:
                from gkmvlp.app.prediction.plots import draw  # matplotlib is slow to import

                picture = pictures / _free_name(Path(batch["sample_id"][b]).stem, drawn)
                draw(picture, task, predictor, batch, image, b, rows, shown[b])
    if task == "embed":
        texts = [part for prompt in prompts for part in ([prompt] if isinstance(prompt, str) else prompt)]
        vectors = predictor.embed_texts(texts).tolist()
        done.rows += [
            {"sample_id": t, "kind": "text", "embedding": v} for t, v in zip(texts, vectors, strict=True) if done.rows
        ]
    return done


def _free_name(stem: str, taken: set[str]) -> str:
    """The name of a picture, which is then taken: two folders may hold files of one name."""
    names = chain([f"{stem}.png"], (f"{stem}-{number}.png" for number in count(2)))
    name = next(name for name in names if name not in taken)
    taken.add(name)
    return name


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


def _batches(
    predictor: Predictor,
    images: list[Path],
    accept: Collection[str],
    done: Predicted,
    is_drawn: bool,
    gate: GateMode,
    sender: Sender | None,
) -> Iterator[tuple[ImageBatch, list[Pixels], list["Source"], list[Told]]]:
    """Batches of what can be read, the pixels of their images, their files as archives know them, what is told of them.

    The reasons of the others go to ``done.bad``. The pixels are kept only where the images are drawn or sent: a batch
    of them at their own size is large.
    """
    for start in range(0, len(images), BATCH):
        items, shown, sources, told = [], list[Pixels](), list["Source"](), list[Told]()
        for image in images[start : start + BATCH]:
            notes: list[str] = []
            try:
                found = [sender.source(image)] if sender else []
                image_HW, verdict = predictor.admitted(image, accept, gate, notes)
                items.append(predictor.item_of(image, image_HW))
            except ImageError as error:
                done.bad.append(str(error))
                continue
            told.append(Told(verdict, notes))
            sources += found
            if is_drawn or sender:
                shown.append(image_HW)
        if items:
            yield predictor.batch(items), shown, sources, told


def _found(predictor: Predictor, task: str, batch: ImageBatch, image: ImageMemory) -> Found:
    """What the heads say for a task that can go back into an archive: its rows and its objects tell the same.

    Raises:
        BackboneError: If the model is not one for the task.
    """
    if task == "localization":
        return Found(boxes=predictor.boxes(batch, image))
    if task == "grounding":
        return Found(predictor.entity_scores(image), predictor.places(batch, image))
    if task == "classification":
        is_for_labels = isinstance(predictor.head, LabelHead)
        return Found(predictor.label_scores(image) if is_for_labels else predictor.entity_scores(image))
    return Found()


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

"""From a radiograph to a reading: every model is asked for its part, and each sentence is linked to its place.

B = 1 image, E entities, R regions, h x w grid of patches.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from gkmvlp.anatomy import REGIONS
from gkmvlp.app.serving.links import link
from gkmvlp.app.serving.models import SCORED, ModelSet
from gkmvlp.app.serving.radiographs import OpenImage
from gkmvlp.app.serving.reading import Box, Detection, Finding, Knowledge, Reading
from gkmvlp.entities import entity, of_label
from gkmvlp.models.gk_mvlp import ImageMemory
from gkmvlp.models.heads.answer_head import AnswerHead
from gkmvlp.zoo.inference.gate import FAR, GateMode, Verdict, is_doubted, settled
from gkmvlp.zoo.inference.prediction import PredictedBox, Prediction
from gkmvlp.zoo.inference.predictor import Predictor
from gkmvlp.zoo.inference.readings import Reading as Score

Tell = Callable[[float, str], None]  # share that is done, in [0, 1], and what comes next
STAGES = {  # part -> what a reader sees of it, in the order in which they are asked
    "backbone": "Findings and heat maps", "labels": "Findings", "boxes": "Boxes", "regions": "Regions",
    "report": "Report", "answers": "Questions",
}  # fmt: skip
ATTENDED = 3  # regions that the knowledge row lists
_PLACE = ("region", "point", "box", "attention", "knowledge")  # fields of a finding that say where


def untold(share: float, words: str) -> None:
    """Tells nobody."""


class Seen(NamedTuple):
    """An image as one model holds it, and what that model says of it."""

    memory: Any  # ``ImageMemory`` of GK-MVLP, another of another system
    verdict: Verdict | None  # of the gate, or of the model's own density; None where the gate is off
    said: Prediction | None  # None of a model that waits for a question


def look(predictor: Predictor, image: OpenImage, verdict: Verdict | None, mode: GateMode, at: str | None) -> Seen:
    """The image through a model, as ``Predictor.predict`` reads it: gate, density, calibration.

    Args:
        predictor: The model.
        image: What is read.
        verdict: What the gate says of it.
        mode: Of the gate.
        at: Operating point whose thresholds count; a model without a calibration has none.

    Raises:
        ImageError: If the image is refused, for it lies far from what the model was trained on.
    """
    pixels_HW = image.pixels[predictor.architecture.intensity]
    batch = predictor.batch([predictor.item_of(image.source, pixels_HW)])
    memory = predictor.encode_images(batch)
    verdict = settled(verdict, predictor.far(memory)[0], image.name, mode)
    if isinstance(predictor.head, AnswerHead):
        return Seen(memory, verdict, None)
    (said,) = predictor.predictions(batch, memory, [pixels_HW], at=at if predictor.calibration else None)
    return Seen(memory, verdict, said.judged(verdict))


def read(
    models: ModelSet,
    image: OpenImage,
    verdict: Verdict | None = None,
    mode: GateMode = "off",
    tell: Tell = untold,
) -> tuple[Reading, dict[str, Seen]]:
    """All that a set of models says of a radiograph.

    Args:
        models: The models.
        image: The radiograph.
        verdict: What the gate says of it.
        mode: Of the gate: what happens where a model's own density doubts the image.
        tell: Is told what comes next.

    Returns:
        The reading, and the image as each model holds it, by the model's part: what questions and neighbours need.

    Raises:
        ImageError: If it is refused.
    """
    started = time.perf_counter()
    height, width = next(iter(image.pixels.values())).shape
    reading = Reading(image.name, width, height, image.view, models.references, planted=image.planted)
    reading.notices = list(models.notices)
    reading.probabilities = [
        one.probabilities for part in ("labels", "backbone") if (one := models.parts.get(part)) is not None
    ]
    seen: dict[str, Seen] = {}
    for part in filter(models.parts.__contains__, STAGES):
        tell(len(seen) / len(models.parts), STAGES[part])
        seen[part] = look(models.parts[part], image, verdict, mode, models.at)
    doubts = dict.fromkeys(doubt(one.verdict) for one in seen.values() if is_doubted(one.verdict))
    reading.warnings = [*doubts, *(f"{note[:1].upper()}{note[1:]}." for note in image.notes)]
    said = {part: one.said for part, one in seen.items() if one.said is not None}
    if "backbone" in said:
        _entities(models.parts["backbone"], seen["backbone"].memory, said["backbone"], reading)
    for part, add in _TOLD.items():  # a report is linked to what came before
        if part in said:
            add(said[part], reading)
    reading.at = _operating_point(models)
    reading.seconds = time.perf_counter() - started
    return reading, seen


def doubt(verdict: Verdict) -> str:
    """What the page says of a picture that should perhaps not have been read."""
    if verdict.kind == FAR:
        return f"This picture {verdict}. So does one in a hundred of its own kind; else the reading means little."
    return f"This picture {verdict}. The gate can be wrong; if it is right, the reading below means nothing."


def _operating_point(models: ModelSet) -> str | None:
    """The operating point whose thresholds the findings have; None without any."""
    for part, kind in SCORED.items():
        predictor = models.parts.get(part)
        if predictor and predictor.calibration and (at := predictor.reader(kind, models.at).at):
            return at
    return None


def _entities(predictor: Predictor, memory: Any, said: Prediction, reading: Reading) -> None:
    """Findings of a backbone with their places, and the regions that it reads."""
    reading.frame, reading.side = said.frame, said.side
    reading.regions = {name: _box(box) for name, box in said.region_boxes.items()}
    places = _places(predictor, memory, said) if said.attention else {}
    reading.findings = [
        _finding(name, "entities", score, **places.get(name, {})) for name, score in said.readings.items()
    ]


def _places(predictor: Predictor, memory: ImageMemory, said: Prediction) -> dict[str, dict[str, Any]]:
    """Entity -> the fields of a finding that say where its prompt looks."""
    region_ER = memory.grounded.region_attention[0].float().cpu().numpy()
    prior_ER = predictor.model.region_prior().cpu().numpy()
    boxes = {box.label: _corners(box) for box in said.boxes}
    fields = {}
    for e, name in enumerate(predictor.entities):
        largest = [r for r in np.argsort(-region_ER[e])[:ATTENDED] if region_ER[e, r] > 0]
        prior = () if prior_ER[e].all() else tuple(REGIONS[r] for r in np.flatnonzero(prior_ER[e]))
        fields[name] = {
            "region": said.regions[name],
            "point": said.points[name],
            "box": _box(boxes[name]),
            "attention": tuple(tuple(row) for row in said.attention[name].round(6).tolist()),
            "knowledge": Knowledge(
                entity(name).prompt, prior, {REGIONS[r]: round(float(region_ER[e, r]), 4) for r in largest}
            ),
        }
    return fields


def _labels(said: Prediction, reading: Reading) -> None:
    """Findings of a model for labels take the place of the same entities of the backbone, and keep their places."""
    places = {one.name: one for one in reading.findings}
    labelled = []
    for label, score in said.readings.items():
        name = _entity_of(label)
        place = places.pop(name, None)
        kept = {key: getattr(place, key) for key in _PLACE} if place is not None else {}
        labelled.append(_finding(name, "labels", score, **kept))
    reading.findings = sorted([*labelled, *places.values()], key=lambda one: -one.probability)


def _boxes(said: Prediction, reading: Reading) -> None:
    """Boxes of findings that reach the threshold of their label."""
    reading.detections = [
        Detection(_entity_of(one.label), one.score, one.threshold, _corners(one)) for one in said.boxes if one.is_likely
    ]


def _regions(said: Prediction, reading: Reading) -> None:
    """Regions that a model finds in this image take the place of the atlas."""
    reading.regions = {one.label: _corners(one) for one in said.boxes if one.is_likely}


def _report(said: Prediction, reading: Reading) -> None:
    """The report, each sentence linked to what the other models show."""
    boxes: dict[str, list[Box]] = {}
    for found in reading.detections:
        boxes.setdefault(found.label, []).append(found.box)
    for finding in reading.findings:
        if finding.box is not None:
            boxes.setdefault(finding.name, [finding.box])
    reading.report = link(str(said.report), boxes, {one.name for one in reading.findings if one.attention})


_TOLD = {"labels": _labels, "boxes": _boxes, "regions": _regions, "report": _report}


def _finding(name: str, source: str, score: Score, **place: Any) -> Finding:
    thresholds = score.threshold, score.threshold_low, score.threshold_high, score.is_likely
    return Finding(name, source, score.probability, score.calibration, *thresholds, **place)


def _entity_of(label: str) -> str:
    """The entity that a label of a data set stands for; the label itself where it stands for none."""
    known = of_label(label)
    return label if known is None else known.name


def _corners(box: PredictedBox) -> Box:
    return box.x1, box.y1, box.x2, box.y2


def _box(corners: Sequence[float]) -> Box:
    x1, y1, x2, y2 = (round(value, 2) for value in corners)
    return x1, y1, x2, y2

"""From a radiograph to a reading: every model is asked for its part, and each sentence is linked to its place.

B = 1 image, E entities, R regions, h x w grid of patches.
"""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import numpy as np

from gkmvlp.anatomy import REGIONS
from gkmvlp.app.serving.links import link
from gkmvlp.app.serving.models import ModelSet
from gkmvlp.app.serving.radiographs import OpenImage
from gkmvlp.app.serving.reading import Box, Detection, Finding, Knowledge, Reading
from gkmvlp.batch import ImageBatch
from gkmvlp.entities import entity, of_label
from gkmvlp.geometry import Letterbox, original_boxes
from gkmvlp.models.gk_mvlp import ImageMemory
from gkmvlp.models.heads.label_head import LabelHead
from gkmvlp.zoo.inference.prediction import PredictedBox, hot_box
from gkmvlp.zoo.inference.predictor import Predictor, region_name
from gkmvlp.zoo.inference.readings import Reading as Score

ATTENDED = 3  # regions that the knowledge row lists
_PLACE = ("region", "point", "box", "attention", "knowledge")  # fields of a finding that say where


class Seen(NamedTuple):
    """An image as one model holds it."""

    batch: ImageBatch
    memory: Any  # ``ImageMemory`` of GK-MVLP, another of another system


def look(predictor: Predictor, image: OpenImage) -> Seen:
    """The image through a model's encoder."""
    item = predictor.item_of(image.source, image.pixels[predictor.architecture.intensity])
    batch = predictor.batch([item])
    return Seen(batch, predictor.encode_images(batch))


def read(models: ModelSet, image: OpenImage) -> tuple[Reading, dict[str, Seen]]:
    """All that a set of models says of a radiograph.

    Returns:
        The reading, and the image as each model holds it, by the model's part: what questions and neighbours need.
    """
    started = time.perf_counter()
    height, width = next(iter(image.pixels.values())).shape
    reading = Reading(image.name, width, height, image.view, models.references, planted=image.planted)
    reading.notices = list(models.notices)
    reading.probabilities = [
        one.probabilities for part in ("labels", "backbone") if (one := models.parts.get(part)) is not None
    ]
    seen = {part: look(predictor, image) for part, predictor in models.parts.items()}
    for part in ("backbone", "labels", "boxes", "regions", "report"):  # a report is linked to what came before
        if part in models.parts:
            _ASKED[part](models, seen[part], reading)
    reading.seconds = time.perf_counter() - started
    return reading, seen


def _entities(models: ModelSet, seen: Seen, reading: Reading) -> None:
    """Findings of a backbone with their places, and the regions that it reads."""
    predictor = models.parts["backbone"]
    reader = predictor.reader("entities", models.at if predictor.calibration else None)
    scores = reader.ranked(predictor.entities, predictor.entity_scores(seen.memory)[0])
    reading.at = reader.at
    frame, side = Letterbox(*seen.batch["letterbox"][0].tolist()), predictor.architecture.image_size
    reading.frame, reading.side = frame, side
    reading.regions = {name: _box(box) for name, box in predictor.boxes_of_regions(seen.batch)[0].items()}
    if isinstance(seen.memory, ImageMemory):
        places = _places(predictor, seen, frame)
        reading.findings = [_finding(name, "entities", score, **places[name]) for name, score in scores.items()]
    else:
        reading.findings = [_finding(name, "entities", score) for name, score in scores.items()]


def _places(predictor: Predictor, seen: Seen, frame: Letterbox) -> dict[str, dict[str, Any]]:
    """Entity -> the fields of a finding that say where its prompt looks."""
    grounded, side = seen.memory.grounded, predictor.architecture.image_size
    place = predictor.places(seen.batch, seen.memory)
    map_Ehw = grounded.patch_attention[0].unflatten(-1, seen.memory.features.grid).float().cpu().numpy()
    region_ER = grounded.region_attention[0].float().cpu().numpy()
    prior_ER = predictor.model.region_prior().cpu().numpy()
    fields = {}
    for e, name in enumerate(predictor.entities):
        box_14, _ = original_boxes(frame, hot_box(map_Ehw[e], side, frame))
        largest = [r for r in np.argsort(-region_ER[e])[:ATTENDED] if region_ER[e, r] > 0]
        prior = () if prior_ER[e].all() else tuple(REGIONS[r] for r in np.flatnonzero(prior_ER[e]))
        fields[name] = {
            "region": region_name(place.region_BE[0, e]),
            "point": tuple(place.point_BE2[0, e].tolist()),
            "box": _box(box_14[0].tolist()),
            "attention": tuple(tuple(row) for row in map_Ehw[e].round(6).tolist()),
            "knowledge": Knowledge(
                entity(name).prompt, prior, {REGIONS[r]: round(float(region_ER[e, r]), 4) for r in largest}
            ),
        }
    return fields


def _labels(models: ModelSet, seen: Seen, reading: Reading) -> None:
    """Findings of a model for labels take the place of the same entities of the backbone, and keep their places."""
    predictor = models.parts["labels"]
    names = list(cast(LabelHead, predictor.head).labels)
    reader = predictor.reader("labels", models.at if predictor.calibration else None)
    scores = reader.ranked(names, predictor.label_scores(seen.memory)[0])
    reading.at = reader.at or reading.at
    places = {one.name: one for one in reading.findings}
    labelled = []
    for label, score in scores.items():
        name = _entity_of(label)
        place = places.pop(name, None)
        kept = {key: getattr(place, key) for key in _PLACE} if place is not None else {}
        labelled.append(_finding(name, "labels", score, **kept))
    reading.findings = sorted([*labelled, *places.values()], key=lambda one: -one.probability)


def _boxes(models: ModelSet, seen: Seen, reading: Reading) -> None:
    """Boxes of findings that reach the threshold of their label."""
    boxes = models.parts["boxes"].boxes(seen.batch, seen.memory)[0]
    reading.detections = [
        Detection(_entity_of(one.label), one.score, one.threshold, _corners(one)) for one in boxes if one.is_likely
    ]


def _regions(models: ModelSet, seen: Seen, reading: Reading) -> None:
    """Regions that a model finds in this image take the place of the atlas."""
    boxes = models.parts["regions"].boxes(seen.batch, seen.memory)[0]
    reading.regions = {one.label: _corners(one) for one in boxes if one.is_likely}


def _report(models: ModelSet, seen: Seen, reading: Reading) -> None:
    """The report, each sentence linked to what the other models show."""
    (text,), _ = models.parts["report"].reports(seen.memory)
    boxes: dict[str, list[Box]] = {}
    for found in reading.detections:
        boxes.setdefault(found.label, []).append(found.box)
    for finding in reading.findings:
        if finding.box is not None:
            boxes.setdefault(finding.name, [finding.box])
    reading.report = link(text, boxes, {one.name for one in reading.findings if one.attention})


_ASKED = {"backbone": _entities, "labels": _labels, "boxes": _boxes, "regions": _regions, "report": _report}


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

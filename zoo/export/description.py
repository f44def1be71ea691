"""``FILE.json`` beside an exported program: what goes in, what comes out, and what its scores mean."""

from dataclasses import asdict
from typing import Any

import gkmvlp
from gkmvlp.anatomy import REGIONS, atlas_to_names
from gkmvlp.checkpoints.calibration_file import LabelCalibration, Scores
from gkmvlp.metrics.calibration.score_map import ScoreMap
from gkmvlp.notices import NOT_CLINICAL
from gkmvlp.zoo.export.programs import TOKENS, Program, TensorSpec
from gkmvlp.zoo.inference.predictor import Predictor


def described(program: Program, predictor: Predictor) -> dict[str, Any]:
    """What a caller has to know of a program.

    Args:
        program: The program.
        predictor: The model that it came from.
    """
    architecture, info = predictor.architecture, predictor.backbone.info
    description = {
        "gkmvlp": gkmvlp.__version__,
        "trained_on": info.get("trained_on"),
        "notice": predictor.notice,
        "use": NOT_CLINICAL,
        "image": {
            "size": architecture.image_size,
            "resize_mode": architecture.resize_mode,
            "intensity": architecture.intensity,
        },
        "grid": list(program.model.vision.grid),
        "inputs": [_said(spec) for spec in program.inputs],
        "outputs": [_said(spec) for spec in program.outputs],
        **program.names,
        **program.extras,
        "probabilities": predictor.probabilities,
        "calibration": calibration_of(predictor),
        "regions": list(REGIONS),
        "region_boxes": atlas_to_names(predictor.backbone.atlas),
    }
    if TOKENS in program.inputs[-1].shape:
        description["max_length"] = architecture.text.max_length
    return description


def _said(spec: TensorSpec) -> dict[str, Any]:
    """A spec for JSON."""
    return {**spec._asdict(), "dtype": str(spec.dtype).removeprefix("torch.")}


def calibration_of(predictor: Predictor) -> dict[str, Any] | None:
    """What makes probabilities of scores, ``calibration.json`` of one kind of score; None where nobody measured it.

    ``scores`` holds each label in the order of the program's own ``score``, and is empty where that is of answers.
    """
    calibration, scored = predictor.calibration, predictor.scored
    if calibration is None:
        return None
    kind: Scores = "labels" if "labels" in scored else "entities"
    known = calibration.of(kind)
    labels = [known.get(name, LabelCalibration(name, 0, 0, ScoreMap())) for name in scored.get(kind, ())]
    return asdict(calibration) | {"scores": [_label(label) for label in labels]}


def _label(label: LabelCalibration) -> dict[str, Any]:
    """A label for JSON; the thresholds of its operating points are told as probabilities too."""
    told = asdict(label)
    for name, point in label.points.items():
        told["points"][name]["probability"] = label.map(point.score).tolist()
    return told

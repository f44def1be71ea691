"""From scores to what is printed: ranked by probability, thresholds of the operating point that was asked for."""

import numpy as np
import pytest

import gkmvlp
from gkmvlp.checkpoints.calibration_file import Calibration, LabelCalibration, write_calibration
from gkmvlp.errors import ConfigError, UsageError
from gkmvlp.metrics.calibration.operating_point import OperatingPoint, Span
from gkmvlp.metrics.calibration.score_map import ScoreMap
from gkmvlp.zoo.inference.predictor import Predictor
from gkmvlp.zoo.inference.readings import Reader
from tests.app.small_models import ENTITIES, write_backbone, write_images

pytestmark = pytest.mark.filterwarnings("ignore:A model that never")


def label(name, score_map, **thresholds):
    full = Span(1.0, 1.0, 1.0)
    points = {word: OperatingPoint(Span(at, at - 0.5, at + 0.5), full, full) for word, at in thresholds.items()}
    return LabelCalibration(name, 10, 5, score_map, points)


def calibration(**scores):
    return Calibration("phantom-tiny", "validate of official@0", 10, 5, "2026-01-01T00:00:00+00:00", scores)


MADE = calibration(
    labels=[
        label("a", ScoreMap("platt", 0.5, -1), **{"sensitivity=0.90": 0.0, "youden": 2.0}),
        label("b", ScoreMap("isotonic", knots=(-1, 1), values=(0.2, 0.4)), **{"sensitivity=0.90": 0.0, "youden": 0.5}),
        label("c", ScoreMap(reason="not in these data")),
    ]
)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_probability_threshold_and_interval_are_those_of_the_map():
    reading = Reader(MADE, "labels")("a", 1.0)
    assert reading.probability == pytest.approx(sigmoid(-0.5))
    expected = sigmoid(0.5 * np.array([0, -0.5, 0.5]) - 1)
    assert (reading.threshold, reading.threshold_low, reading.threshold_high) == pytest.approx(expected)
    assert (reading.calibration, reading.is_likely) == ("platt", True)
    at_youden = Reader(MADE, "labels", "youden")("a", 1.0)
    assert (at_youden.is_likely, at_youden.threshold) == (False, pytest.approx(sigmoid(0.0)))


def test_a_score_decides_where_the_map_is_flat():
    """Beyond the last knot probabilities are equal; scores are not."""
    reader = Reader(calibration(labels=[label("b", ScoreMap("isotonic", knots=(-1, 1), values=(0.2, 0.4)), youden=3)]),
                    "labels")  # fmt: skip
    below, above = reader("b", 2.0), reader("b", 3.0)
    assert below.probability == above.probability == below.threshold
    assert (below.is_likely, above.is_likely) == (False, True)


def test_a_label_that_stayed_uncalibrated_says_so():
    reading = Reader(MADE, "labels")("c", 1.0)
    assert reading == (1.0, pytest.approx(sigmoid(1.0)), "uncalibrated", None, None, None, None)


def test_ranking_is_by_calibrated_probability():
    ranked = Reader(MADE, "labels").ranked(["a", "b", "c"], np.array([1.0, 2.0, -3.0]))
    assert list(ranked) == ["b", "a", "c"] or list(ranked) == ["a", "b", "c"]
    probabilities = [reading.probability for reading in ranked.values()]
    assert probabilities == sorted(probabilities, reverse=True)


def test_an_operating_point_is_found_in_any_spelling_and_others_are_named():
    assert Reader(MADE, "labels", "Sensitivity=0.9").at == "sensitivity=0.90"
    with pytest.raises(ConfigError, match=r"holds sensitivity=0\.90, youden.*gkmvlp calibrate --at specificity=0\.50"):
        Reader(MADE, "labels", "specificity=0.5")
    with pytest.raises(ConfigError, match="it is uncalibrated"):
        Reader(None, "labels", "youden")
    with pytest.raises(UsageError):
        Reader(MADE, "labels", "best")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = write_backbone(tmp_path_factory.mktemp("readings") / "backbone")
    labels = [label(name, ScoreMap("platt", 0.1, -2.0), youden=0.0) for name in ENTITIES]
    write_calibration(folder, calibration(entities=labels))
    return folder


def test_python_gives_calibrated_probabilities_and_thresholds(folder, tmp_path):
    image = write_images(tmp_path / "images", 1)[0]
    calibrated = gkmvlp.load(folder, device="cpu")
    plain = Predictor(calibrated.backbone, None, calibrated.device)
    before, after = plain.predict(image), calibrated.predict(image, at="youden")
    for name in ENTITIES:
        score = before.readings[name].score
        assert before.findings[name] == pytest.approx(sigmoid(score))
        assert before.readings[name].calibration == "uncalibrated"
        assert after.findings[name] == pytest.approx(sigmoid(0.1 * score - 2))
        assert after.readings[name].threshold == pytest.approx(sigmoid(-2.0))
        assert after.readings[name].is_likely == (score >= 0)
        (box,) = [box for box in after.boxes if box.label == name]
        assert (box.is_likely, box.threshold) == (score >= 0, pytest.approx(sigmoid(-2.0)))
    with pytest.raises(ConfigError, match="--at specificity="):
        calibrated.predict(image, at="specificity=0.95")


@pytest.mark.filterwarnings("ignore")
def test_a_calibration_goes_with_the_model(folder, tmp_path):
    """Saved and opened again; its card says what probabilities are worth."""
    calibrated = gkmvlp.load(folder, device="cpu")
    calibrated.save_pretrained(tmp_path / "saved")
    again = gkmvlp.load(tmp_path / "saved", device="cpu")
    assert again.calibration == calibrated.calibration
    assert f"Probabilities: {calibrated.calibration.summary}." in str(calibrated.generate_model_card())
    plain = Predictor(calibrated.backbone, None, calibrated.device)
    assert "Probabilities: uncalibrated." in str(plain.generate_model_card())

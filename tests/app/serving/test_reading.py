"""A reading from several models, and the links of its sentences."""

import json

import numpy as np
import pytest

from gkmvlp.app.serving.links import link
from gkmvlp.app.serving.models import open_models
from gkmvlp.app.serving.questions import ask
from gkmvlp.app.serving.radiographs import open_phantom, open_upload
from gkmvlp.app.serving.reader import read
from gkmvlp.checkpoints.calibration_file import Calibration, LabelCalibration
from gkmvlp.checkpoints.density_file import Density
from gkmvlp.data_modules.pipeline.images import ImageError
from gkmvlp.entities import entity
from gkmvlp.errors import UsageError
from gkmvlp.metrics.calibration.operating_point import OperatingPoint, Span
from gkmvlp.metrics.calibration.score_map import UNCALIBRATED, ScoreMap
from gkmvlp.models.gate import FRONTAL
from gkmvlp.zoo.inference.gate import Verdict
from gkmvlp.zoo.inference.loading import open_predictor
from tests.app.serving.files import dicom, picture
from tests.app.small_models import ANSWERS, ENTITIES


@pytest.fixture(scope="module")
def phantom(packaged):
    return open_phantom(1, {one.architecture.intensity for one in packaged.parts.values()})


@pytest.fixture(scope="module")
def reading(packaged, phantom):
    return read(packaged, phantom)[0]


def test_findings_are_those_that_predict_gives(reading, phantom):
    """The predictor reads the same image by itself: scores, boxes, points and regions have to agree."""
    said = open_predictor("zoo://gk-mvlp-phantom", "cpu").predict(phantom.source)
    assert [one.name for one in reading.findings] == list(said.findings)
    boxes = {box.label: box for box in said.boxes}
    for one in reading.findings:
        assert one.probability == pytest.approx(said.findings[one.name], abs=1e-5)
        assert one.point == pytest.approx(said.points[one.name], abs=1e-3)
        assert one.region == said.regions[one.name]
        assert one.box == pytest.approx(boxes[one.name][2:6], abs=0.01)
        assert np.array(one.attention) == pytest.approx(said.attention[one.name], abs=1e-5)
        assert one.knowledge.prompt == entity(one.name).prompt
        assert set(one.knowledge.prior) == set(entity(one.name).regions)
        score = said.readings[one.name]
        assert (one.calibration, one.threshold, one.is_likely) == (score.calibration, score.threshold, score.is_likely)
        assert one.calibration != UNCALIBRATED  # what ships is calibrated


def test_the_report_is_that_of_its_model_and_every_sentence_is_linked(reading, phantom):
    text = open_predictor("zoo://gk-mvlp-phantom-report", "cpu").predict(phantom.source).report
    assert " ".join(one.text for one in reading.report) == text
    links = [one for sentence in reading.report for one in sentence.links]
    assert links
    for one in links:
        assert bool(one.boxes) != bool(one.no_box)
        assert one.said != "absent" or not one.boxes


def test_the_whole_is_json(reading):
    again = json.loads(json.dumps(reading.as_json(), allow_nan=False))
    assert again["planted"] == reading.planted
    assert len(again["findings"]) == len(reading.findings)
    assert np.array(again["findings"][0]["attention"]) == pytest.approx(np.array(reading.findings[0].attention))


def test_a_question_gets_probabilities(packaged, phantom):
    predictor = packaged.parts["answers"]
    _, seen = read(packaged, phantom)
    answer = ask(predictor, seen["answers"], "Is there a pleural effusion?")
    said = predictor.predict(phantom.source, question="Is there a pleural effusion?")
    assert (answer.text, answer.calibration) == (said.answer, "temperature")
    assert answer.probability == pytest.approx(said.answer_probability, abs=1e-5)
    rest = [probability for _, probability in answer.others]
    assert sorted(rest, reverse=True) == rest
    assert answer.probability >= rest[0]
    assert answer.probability + sum(rest) <= 1 + 1e-9


BOX = (1.0, 2.0, 3.0, 4.0)


def test_links_of_sentences():
    text = "There is a small left pleural effusion. No pneumothorax. Possible pneumonia. The patient was rotated."
    effusion, air, doubt, nothing = link(text, {"pleural effusion": [BOX], "pneumothorax": [BOX]}, {"pneumothorax"})
    (one,) = effusion.links
    assert (one.entity, one.said, one.side, one.boxes, one.no_box) == (
        "pleural effusion",
        "present",
        "left",
        (BOX,),
        "",
    )
    assert set(one.regions) == {"left lung", "left costophrenic angle"}
    assert not one.has_map
    (one,) = air.links
    assert (one.said, one.boxes, one.has_map) == ("absent", (), True)
    assert one.no_box == "no box: the sentence says that pneumothorax is absent"
    (one,) = doubt.links
    assert (one.said, one.no_box) == ("uncertain", "no box: none of the models shows where pneumonia lies")
    assert nothing.links == ()
    assert link("", {}, ()) == []


def test_each_model_gives_its_part(small_models):
    reading, seen = read(small_models, open_upload(picture(), "a.png", {"equalized", "voi"}))
    assert set(seen) == {"backbone", "answers", "report", "boxes", "labels"}
    by_labels = {one.name for one in reading.findings if one.source == "labels"}
    assert by_labels == {"pleural effusion", "cardiomegaly", "nodule"}
    assert {one.name for one in reading.findings} - by_labels == set(ENTITIES) - by_labels
    found = {one.name: one for one in reading.findings}
    assert found["pleural effusion"].box is not None  # the place is the backbone's
    assert found["nodule"].box is None
    assert reading.report is not None
    assert (reading.width, reading.height, reading.planted) == (40, 48, None)
    assert all(one.score >= one.threshold for one in reading.detections)


def test_a_model_without_a_backbone_still_reads(small_folders):
    models = open_models([str(small_folders["report"])], "cpu")
    reading, _ = read(models, open_upload(picture(), "a.png", {"equalized", "voi"}))
    assert reading.findings == []
    assert reading.report is not None


def test_the_backbone_of_a_fine_tuned_model_comes_along():
    assert set(open_models(["zoo://gk-mvlp-phantom-vqa"], "cpu").parts) == {"answers", "backbone"}


def test_two_models_of_one_kind_are_refused(small_folders):
    with pytest.raises(UsageError, match="both give the report"):
        open_models([str(small_folders["report"])] * 2, "cpu")


def test_the_view_of_a_dicom_is_told(small_models):
    reading, _ = read(small_models, open_upload(dicom(ViewPosition="AP"), "a.dcm", {"equalized", "voi"}))
    assert reading.view == "AP"


def span(value):
    return Span(value, value - 0.5, value + 0.5)


def test_calibrated_findings_have_thresholds_with_intervals(small_folders):
    models = open_models([str(small_folders["backbone"])], "cpu")
    point = OperatingPoint(span(0.0), span(0.9), span(0.8))
    rows = [LabelCalibration(name, 100, 30, ScoreMap("platt", 2.0, 1.0), {"youden": point}) for name in ENTITIES]
    models.parts["backbone"].calibration = Calibration("data", "split", 100, 90, "2026-01-01", {"entities": rows})
    reading, _ = read(models, open_upload(picture(), "a.png", {"equalized", "voi"}))
    assert reading.at == "youden"
    for one in reading.findings:
        assert one.calibration == "platt"
        assert one.threshold == pytest.approx(1 / (1 + np.exp(-1.0)))
        assert one.threshold_low < one.threshold < one.threshold_high
        assert one.is_likely == (one.probability >= one.threshold)


def test_an_image_far_from_training_is_told_or_refused(small_folders):
    """By the density of the model that reads, beside the gate, as ``predict`` tells it."""
    models = open_models([str(small_folders["backbone"]), str(small_folders["report"])], "cpu")
    backbone, image = models.parts["backbone"], open_upload(picture(), "a.png", {"equalized", "voi"})
    width = backbone.encode_images(backbone.batch([backbone.item(image.source)])).features.pooled.shape[1]
    backbone.density = Density(np.zeros(width), np.eye(width), (0.0,) * 101, "some data", "split", 90, 10, "2026-01-01")
    frontal = Verdict(FRONTAL, 0.9, "an upright frontal chest radiograph")
    (line,) = read(models, image, frontal, "warn")[0].warnings
    assert "lies far from what the model was trained on" in line
    assert "where 99 % of some data lie within 0.0" in line
    said = read(models, image, frontal, "warn")[1]["backbone"].said
    assert said.verdict.kind == "far from training"
    assert "lies far" in said.notice  # and so says what goes back into an archive
    doubted = Verdict("rotated", 0.9, "looks turned or upside down")
    assert "looks turned" in read(models, image, doubted, "warn")[0].warnings[0]  # of both the gate's word counts
    assert read(models, image, None, "off")[0].warnings == []
    with pytest.raises(ImageError, match=r"a\.png is refused: lies far"):
        read(models, image, frontal, "refuse")


def test_every_stage_is_told_once(small_models):
    told = []
    image = open_upload(picture(), "a.png", {"equalized", "voi"})
    read(small_models, image, tell=lambda share, words: told.append((share, words)))
    assert [share for share, _ in told] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])
    assert {words for _, words in told} == {"Findings and heat maps", "Findings", "Questions", "Report", "Boxes"}


def test_an_operating_point_that_nobody_chose_is_refused(small_folders):
    with pytest.raises(UsageError, match="none of the models is calibrated"):
        open_models([str(small_folders["backbone"])], "cpu", "youden")


def test_answers_of_a_small_model_are_its_own(small_models):
    _, seen = read(small_models, open_upload(picture(), "a.png", {"equalized", "voi"}))
    answer = ask(small_models.parts["answers"], seen["answers"], "where?")
    assert {answer.text, *(text for text, _ in answer.others)} == set(ANSWERS)
    total = answer.probability + sum(probability for _, probability in answer.others)
    assert total == pytest.approx(1)

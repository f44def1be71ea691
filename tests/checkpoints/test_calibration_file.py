"""``calibration.json``: read as written, and refused in one line where it is broken or of another model."""

import json
from dataclasses import replace

import pytest

from gkmvlp.checkpoints.calibration_file import (
    FILE,
    AnswerCalibration,
    Calibration,
    LabelCalibration,
    read_calibration,
    write_calibration,
)
from gkmvlp.checkpoints.checksums import require_undamaged, write_checksums
from gkmvlp.errors import BackboneError
from gkmvlp.metrics.calibration.operating_point import OperatingPoint, Span
from gkmvlp.metrics.calibration.score_map import ScoreMap

POINT = OperatingPoint(Span(0.5, 0.1, 0.9), Span(0.9, 0.8, 1.0), Span(0.7, 0.6, 0.8))
MADE = Calibration(
    "phantom-tiny",
    "validate of official@0123456789ab",
    40,
    20,
    "2026-01-02T03:04:05+00:00",
    {
        "labels": [
            LabelCalibration("Mass", 40, 10, ScoreMap("platt", 0.5, -1.25), {"sensitivity=0.90": POINT}),
            LabelCalibration("Nodule", 40, 12, ScoreMap("isotonic", knots=(-1.0, 2.0), values=(0.1, 0.75))),
            LabelCalibration("Hernia", 0, 0, ScoreMap(reason="not in these data")),
        ]
    },
    AnswerCalibration(1.5, 30, 20),
    ["a note"],
)
NAMES = {"labels": ["Hernia", "Mass", "Nodule"]}


def test_what_is_read_is_what_was_written(tmp_path):
    write_calibration(tmp_path, MADE)
    assert read_calibration(tmp_path, NAMES) == MADE
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


def test_a_folder_without_one_has_none(tmp_path):
    assert read_calibration(tmp_path, NAMES) is None


def test_the_summary_names_data_size_date_and_methods():
    assert MADE.summary == (
        "calibrated on phantom-tiny, validate of official@0123456789ab: 40 rows of 20 patients, 2026-01-02 "
        "(isotonic, platt, temperature)"
    )
    nothing = replace(MADE, scores={"labels": MADE.scores["labels"][2:]}, answers=None)
    assert nothing.summary.startswith("uncalibrated: no label could be calibrated on phantom-tiny")
    assert [one.prevalence for one in MADE.scores["labels"]] == [0.25, 0.3, None]


@pytest.mark.parametrize("names", [{"labels": ["Mass", "Nodule"]}, {"entities": ["mass"]}, {}])
def test_that_of_another_label_list_is_refused(names, tmp_path):
    write_calibration(tmp_path, MADE)
    with pytest.raises(BackboneError, match=r"3 labels were calibrated, the model has \d .* run gkmvlp calibrate anew"):
        read_calibration(tmp_path, names)


def _changed(**values):
    return json.dumps(json.loads(json.dumps({**CONTENT, **values})))


@pytest.fixture(scope="module", autouse=True)
def content(tmp_path_factory):
    folder = tmp_path_factory.mktemp("content")
    CONTENT.update(json.loads(write_calibration(folder, MADE).read_text()))


CONTENT: dict = {}


@pytest.mark.parametrize(
    "change",
    [
        lambda: "{",
        lambda: "[]",
        lambda: "{}",
        lambda: _changed(scores=None),
        lambda: _changed(scores={"labels": [{"label": "Mass"}]}),
        lambda: _changed(answers={"temperature": 0, "n": 1, "right": 1}),
        lambda: _changed(scores={"labels": [{**CONTENT["scores"]["labels"][0], "points": {"youden": {"score": [1]}}}]}),
        lambda: _changed(scores={"labels": [{**CONTENT["scores"]["labels"][0], "map": {"method": "platt"}}]}),
    ],
)
def test_a_broken_one_is_one_line_with_a_remedy(change, tmp_path):
    (tmp_path / FILE).write_text(change())
    with pytest.raises(
        BackboneError, match=r"calibration\.json: no readable calibration .*run gkmvlp calibrate"
    ) as told:
        read_calibration(tmp_path, NAMES)
    assert "\n" not in str(told.value)


def test_a_newer_format_asks_for_an_update(tmp_path):
    (tmp_path / FILE).write_text(_changed(format=99))
    with pytest.raises(BackboneError, match="format 99 is not known here"):
        read_calibration(tmp_path, NAMES)


def test_a_process_killed_while_it_writes_leaves_a_model_that_is_not_called_damaged(tmp_path, monkeypatch):
    """The texts are of equal length."""
    write_calibration(tmp_path, MADE)
    write_checksums(tmp_path)

    def killed(file):
        raise KeyboardInterrupt(file)

    with monkeypatch.context() as patch:
        patch.setattr("gkmvlp.checkpoints.checksums._sums", killed)  # the text is written, its note is not
        with pytest.raises(KeyboardInterrupt, match=FILE):
            write_calibration(tmp_path, replace(MADE, n=MADE.n + 1))
    assert read_calibration(tmp_path, NAMES).n == MADE.n + 1
    require_undamaged(tmp_path)

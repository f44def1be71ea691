"""A MONAI bundle: MONAI's own command runs it without this package, and it says what the model says."""

import csv
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import ConfigWorkflow
from PIL import Image
from torch import nn

import gkmvlp
from gkmvlp.app.cli import main
from gkmvlp.checkpoints import heads
from gkmvlp.checkpoints.calibration_file import Calibration, LabelCalibration
from gkmvlp.metrics.calibration.operating_point import OperatingPoint, Span
from gkmvlp.metrics.calibration.score_map import ScoreMap
from gkmvlp.models.config import Architecture
from gkmvlp.models.heads.label_head import label_head
from gkmvlp.notices import NO_PATIENT, NOT_CLINICAL
from gkmvlp.zoo.export.bundle_configs import inference
from gkmvlp.zoo.export.bundle_scripts import networks
from gkmvlp.zoo.export.bundle_scripts.probabilities import Probabilitiesd
from gkmvlp.zoo.export.bundle_scripts.radiographs import ReadRadiographd
from gkmvlp.zoo.export.description import calibration_of
from gkmvlp.zoo.inference.preprocess import Preprocess
from gkmvlp.zoo.inference.readings import Reader
from tests.app.small_models import ANSWERS, ENTITIES, build, calibrate, write_answering, write_backbone, write_detecting

LABELS = ["Effusion", "Mass", "Hernia"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder whose ``model`` is for labels, calibrated, and never saw a patient."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("bundle")
    backbone = build("phantom-chestxray14")
    backbone.info["task"] = "classification"
    head = label_head(tuple(LABELS), backbone.model.architecture, "both")
    nn.init.normal_(head.linear.weight, std=0.3)
    heads.save(backbone, head, folder / "model")
    calibrate(folder / "model", "labels", LABELS)
    return folder


@pytest.fixture(scope="module")
def bundle(folder):
    """The same folder with a bundle of that model, ``findings``, by the real command."""
    words = ["--task", "classification", "--format", "monai-bundle", "--out", str(folder / "findings")]
    assert main(["export", "--model", str(folder / "model"), *words]) == 0
    return folder


@pytest.fixture(scope="module")
def answering(tmp_path_factory):
    """A folder with a calibrated ``model`` for questions and a bundle of it, ``asked``, by the real command."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("answering")
    write_answering(folder / "model", "classify", "phantom-mimic-cxr, phantom-vqa-rad")
    calibrate(folder / "model", "answers", ANSWERS)
    words = ["--task", "vqa", "--format", "monai-bundle", "--out", str(folder / "asked")]
    assert main(["export", "--model", str(folder / "model"), *words]) == 0
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Pictures of several sizes and modes."""
    folder = tmp_path_factory.mktemp("pictures")
    chance = np.random.default_rng(0)
    for name, size in {"wide.png": (40, 70), "tall.jpg": (90, 33), "small.png": (20, 20)}.items():
        Image.fromarray(chance.integers(0, 255, size).astype(np.uint8)).save(folder / name)
    grey = Image.fromarray(chance.integers(0, 255, (64, 48, 3)).astype(np.uint8))
    grey.save(folder / "colour.png")
    grey.convert("RGBA").save(folder / "alpha.png")
    return folder


def run_by_monai(folder, pictures, out, table, *words):
    """Rows of the table that MONAI's own command writes; the package is not to be found then."""
    pytest.importorskip("fire", reason="MONAI's command line needs fire")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    places = ["--dataset_dir", str(pictures), "--output_dir", str(out)]
    told = subprocess.run(
        [sys.executable, "-m", "monai.bundle", "run", "--config_file", "configs/inference.json", *places, *words],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr[-2000:]
    with (out / table).open() as stream:
        lines = list(stream)
    comments = [line for line in lines if line.startswith("#")]
    assert comments[0] == f"# {NOT_CLINICAL} {NO_PATIENT}\n"
    assert comments[1] == f"# Probabilities: {gkmvlp.load(folder.parent / 'model', device='cpu').probabilities}\n"
    return list(csv.DictReader(lines[len(comments) :]))


@pytest.mark.slow
def test_monai_runs_it_without_this_package(bundle, pictures, tmp_path):
    rows = run_by_monai(bundle / "findings", pictures, tmp_path, "findings.csv")
    assert len(rows) == len(list(pictures.iterdir()))
    model = gkmvlp.load(bundle / "model", device="cpu")
    for row in rows:
        wanted = model.predict(row["file"])
        assert {label: float(row[label]) for label in LABELS} == pytest.approx(wanted.findings, abs=2e-5)
        decided = {label: reading.is_likely for label, reading in wanted.readings.items()}
        assert {label: row[f"{label} is_likely"] for label in LABELS} == {
            label: "" if likely is None else str(likely) for label, likely in decided.items()
        }


@pytest.mark.slow
def test_monai_asks_a_question_about_every_image(answering, pictures, tmp_path):
    question = "Is there a pleural effusion?"
    rows = run_by_monai(answering / "asked", pictures, tmp_path, "answers.csv", "--question", question)
    assert len(rows) == len(list(pictures.iterdir()))
    model = gkmvlp.load(answering / "model", device="cpu")
    for row in rows:
        wanted = model.predict(row["file"], question)
        assert row["answer"] == wanted.answer
        assert row["answer"] in ("yes", "no")
        assert float(row["probability"]) == pytest.approx(wanted.answer_probability, abs=2e-5)


@pytest.mark.filterwarnings("ignore:A model that never")
def test_thresholds_stand_above_the_table(folder):
    """Those of the first operating point, as ``predict`` says them; a label without one is left out."""
    model = gkmvlp.load(folder / "model", device="cpu")
    told = {
        "task": "classification", "labels": LABELS, "image": {"size": 32, "resize_mode": "pad", "intensity": "voi"},
        "use": NOT_CLINICAL, "notice": model.notice, "probabilities": model.probabilities,
        "calibration": calibration_of(model),
    }  # fmt: skip
    reading = model.predict(np.zeros((40, 40), np.uint8), gate="off", accept="blank").readings
    expected = ", ".join(f"{label} {reading[label].threshold:.6f}" for label in LABELS[:2])
    assert inference(told)["evaluator"]["notices"][2] == (
        f"is_likely: the score reaches the threshold of sensitivity=0.90, at probability {expected}"
    )
    assert len(inference(told | {"calibration": None})["evaluator"]["notices"]) == 2


def test_it_decides_as_the_package_where_a_map_is_flat():
    """On a plateau scores below and above the threshold have the probability of the threshold."""
    flat, point = ScoreMap("isotonic", knots=(-1.0, 0.0, 2.0, 3.0), values=(0.1, 0.4, 0.4, 0.9)), Span(1.0, 0.5, 1.5)
    label = LabelCalibration("Mass", 10, 5, flat, {"youden": OperatingPoint(point, point, point)})
    bare = LabelCalibration("Hernia", 0, 0, ScoreMap())
    scores = {"labels": [label, bare]}
    calibration = Calibration(
        "phantom-tiny", "validate of official@0", 10, 5, "2026-01-01T00:00:00+00:00", scores, None
    )
    decide = Probabilitiesd({"calibration": {"scores": [asdict(label), asdict(bare)]}})
    read = Reader(calibration, "labels")
    for score in (-2.0, 0.5, 1.0, 1.5, 4.0):
        said = decide({"pred": torch.tensor([score, score])})
        assert said["is_likely"] == [read("Mass", score).is_likely, None]
        assert said["pred"][0].item() == pytest.approx(read("Mass", score).probability)
    assert decide({"pred": torch.tensor([0.5, 0.5])})["is_likely"][0] is False
    assert read("Mass", 0.5).probability == read("Mass", 1.5).probability == read("Mass", 1.5).threshold


def test_scores_that_nobody_calibrated_are_log_odds_and_log_probabilities():
    score_L = torch.tensor([-3.0, 0.0, 2.0])
    odds_L = score_L.exp().tolist()
    labels = Probabilitiesd({"calibration": None})({"pred": score_L})["pred"]
    assert labels.tolist() == pytest.approx([odds / (1 + odds) for odds in odds_L])
    answers = Probabilitiesd({"calibration": None, "answers": ANSWERS})({"pred": score_L.log_softmax(0)})["pred"]
    assert answers.tolist() == pytest.approx([odds / sum(odds_L) for odds in odds_L])


def bundled(folder, task, pictures, table):
    """Rows that a bundle of ``folder/model`` writes of pictures."""
    words = ["--task", task, "--format", "monai-bundle", "--out", str(folder / "bundle")]
    assert main(["export", "--model", str(folder / "model"), *words]) == 0
    return run_by_monai(folder / "bundle", pictures, folder / "out", table)


@pytest.mark.slow
def test_monai_says_where_prompts_look(pictures, tmp_path):
    """The points, regions and probabilities of the package, for pictures of every shape."""
    write_backbone(tmp_path / "model")
    calibrate(tmp_path / "model", "entities", ENTITIES)
    rows = bundled(tmp_path, "grounding", pictures, "places.csv")
    assert len(rows) == len(ENTITIES) * len(list(pictures.iterdir()))
    model = gkmvlp.load(tmp_path / "model", device="cpu")
    said = {str(file): model.predict(file) for file in pictures.iterdir()}
    for row in rows:
        wanted, name = said[row["file"]], row["entity"]
        assert float(row["probability"]) == pytest.approx(wanted.findings[name], abs=2e-5)
        likely = wanted.readings[name].is_likely
        assert row["is_likely"] == ("" if likely is None else str(likely))
        assert (float(row["x"]), float(row["y"])) == pytest.approx(wanted.points[name], abs=0.01)
        assert row["region"] == wanted.regions[name]
    order = [row["entity"] for row in rows[: len(ENTITIES)]]
    assert order == list(said[rows[0]["file"]].findings)  # likeliest first


@pytest.mark.slow
def test_monai_draws_the_boxes_of_the_package(pictures, tmp_path):
    write_detecting(tmp_path / "model")
    rows = bundled(tmp_path, "localization", pictures, "boxes.csv")
    model = gkmvlp.load(tmp_path / "model", device="cpu")
    assert {row["is_likely"] for row in rows} == {"True", "False"}
    for file in pictures.iterdir():
        wanted = model.predict(file).boxes
        given = [row for row in rows if row["file"] == str(file)]
        assert [row["label"] for row in given] == [box.label for box in wanted]
        assert [row["is_likely"] for row in given] == [str(box.is_likely) for box in wanted]
        for row, box in zip(given, wanted, strict=True):
            place = [float(row[key]) for key in ("score", "x1", "y1", "x2", "y2")]
            assert place == pytest.approx([box.score, box.x1, box.y1, box.x2, box.y2], abs=0.01)


@pytest.mark.slow
def test_any_question_is_answered_as_the_package_does(answering, pictures):
    program, model = str(answering / "asked" / "models" / "model.pt2"), gkmvlp.load(answering / "model", device="cpu")
    image_B1SS = torch.cat([model.preprocess(file) for file in sorted(pictures.iterdir())])
    open_ones = "Which lung is it in, left or right?", "where " * 60  # the second is cut
    for question in (*open_ones, "Is there an effusion?", "Is it left or right?"):
        network = networks.AskingNetwork(program, question)
        probability_BK = Probabilitiesd(network.told)({"pred": network(image_B1SS)})["pred"]
        said = model.predict(sorted(pictures.iterdir()), question)
        assert [ANSWERS[best] for best in probability_BK.argmax(1)] == [one.answer for one in said]
        assert probability_BK.amax(1).tolist() == pytest.approx([one.answer_probability for one in said], abs=2e-5)
    with pytest.raises(ValueError, match="name it by --question TEXT"):
        networks.AskingNetwork(program, " ")(image_B1SS)


@pytest.mark.slow
def test_monai_finds_all_that_an_inference_workflow_has_to_name(bundle, pictures, monkeypatch):
    root = bundle / "findings"
    monkeypatch.syspath_prepend(str(root))
    places = {"bundle_root": str(root), "dataset_dir": str(pictures)}
    config = str(root / "configs" / "inference.json")
    workflow = ConfigWorkflow(config, workflow_type="inference", logging_file=False, **places)
    workflow.initialize()
    assert workflow.check_properties() == []


@pytest.mark.slow
def test_metadata_name_labels_and_shapes(bundle):
    told = json.loads((bundle / "findings" / "configs" / "metadata.json").read_text())
    assert told["network_data_format"]["outputs"]["pred"]["channel_def"] == dict(zip("012", LABELS, strict=True))
    assert told["network_data_format"]["inputs"]["image"]["spatial_shape"] == [32, 32]
    assert told["intended_use"] == f"{NOT_CLINICAL} {NO_PATIENT}"


@pytest.mark.parametrize("resize_mode", ["pad", "crop", "squash"])
@pytest.mark.parametrize("intensity", ["equalized", "minmax", "voi"])
def test_pictures_are_made_ready_as_the_package_does(pictures, resize_mode, intensity):
    ours = Preprocess(Architecture(image_size=32, resize_mode=resize_mode, intensity=intensity))
    theirs = ReadRadiographd(32, resize_mode, intensity)
    for file in sorted(pictures.iterdir()):
        assert torch.equal(theirs({"image": str(file)})["image"], ours(file)[0]), file.name


def test_a_picture_of_sixteen_bits_is_named(tmp_path):
    Image.fromarray(np.arange(400, dtype=np.uint16).reshape(20, 20)).save(tmp_path / "deep.png")
    with pytest.raises(ValueError, match=r"deep.png: a PNG or JPG of eight bits"):
        ReadRadiographd(32, "pad", "voi")({"image": str(tmp_path / "deep.png")})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--task", "grounding", "--out", "b"], "--task grounding exports a backbone; this is a model for labels"),
        (["--task", "report", "--out", "b"], "reports are written word by word: gkmvlp predict writes them"),
        (["--task", "reports", "--out", "b"], "no 'reports' here"),
        (["--task", "classification", "--out", "b.zip"], "a folder, whose name has no suffix"),
    ],
)
def test_what_no_bundle_is_made_of_is_one_line(folder, tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    assert main(["export", "--model", str(folder / "model"), "--format", "monai-bundle", *words]) != 0
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert list(Path().iterdir()) == []

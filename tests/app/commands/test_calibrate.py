"""``gkmvlp calibrate`` on look-alikes: what it writes, what ``predict`` then says, and what it refuses."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

import gkmvlp
from gkmvlp.app.cli import main
from gkmvlp.app.commands import calibrate as command
from gkmvlp.checkpoints.calibration_file import FILE, read_calibration
from gkmvlp.data_modules.formats.chest_xray14 import LABELS
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.data_modules.synthetic import chest_xray14
from gkmvlp.entities import ENTITIES, of_label
from gkmvlp.errors import ConfigError, DataError
from gkmvlp.metrics.calibration.answers import answer_probability
from gkmvlp.metrics.calibration.score_map import METHODS
from gkmvlp.metrics.results.metric_result import Results
from gkmvlp.phantom.generate import draw_phantom
from gkmvlp.zoo.inference.calibrating import rows_of, targets_of
from gkmvlp.zoo.inference.density import measure_density, pooled_images
from gkmvlp.zoo.store.packaged import BACKBONE
from tests.app.small_models import write_answering, write_backbone, write_detecting, write_images, write_labelling

NIH = ("--data", "ChestXray14", "--dataset_name", "phantom-chestxray14", "--num_workers", "0", "--device", "cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("calibrate")
    chest_xray14.write(folder / "nih", 160, 0, size=32, workers=1)  # 12 validate: both classes of most labels
    write_labelling(folder / "labels" / "model", LABELS)
    write_backbone(folder / "run" / "backbone")
    write_answering(folder / "vqa" / "model", "classify")
    write_answering(folder / "free" / "model", "generate")
    write_detecting(folder / "boxes" / "model")
    write_images(folder / "images")
    return folder


@pytest.fixture
def model(folder, tmp_path):
    """A copy of a model's run."""

    def copy(name: str) -> Path:
        return Path(shutil.copytree(folder / name, tmp_path / name))

    return copy


def calibrate(*words: object) -> int:
    return main(["calibrate", *map(str, words)])


def predict(reference: Path, task: str, *more: object) -> int:
    return main(["predict", *map(str, ["--model", reference, "--task", task, "--device", "cpu", *more])])


def test_labels_from_calibration_to_thresholds(folder, model, tmp_path, capsys):
    run, image = model("labels"), folder / "images" / "0.jpg"
    assert predict(run, "classification", image) == 0
    assert "uncalibrated" in capsys.readouterr().out
    words = ("--root", folder / "nih", *NIH, "--at", "specificity=0.8", "--figures", tmp_path / "figures")
    assert calibrate(run, *words) == 0
    told = capsys.readouterr().out
    made = read_calibration(run / "model", {"labels": LABELS})
    assert made.data == "phantom-chestxray14"
    assert made.split.startswith("validate of official@")
    assert any(one.map.is_calibrated for one in made.of("labels").values())
    assert made.points[0] == "specificity=0.80"
    for one in made.of("labels").values():
        assert f"{one.label}: {one.map.method}, {one.positives} of {made.n} present" in told
        assert one.map.is_calibrated == (not one.map.reason) == bool(one.points)

    out = tmp_path / "rows.json"
    assert predict(run, "classification", image, "--out", out, "--at", "youden") == 0
    told = capsys.readouterr().out
    assert f"{made.summary}; thresholds at youden" in told
    rows = pd.read_json(out, precise_float=True).set_index("entity")
    for one in made.of("labels").values():
        row = rows.loc[one.label]
        assert row["calibration"] == one.map.method
        assert row["probability"] == pytest.approx(float(one.map(row["score"])))
        if one.map.is_calibrated:
            assert row["threshold"] == pytest.approx(float(one.map(one.points["youden"].score.value)))
            assert row["is_likely"] == (row["score"] >= one.points["youden"].score.value)
        else:
            assert pd.isna(row["threshold"])

    figures = {(f.name, f.label): f for f in Results.read(tmp_path / "figures" / "results.json").figures}
    assert {name for name, _ in figures} == {"ece", "brier"}
    for figure in figures.values():
        assert figure.value is None or set(figure.baselines) == set(figure.difference) == {"uncalibrated"}
    assert "uncalibrated" in (tmp_path / "figures" / "report.html").read_text()
    table = pd.read_parquet(tmp_path / "figures" / "predictions" / "calibration.parquet")
    assert not set(table["sample_id"]) & set(_validation(folder))


@pytest.mark.parametrize("named", [".", "model"])
def test_a_run_is_calibrated_on_its_own_data_where_none_are_named(folder, model, named, capsys):
    run = model("labels")
    arguments = {"root": str(folder / "nih"), "dataset_name": "phantom-chestxray14", "num_workers": 0}
    data = {"class_path": "ChestXray14", "init_args": arguments}
    (run / "config.yaml").write_text(yaml.safe_dump({"data": data}))
    assert calibrate(run / named, "--device", "cpu") == 0
    assert read_calibration(run / "model", {"labels": LABELS}).data == "phantom-chestxray14"


def _validation(folder: Path) -> list[str]:
    data = gkmvlp_data(folder)
    return [sample.sample_id for sample in data.rows("validate")]


def gkmvlp_data(folder: Path):
    from gkmvlp.data_modules import ChestXray14

    data = ChestXray14(str(folder / "nih"), image_size=32, num_workers=0)
    data.check()
    return data


def test_a_second_calibration_says_how_the_prevalence_differs(folder, model, capsys):
    run = model("labels")
    assert calibrate(run, "--root", folder / "nih", *NIH) == 0
    first = read_calibration(run / "model")
    assert calibrate(run, "--root", folder / "nih", *NIH, "--split", "all") == 0
    told = capsys.readouterr().out
    second = read_calibration(run / "model")
    before, after = (one.of("labels")[LABELS[0]].prevalence for one in (first, second))
    assert f"{LABELS[0]} {after:.3f} (was {before:.3f})" in told
    assert any("prevalence here" in note for note in second.notes)


def test_entities_and_their_sentences(folder, model, phantoms, tmp_path, capsys):
    run = model("run")
    words = ("--root", phantoms, "--split", "all", "--num_workers", "0", "--device", "cpu")
    assert calibrate(run, *words) == 0
    assert "data: MimicCxr, by what" in capsys.readouterr().out
    made = read_calibration(run / "backbone")
    assert set(made.scores) == {"entities", "zero_shot"}
    out = tmp_path / "rows.json"
    for task, kind in (("grounding", "entities"), ("zero_shot", "zero_shot")):
        assert predict(run, task, folder / "images" / "0.jpg", "--out", out) == 0
        rows = pd.read_json(out, precise_float=True)
        names = rows["entity"] if task == "grounding" else rows["prompt"].str.extract(r"There is (.*)\. \|")[0]
        for name, row in zip(names, rows.to_dict("records"), strict=True):
            one = made.of(kind)[name]
            assert row["calibration"] == one.map.method
            if one.map.is_calibrated:
                assert row["probability"] == pytest.approx(float(one.map(row["score"])))


def test_answers_get_one_temperature(folder, model, phantoms, tmp_path):
    run, image = model("vqa"), folder / "images" / "0.jpg"
    words = ("--root", phantoms, "--data", "VqaRad", "--split", "all", "--num_workers", "0", "--device", "cpu")
    assert calibrate(run, *words) == 0
    made = read_calibration(run / "model").answers
    assert made.n > 0
    predictor, out = gkmvlp.load(run, device="cpu"), tmp_path / "rows.json"
    memory = predictor.encode_images(predictor.batch([predictor.item(image)]))
    scores = predictor.answer_scores(memory, "is there an effusion?")
    assert predict(run, "vqa", image, "--question", "is there an effusion?", "--out", out) == 0
    (row,) = pd.read_json(out, precise_float=True).to_dict("records")
    assert row["calibration"] == "temperature"
    assert row["probability"] == pytest.approx(answer_probability(scores, made.temperature)[0], rel=1e-4)
    assert predictor.predict(image, question="is there an effusion?").answer_probability == pytest.approx(
        row["probability"], rel=1e-4
    )


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (("zoo://gk-mvlp-phantom",), 2, "name a new folder for a calibrated copy by --out DIR"),
        (("RUN",), 2, "which data? name it: --root DIR"),
        (("RUN", "--root", "NIH", "--data", "ChestXray14", "--split", "test"), 1, "the test rows tell how good"),
        (("RUN", "--root", "NIH", "--split", "all", "--figures", "f"), 2, "--figures needs test rows"),
        (("RUN", "--root", "IMAGES"), 2, "was found there; name one by --data"),
        (("RUN", "--root", "NIH", "--at", "ppv=0.9"), 2, "or youden was expected"),
        (("BOXES", "--root", "NIH", "--data", "ChestXray14"), 1, "this model gives no probabilities to calibrate"),
        (("BOXES", "--root", "NIH"), 1, "this model gives no probabilities to calibrate"),
        (("FREE", "--root", "VQA", "--data", "VqaRad", "--split", "all"), 1, "this model gives no probabilities"),
        (("RUN", "--root", "VQA", "--data", "VqaRad", "--split", "all"), 1, "knows none of the model's findings"),
        (("RUN", "--root", "NIH", "--method", "magic"), 2, "magic"),
    ],
)
def test_what_cannot_work_is_one_line(words, code, line, folder, phantoms, capsys):
    places = {"RUN": "labels", "NIH": "nih", "IMAGES": "images", "BOXES": "boxes", "FREE": "free"}
    named = [phantoms if word == "VQA" else folder / places[word] if word in places else word for word in words]
    more = ["--num_workers", "0"] if "--data" in words else []
    assert calibrate(*named, *more, "--device", "cpu") == code
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert line in told
    assert not list(folder.rglob(FILE))


def test_the_command_knows_every_method():
    assert command.METHODS == METHODS


def test_a_broken_file_stops_a_prediction_in_one_line(folder, model, capsys):
    run = model("labels")
    (run / "model" / FILE).write_text("{")
    assert predict(run, "classification", folder / "images") == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "no readable calibration" in told


def test_an_operating_point_needs_a_calibration_and_findings(folder, capsys):
    assert predict(folder / "labels", "classification", folder / "images", "--at", "youden") == 1
    assert "this model has no thresholds, it is uncalibrated" in capsys.readouterr().err
    assert predict(folder / "vqa", "vqa", folder / "images", "--question", "what?", "--at", "youden") == 2
    assert "--at goes with --task classification, zero_shot, grounding" in capsys.readouterr().err


def sample(split="validate", **fields):
    return Sample("i", "p", "i.png", "PA", split, fields=fields)


def test_targets_are_found_by_label_or_by_entity():
    data = SimpleNamespace(name="x", labels=("Effusion", "Mass"))
    rows = [sample(label=np.array([1.0, 0.0])), sample(label=np.array([0.0, np.nan]))]
    effusion = of_label("Effusion").name
    found = targets_of(data, rows, [effusion, "Mass", "Hernia"])
    np.testing.assert_array_equal(found, [[1, 0, np.nan], [0, np.nan, np.nan]])


def test_targets_of_reports_are_those_of_the_figures():
    """Present 1, absent and not mentioned 0, uncertain unknown."""
    names = [entity.name for entity in ENTITIES[:4]]
    status = np.full(len(ENTITIES), -2, np.int8)
    status[:4] = [1, 0, -1, -2]
    found = targets_of(SimpleNamespace(name="x"), [sample(status=status)], names)
    np.testing.assert_array_equal(found, [[1, 0, np.nan, 0]])


def test_no_validation_rows_are_refused():
    data = SimpleNamespace(name="x", samples=[sample("test")], rows=lambda split: [])
    with pytest.raises(ConfigError, match="no validate rows to calibrate on"):
        rows_of(data, "validate")
    assert rows_of(data, "all") == data.samples


@pytest.mark.slow
def test_a_model_of_the_package_is_copied_and_its_probabilities_mended(tmp_path, capsys):
    chest_xray14.write(tmp_path / "data", 500, 1, size=128, workers=1)
    out, reference = tmp_path / "copy", "zoo://gk-mvlp-phantom-classification"
    words = ("--root", tmp_path / "data", *NIH, "--out", out, "--figures", tmp_path / "figures")
    assert calibrate(reference, *words) == 0
    assert (out / FILE).is_file()
    packaged = Path(gkmvlp.__file__).parent / "zoo" / "models" / reference.removeprefix("zoo://")
    assert read_calibration(packaged).n != read_calibration(out).n
    assert json.loads((out / "config.json").read_text())["base"].startswith(f"zoo://{BACKBONE.name}@")
    figures = {(f.name, f.label): f for f in Results.read(tmp_path / "figures" / "results.json").figures}
    brier = figures["brier", "all"]
    assert brier.value < brier.baselines["uncalibrated"]["value"] + 0.005
    image = min((tmp_path / "data").rglob("*.png"))
    assert predict(out, "classification", image) == 0
    assert "calibrated on phantom-chestxray14" in capsys.readouterr().out
    assert calibrate(reference, *words) == 1
    assert f"--out {out} exists" in capsys.readouterr().err


def test_density_tells_what_lies_far_from_the_training_images(folder, model, capsys):
    """Its quantiles are those of the validation images, and predict follows them."""
    run = model("run")
    assert calibrate(run, "--root", folder / "nih", *NIH, "--density") == 0
    assert "density.json" in capsys.readouterr().out
    predictor = gkmvlp.load(run, device="cpu")
    data = gkmvlp_data(folder)
    nearer = predictor.density.distances(pooled_images(predictor, data, data.rows("validate")))
    assert predictor.density.n == len(data.rows("train"))
    assert predictor.density.quantiles[-1] == pytest.approx(nearer.max(), rel=1e-4)
    assert np.isclose(predictor.density.quantiles[50], np.median(nearer), rtol=1e-4)
    # of a model whose training images all lie in one point everything is far
    predictor.density = replace(predictor.density, quantiles=(0.0,) * 101)
    phantom = draw_phantom(5077, 0, 160).image_HW
    verdict = predictor.predict(phantom).verdict
    assert verdict.kind == "far from training"
    assert not verdict.ok
    assert "lies far from what the model was trained on" in predictor.predict(phantom).notice
    assert predictor.predict(phantom, gate="off").verdict is None
    with pytest.raises(DataError, match="is refused: lies far"):
        predictor.predict(phantom, gate="refuse")
    with pytest.raises(ConfigError, match="--density needs 10 train and 10 validate rows"):
        measure_density(predictor, SimpleNamespace(rows=lambda _: [], name="none"))
